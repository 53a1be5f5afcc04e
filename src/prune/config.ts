// What decides which weights go, and when: the settings of a pruning method, in epochs, as recipes give them.
import type { LtpOptimizerOptions, StrOptions } from "../optim/index.ts";
import { checksOf } from "./check.ts";
import type { ThresholdConfig, ThresholdScheduleName } from "./threshold_schedule.ts";

export const check = checksOf("pruning");

/**
 * The methods.
 * - `soft`      one soft threshold for all layers, raised by `schedule`: LATS, S-LATS, PGH, linear, sine, ISTA, FISTA
 * - `str`       a learned soft threshold for each layer
 * - `ltp`       a learned threshold for each layer, a soft gate and a price on each weight
 * - `gmp`       the smallest weights of each layer go, a few more every so often, along a cubic curve
 * - `one-shot`  the smallest weights of each layer go, all at once
 * - `snip`      before training, the weights go whose loss would change the least of the batch's gradient
 * - `random`    before training, weights go by lot
 * - `at-init`   a short run with `soft` finds the mask, then training begins anew from the first weights
 * - `masked`    the zeros that the weights came with stay
 */
export const PRUNING_METHODS = [
  "soft",
  "str",
  "ltp",
  "gmp",
  "one-shot",
  "snip",
  "random",
  "at-init",
  "masked",
] as const;
export type PruningMethodName = (typeof PRUNING_METHODS)[number];

export interface PruneConfig {
  /** Default `soft`. */
  readonly method?: PruningMethodName | undefined;
  /** Of `soft` and `at-init`. `none`: dense training. */
  readonly schedule: ThresholdScheduleName;
  /** Final threshold D; give this, lambda or sparsity. */
  readonly threshold?: number | undefined;
  readonly lambda?: number | undefined;
  /** Share of zeros to end at, among the weights that may be pruned, in (0, 1). */
  readonly sparsity?: number | undefined;
  readonly mode: "latent" | "inplace";
  /** Nesterov's extrapolation between proximal steps (FISTA). Wants mode inplace. */
  readonly accelerated?: boolean | undefined;
  /** Dense epochs before pruning begins. Default 0. */
  readonly startEpoch?: number | undefined;
  readonly beta?: number | undefined;
  /** Epochs in which the threshold rises, absent: until `freezeEpoch`; or gmp cuts, absent: three quarters of those. */
  readonly window?: number | undefined;
  /** Epoch from which zeros stay zero and the rest is trained on; absent: never, of ltp after two thirds. */
  readonly freezeEpoch?: number | undefined;
  /** Layers to leave alone: `first`, `last`, a name, or a /regular expression/ for names. They still count as weights. */
  readonly dense?: readonly string[] | undefined;
  /** gmp: steps between two cuts. Default 32. */
  readonly every?: number | undefined;
  readonly str?: StrOptions | undefined;
  readonly ltp?: LtpOptimizerOptions | undefined;
  /** snip: batches whose gradients count. Default 4. */
  readonly snipBatches?: number | undefined;
  /** at-init: epochs that find the mask. Default 1. */
  readonly initEpochs?: number | undefined;
}

/** What a method knows of the run that it prunes. */
export interface RunShape {
  /** Steps of all epochs, those of a final fine-tuning included. */
  readonly totalSteps: number;
  /** Steps before the final fine-tuning. */
  readonly mainSteps: number;
  readonly stepsPerEpoch: number;
  /** Learning rate of step n. */
  readonly lr: (step: number) => number;
  readonly momentum: number;
  readonly seed: number;
}

/** The steps from which on pruning goes on, and from which on zeros stay zero. */
export interface Span {
  readonly start: number;
  /** First step of masked training; `totalSteps` when there is none. */
  readonly freeze: number;
}

/** Whether the settings ask for a final or early phase of masked training, and the steps of it. */
export function spanOf(config: PruneConfig, run: RunShape, freezeDefault?: number): Span {
  const { startEpoch = 0, freezeEpoch } = config;
  const { stepsPerEpoch, mainSteps, totalSteps } = run;
  const start = Math.round(startEpoch * stepsPerEpoch);
  const asked = freezeEpoch === undefined ? freezeDefault : Math.round(freezeEpoch * stepsPerEpoch);
  const freeze = asked ?? (mainSteps < totalSteps ? mainSteps : totalSteps);
  check(
    "startEpoch",
    `at least 0 and before the end of epoch ${mainSteps / stepsPerEpoch}`,
    startEpoch,
    start >= 0 && start < mainSteps,
  );
  check(
    "freezeEpoch",
    `after startEpoch, within the ${mainSteps / stepsPerEpoch} epochs`,
    freezeEpoch,
    freeze > start && (freeze <= mainSteps || (freezeEpoch === undefined && freeze === totalSteps)),
  );
  check("window", "a number of epochs > 0", config.window, config.window === undefined || config.window > 0);
  return { start, freeze };
}

/** The threshold schedule's settings in steps: it reaches D at `window` epochs, or where zeros begin to stay zero. */
export function thresholdConfig(config: PruneConfig, run: RunShape): ThresholdConfig {
  const { schedule, threshold, lambda, sparsity, beta, window } = config;
  const { start, freeze } = spanOf(config, run);
  if (sparsity !== undefined) {
    check("threshold", "nothing, since sparsity is given", threshold, threshold === undefined);
    check("lambda", "nothing, since sparsity is given", lambda, lambda === undefined);
  }
  const left = Math.min(freeze, run.mainSteps) - start;
  const windowSteps = window === undefined ? left : Math.min(Math.max(1, Math.round(window * run.stepsPerEpoch)), left);
  const common = { schedule, beta, pruningStartStep: start, windowSteps };
  // Of a target, the schedule gives the share of a final threshold that is not known yet.
  return sparsity === undefined ? { ...common, threshold, lambda } : { ...common, threshold: 1 };
}

/** The target of a method that wants one. */
export function targetOf(config: PruneConfig, method: string): number {
  const { sparsity } = config;
  check(
    "sparsity",
    `a number in (0, 1), since the method is ${method}`,
    sparsity,
    sparsity !== undefined && sparsity > 0 && sparsity < 1,
  );
  return sparsity!;
}
