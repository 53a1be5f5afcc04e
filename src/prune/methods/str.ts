// STR: a soft threshold for each layer, learned with the weights (Kusupati et al. 2020).
//     W = S(theta, d),  d = sigmoid(s);   dtheta = g where W is not 0;   ds = -d (1 - d) sum of g sign(W)
// s starts far below 0, where d is about 0, and its weight decay raises it until the loss counteracts.
import { type PruneConfig, type RunShape, spanOf } from "../config.ts";
import { noThreshold, type PruningMethod } from "../method.ts";
import { learnedThresholdOf } from "./learned.ts";

export function str(config: PruneConfig, run: RunShape): PruningMethod {
  const { start, freeze } = spanOf(config, run);
  return {
    ...noThreshold,
    ...learnedThresholdOf(),
    name: "str",
    group: { mode: "str", ...(config.str ? { str: config.str } : {}) },
    phase: (n) => (n < start ? "dense" : n < freeze ? "prune" : "mask"),
    // sigma(s(n + 1)) - sigma(s(n)) is what shrinks live weights, as in the other soft thresholds.
    isL1: true,
  };
}
