// One soft threshold d for all layers, raised by a schedule: LATS, S-LATS, PGH, linear, sine; or as proximal SGD (ISTA), also
// with Nesterov's extrapolation (FISTA).
//     latent    theta' = theta - lr v,          W = S(theta', d(n + 1))
//     inplace   W' = S(W - lr v, tau),          tau = d(n + 1) - d(n)
//               with `gradient: true`, v takes the gradient of S(theta, d): 0 where W is 0
//               with `group`, S is the sparse-group threshold of shaders/lib/sparse_group.wgsl
//     fista     x' = S(W - lr g, tau),          W = x' + b(k) (x' - x)
import type { StepValues, ThresholdMode } from "../../optim/index.ts";
import { extrapolation } from "../acceleration.ts";
import { aimsAtShare, check, groupOf, type PruneConfig, type RunShape, spanOf, thresholdConfig } from "../config.ts";
import { inverseThreshold } from "../groups.ts";
import { LiveThreshold } from "../live_threshold.ts";
import type { PruningMethod } from "../method.ts";
import { makeThresholdSchedule, type ThresholdSchedule } from "../threshold_schedule.ts";
import { steered } from "./steered.ts";

export function soft(config: PruneConfig, run: RunShape): PruningMethod {
  if (config.schedule === "none") return dense();
  modeOf(config);
  const { steer } = config;
  check("steer", "nothing without a target sparsity", steer, steer === undefined || aimsAtShare(config));
  const { stepsPerEpoch, mainSteps, lr } = run;
  const schedule = makeThresholdSchedule(thresholdConfig(config, run), {
    totalSteps: mainSteps,
    stepsPerEpoch,
    epochs: mainSteps / stepsPerEpoch,
    lr,
  });
  return softAlong(config, run, schedule);
}

/** Return the optimiser's mode. Throws ArgumentError for FISTA on latent weights. */
function modeOf({ mode, accelerated = false }: PruneConfig): ThresholdMode {
  check("mode", "inplace with accelerated", mode, !accelerated || mode === "inplace");
  return accelerated ? "fista" : mode;
}

/** Make the method along any schedule. */
export function softAlong(config: PruneConfig, run: RunShape, schedule: ThresholdSchedule): PruningMethod {
  const { accelerated = false, gradient = "straight-through", groupShare } = config;
  const group = groupOf(config);
  const mode = modeOf(config);
  check("gradient", "straight-through or true", gradient, gradient === "straight-through" || gradient === "true");
  check("mode", "latent with gradient true", mode, gradient !== "true" || mode === "latent");
  const shifts = !aimsAtShare(config) && schedule.at(0) !== 0;
  check("schedule", "one that rises from 0, with groups", config.schedule, group === undefined || !shifts);
  const { stepsPerEpoch, momentum } = run;
  const { freeze } = spanOf(config, run);
  const live = new LiveThreshold(schedule, { mayFall: mode === "latent" });
  const isFrozen = (n: number) => n >= freeze && freeze < run.totalSteps;

  const values = (n: number): StepValues => {
    if (isFrozen(n)) return { threshold: 0, thresholdNext: 0, tau: 0, ...(accelerated ? { momentum: 0 } : {}) };
    return {
      ...live.step(n),
      // Restarts each epoch and ends it at x itself, so that tested and saved weights are sparse.
      ...(accelerated ? { momentum: extrapolation(n % stepsPerEpoch, stepsPerEpoch, momentum) } : {}),
    };
  };
  const method: PruningMethod = {
    name: nameOf(config),
    group: {
      mode,
      ...(gradient === "true" ? { gradient } : {}),
      ...(config.decayTarget ? { decayTarget: config.decayTarget } : {}),
      ...(group ? { group, ...(groupShare === undefined ? {} : { groupShare }) } : {}),
    },
    phase: (n) => (isFrozen(n) ? "mask" : "prune"),
    isFrozen,
    values,
    thresholdAt: (n) => live.at(Math.min(n, freeze)),
    increment: (n) => (isFrozen(n) ? 0 : live.increment(n)),
    isL1: true,
    setFinal: (final) => live.setFinal(final),
    ...(accelerated ? { l1Momentum: 0 } : {}),
    async prepare({ model }) {
      if (!shifts) return;
      const d = schedule.at(0);
      // The first forward pass reads the initial weights.
      for (const p of model.parameters()) {
        if (p.latent) p.latent.set(inverseThreshold((await p.latent.data()) as Float32Array, d));
      }
    },
  };
  return aimsAtShare(config) ? steered(method, schedule, config, run) : method;
}

/** Return the customary name of the method. */
function nameOf({ schedule, mode, accelerated, freezeEpoch, group }: PruneConfig): string {
  const plain = accelerated ? "fista" : mode === "inplace" && schedule === "lats" ? "ista" : schedule;
  const name = freezeEpoch === undefined ? plain : plain === "pgh-general" ? "early" : `early ${plain}`;
  return group ? `${name} ${group}` : name;
}

function dense(): PruningMethod {
  return {
    name: "dense",
    group: { mode: "none" },
    phase: () => "prune",
    values: () => ({ threshold: 0, thresholdNext: 0, tau: 0 }),
    thresholdAt: () => 0,
    increment: () => 0,
    isL1: true,
  };
}
