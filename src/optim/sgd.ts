// SGD with momentum, weight decay and pruning, fused: one dispatch per parameter group and arena chunk.
import type { Parameter } from "../nn/parameter.ts";
import type { CompleteValues, GroupRule } from "./group_rule.ts";
import { groupedRule } from "./grouped_parts.ts";
import { learnedParts } from "./learned_parts.ts";
import type { LayerSums } from "./learned_thresholds.ts";
import { Optimizer } from "./optimizer.ts";
import { latentSpec } from "./optimizer_options.ts";
import type { ArenaChunk } from "./param_arena.ts";
import { UPDATES } from "./rules.ts";
import {
  checkOptions,
  type GroupSettings,
  groupSettings,
  isLearned,
  type ParamGroup,
  type SGDOptions,
} from "./sgd_options.ts";

export type { ThresholdMode } from "./optimizer_options.ts";
export type { ParamGroup, SGDOptions } from "./sgd_options.ts";

/**
 * Stochastic gradient descent with momentum, weight decay and soft-threshold pruning, in one dispatch per group of
 * parameters.
 *
 * Formula   g = dL/dw + weightDecay·w; v = momentum·v + (1 - dampening)·g; w = w - lr·v (Nesterov: w - lr·(g + momentum·v))
 * Errors    OpError for a parameter in two groups, a bad option, or a list without parameters.
 * Source    torch.optim.SGD; the thresholds are those of LATS and of the other methods in espalier/prune.
 * @example
 * const model = new Linear(4, 2);
 * // The rate falls and the threshold rises with the steps; `step()` moves both.
 * const optimizer = new SGD(pruningGroups(model, { mode: "latent" }), {
 *   lr: (step) => 0.1 / (1 + step),
 *   threshold: (step) => Math.min(0.02 * step, 0.2),
 *   momentum: 0.9,
 * });
 * for (let n = 0; n < 3; n++) {
 *   tidy(() => {
 *     const tape = new Tape();
 *     tape.backward(crossEntropy(model.forward(tensor([[1, 2, 3, 4]])), tensor(Int32Array.of(1))));
 *     optimizer.step();
 *   });
 * }
 * console.log(optimizer.stepsDone); // 3
 */
export class SGD extends Optimizer {
  /** Take over the parameters' memory: they become slices of the optimiser's arenas. */
  constructor(params: readonly Parameter[] | readonly ParamGroup[], options: SGDOptions) {
    super(params, {
      name: "SGD",
      check: (groups) => checkOptions(options, groups),
      rule: (own) => sgdRule(groupSettings(options, own)),
    });
  }
}

/** Return the rule of a group of SGD. */
function sgdRule(settings: GroupSettings): GroupRule {
  const { mode, momentum, nesterov, dampening } = settings;
  const rule: GroupRule = {
    settings,
    buffers: {
      latent: mode === "latent" || mode === "fista" || isLearned(mode),
      momentum: momentum > 0 && mode !== "fista",
      moments: 0,
    },
    kernel: isLearned(mode) ? learnedParts(mode).updates[mode] : UPDATES[mode],
    spec: { NESTEROV: nesterov, READS_WEIGHT: mode === "fista", ...latentSpec(settings) },
    addsDecay: true,
    numbers: (values, step, chunks) => ({
      momentum: values.momentum,
      gradient_scale: step === 0 ? 1 : 1 - dampening,
      ...learnedNumbers(settings, values, chunks),
    }),
    ...(isLearned(mode)
      ? { learned: (chunk: ArenaChunk, sums?: LayerSums) => learnedParts(mode).make(chunk, settings, sums) }
      : {}),
  };
  return groupedRule("SGD", rule);
}

/** Return what moves learned thresholds in a step, and the L1 coefficient of latent weights. */
function learnedNumbers(
  { str, ltp, mode, lr, nesterov, shrink }: GroupSettings,
  v: CompleteValues,
  chunks: readonly ArenaChunk[],
): Readonly<Record<string, number>> {
  if (mode === "latent") return { l0: shrink };
  // s moves with the learning rate of the weights, which the schedule sets.
  if (mode === "str")
    return { raw_lr: v.lr, raw_decay: str.decay, raw_momentum: v.momentum, raw_nesterov: Number(nesterov) };
  if (mode !== "ltp") return {};
  // tau follows the schedule of the weights' learning rate too, so that thresholds stop moving with the weights.
  const share = lr > 0 ? v.lr / lr : 1;
  const weights = chunks.flatMap((c) => c.params).reduce((n, p) => n + p.numel, 0);
  return { raw_lr: ltp.lr * share, raw_clip: ltp.clip, l0: ltp.l0 / weights, temperature: ltp.temperature };
}
