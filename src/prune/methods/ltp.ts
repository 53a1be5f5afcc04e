// LTP: a threshold tau on the squared weight for each layer, learned through a soft gate, with a cost for every remaining weight
// (Azarian et al. 2020).
//     W = theta gate,  gate = sigmoid((theta² - tau) / T),  T = T0 Var|theta|
//     loss = task + l0 · (sum of gates) / weights;   dtheta = g gate;   dtau = -sum(g theta q) - l0 sum(q) / weights
//     with q = gate (1 - gate) / T.  Tests and the result use the hard mask theta² > tau.
// After two thirds of the epochs (or at `freezeEpoch`) the mask is final, and the remaining weights are trained.
import { type PruneConfig, type RunShape, spanOf } from "../config.ts";
import { noThreshold, type PruningMethod } from "../method.ts";
import { aimed } from "./aimed.ts";
import { learnedThresholdOf } from "./learned.ts";

/** Progress of pruning at which a target is reached. */
const RAMP = 0.6;

export function ltp(config: PruneConfig, run: RunShape): PruningMethod {
  const begins = Math.round((config.startEpoch ?? 0) * run.stepsPerEpoch);
  const remaining = run.mainSteps - begins;
  const { start, freeze } = spanOf(config, run, begins + Math.max(1, Math.round((2 / 3) * remaining)));
  const method: PruningMethod = {
    ...noThreshold,
    ...learnedThresholdOf(),
    name: "ltp",
    group: { mode: "ltp", ...(config.ltp ? { ltp: config.ltp } : {}) },
    phase: (n) => (n < start ? "dense" : n < freeze ? "prune" : "mask"),
    isFrozen: (n) => n >= freeze,
  };
  const until = Math.min(freeze, run.mainSteps);
  // With a target the price is steered; `ltp.l0` is its first value.
  return aimed(method, config, { field: "l0", start: ({ ltp }) => ltp?.l0 || 1, from: start, until, ramp: RAMP });
}
