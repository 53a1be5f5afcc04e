// STR: a soft threshold for each layer, learned with the weights (Kusupati et al. 2020).
//     W = S(theta, d),  d = sigmoid(s);   dtheta = g where W is not 0;   ds = -d (1 - d) sum of g sign(W)
// With `group`, W is the sparse-group threshold, and both gradients are those of it (shaders/lib/str_group.wgsl).
// s starts far below 0, where d is about 0, and its weight decay raises it until the loss counteracts. With a target sparsity, the
// decay is steered; `str.decay` is its first value.
import type { CommonSettings } from "../../optim/optimizer_options.ts";
import { defined } from "../../text/index.ts";
import { groupOf, type PruneConfig, type RunShape, spanOf } from "../config.ts";
import { noThreshold, type PruningMethod } from "../method.ts";
import { aimed } from "./aimed.ts";
import { learnedThresholdOf } from "./learned.ts";

/** First decay of a run with a target, if there is none. */
const FIRST_DECAY = 0.01;
/** Progress at which the target is reached: later the learning rate, which moves s, is small. */
const RAMP = 0.6;

export function str(config: PruneConfig, run: RunShape): PruningMethod {
  const { start, freeze } = spanOf(config, run);
  const group = groupOf(config);
  const { groupShare } = config;
  const method: PruningMethod = {
    ...noThreshold,
    ...learnedThresholdOf(),
    name: group ? `str ${group}` : "str",
    group: { mode: "str", ...defined({ str: config.str, group, groupShare }) },
    phase: (n) => (n < start ? "dense" : n < freeze ? "prune" : "mask"),
    isFrozen: (n) => n >= freeze,
    // sigma(s(n + 1)) - sigma(s(n)) is what shrinks live weights, as in the other soft thresholds.
    isL1: true,
  };
  const until = Math.min(freeze, run.mainSteps);
  // With momentum a larger decay swings s past 0: at most critical damping.
  const most = (n: number) => (1 - Math.sqrt(run.momentum)) ** 2 / Math.max(run.lr(n), 1e-30);
  const first = ({ str }: CommonSettings) => str?.decay || FIRST_DECAY;
  return aimed(method, config, { field: "raw_decay", start: first, most, from: start, until, ramp: RAMP });
}
