// Settings of a pruning method, in epochs, as recipes give them.
import type { LtpOptimizerOptions, StrOptions } from "../optim/index.ts";
import { WEIGHT_GROUPS, type WeightGroupName } from "../optim/weight_groups.ts";
import { checksOf } from "../text/index.ts";
import type { LayerShares } from "./layer_shares.ts";
import { expectOneAim, type ThresholdConfig, type ThresholdScheduleName } from "./threshold_schedule.ts";

export const check = checksOf("pruning");

/**
 * The pruning methods.
 * - `soft`      one soft threshold for all layers, raised by `schedule`: LATS, S-LATS, PGH, linear, sine, ISTA, FISTA
 * - `str`       a learned soft threshold for each layer
 * - `ltp`       a learned threshold for each layer, a soft gate and a price on each weight
 * - `gmp`       cuts the smallest weights at intervals, along a cubic curve
 * - `one-shot`  cuts the smallest weights once
 * - `imp`       trains, cuts the smallest weights, returns the others to their values of an early step, and trains again
 * - `snip`      before training, cuts the weights of the smallest |w · dL/dw|
 * - `grasp`     before training, cuts the weights whose loss raises the norm of the gradient most, or lowers it least
 * - `synflow`   before training and without data, cuts the weights of the smallest synaptic flow, in rounds
 * - `random`    before training, cuts random weights
 * - `at-init`   finds the mask in a short run with `soft`, then trains the survivors from their initial values
 * - `masked`    keeps the zeros of the loaded weights
 * - `grad-r`    a constant soft threshold, and an L1 penalty on the latent weights: gradient rewiring
 */
export const PRUNING_METHODS = [
  "soft",
  "str",
  "ltp",
  "gmp",
  "one-shot",
  "imp",
  "snip",
  "grasp",
  "synflow",
  "random",
  "at-init",
  "masked",
  "grad-r",
] as const;
/** Name of a pruning method; see PRUNING_METHODS. */
export type PruningMethodName = (typeof PRUNING_METHODS)[number];

/**
 * Division of a target among the layers, of methods that cut by magnitude or at random.
 * - `layer`   the same share of each layer
 * - `global`  one choice among the weights of all layers
 * - `erk`     Erdős–Rényi-kernel densities: smaller layers keep a larger share
 */
export const PRUNING_SCOPES = ["layer", "global", "erk"] as const;
/** Division of a target among the layers; see PRUNING_SCOPES. */
export type PruningScope = (typeof PRUNING_SCOPES)[number];

/**
 * Ways of a soft threshold to a target sparsity.
 * - `lambda`     searches the final threshold in the first half of the window, in hard cases in two thirds, and then holds it: the L1
 *                coefficient keeps the shape of the schedule
 * - `threshold`  follows the measured magnitude to the end: closer to the target, but the L1 coefficient grows
 */
export const STEERINGS = ["lambda", "threshold"] as const;
/** Name of a steering; see STEERINGS. */
export type SteeringName = (typeof STEERINGS)[number];

/**
 * Kernels of a run whose zeros stay zero: after the freeze, or with masks before training.
 * - `dense`  as before
 * - `auto`   in each layer those that are faster by measured times
 * - `block`  kernels for blocks of 8 or 4 outputs, in every layer with zeros
 */
export const TRAINING_KERNELS = ["dense", "auto", "block"] as const;
/** Kernels of a run whose zeros stay zero; see TRAINING_KERNELS. */
export type TrainingKernels = (typeof TRAINING_KERNELS)[number];

/** Settings of a pruning method. */
export interface PruneConfig {
  /** Default `soft`. */
  readonly method?: PruningMethodName | undefined;
  /** Threshold schedule of `soft` and `at-init`. `none`: dense training. */
  readonly schedule: ThresholdScheduleName;
  /** Final threshold D. Set this, lambda or sparsity. */
  readonly threshold?: number | undefined;
  readonly lambda?: number | undefined;
  /** Final share of zeros among the prunable weights, in (0, 1). `str` aims by its decay, `ltp` by its price. */
  readonly sparsity?: number | undefined;
  /**
   * soft, at-init, gmp and one-shot: groups of weights that are pruned together; see WEIGHT_GROUPS. Default: single weights. Adaptive
   * optimisers have none for soft thresholds.
   */
  readonly group?: WeightGroupName | undefined;
  /** Share of the threshold that acts on groups, from 0 to 1; the rest acts on single weights. Default 1. */
  readonly groupShare?: number | undefined;
  /** In place of `sparsity`, with `group`: final share of zero groups among those of the prunable weights, in (0, 1). */
  readonly groupSparsity?: number | undefined;
  /** Way of soft thresholds to `sparsity`; see STEERINGS. Default: lambda; at-init: threshold. */
  readonly steer?: SteeringName | undefined;
  readonly mode: "latent" | "inplace";
  /**
   * Gradient of latent weights through the soft threshold of method `soft`. `straight-through` (default): that of W; `true`: that of
   * S(theta, d), 0 for pruned weights.
   */
  readonly gradient?: "straight-through" | "true" | undefined;
  /**
   * Weights that weight decay acts on, with soft thresholds: the latent ones, |w| + d, where it adds an L1 term of wd · d; or the
   * effective ones. Default: latent; mode inplace: effective.
   */
  readonly decayTarget?: "latent" | "effective" | undefined;
  /** Nesterov's extrapolation between proximal steps (FISTA). Requires mode inplace. */
  readonly accelerated?: boolean | undefined;
  /** Dense epochs before pruning begins. Default 0. */
  readonly startEpoch?: number | undefined;
  readonly beta?: number | undefined;
  /** Epochs in which the threshold rises (default: until `freezeEpoch`) or gmp cuts (default: three quarters of that). */
  readonly window?: number | undefined;
  /** Epoch from which zeros stay zero and the rest is trained. Default: never; ltp: after two thirds of the epochs. */
  readonly freezeEpoch?: number | undefined;
  /**
   * True: at the end of each epoch after which zeros are final (`freezeEpoch`, masks before training, the end of cuts), remove dead
   * channels and neurons and train the smaller network. Results have the sizes of the original one. Default false.
   */
  readonly compact?: boolean | undefined;
  /**
   * Kernels of the epochs that begin once zeros stay zero; see TRAINING_KERNELS. For groups block8 and block4, and method masked. Sums
   * run in another order than those of the dense kernels. Default `dense`.
   */
  readonly kernels?: TrainingKernels | undefined;
  /** Layers to leave dense: `first`, `last`, a name, or a /regular expression/ for names. Their weights still count. */
  readonly dense?: readonly string[] | undefined;
  /** gmp, one-shot, imp and random: division of the target among the layers. Default `layer`; imp: `global`. */
  readonly scope?: PruningScope | undefined;
  /** gmp, one-shot, imp and random: the share of zeros of each layer, in place of `sparsity` and `scope`. */
  readonly shares?: LayerShares | undefined;
  /** gmp: steps between two cuts. Default 32. */
  readonly every?: number | undefined;
  /** imp: cuts between the trainings of the run, default 5. synflow: rounds of cuts, default 100. */
  readonly rounds?: number | undefined;
  /** imp: whole epochs of a training after which its weights are those to return to. Default 1. */
  readonly rewindEpoch?: number | undefined;
  /** grad-r: L1 coefficient of the latent weights. */
  readonly shrink?: number | undefined;
  readonly str?: StrOptions | undefined;
  readonly ltp?: LtpOptimizerOptions | undefined;
  /** snip and grasp: number of batches whose gradients are summed. Default 4. */
  readonly snipBatches?: number | undefined;
  /** at-init: epochs of the run that finds the mask. Default 1. */
  readonly initEpochs?: number | undefined;
}

/** The run, as a method sees it. */
export interface RunShape {
  /** Steps of all epochs, including the final fine-tuning. */
  readonly totalSteps: number;
  /** Steps before the final fine-tuning. */
  readonly mainSteps: number;
  readonly stepsPerEpoch: number;
  /** Learning rate of step n. */
  readonly lr: (step: number) => number;
  readonly momentum: number;
  readonly seed: number;
}

/** The steps at which pruning and masked training begin. */
interface Span {
  readonly start: number;
  /** First step of masked training; `totalSteps` if there is none. */
  readonly freeze: number;
}

/** Compute the steps at which pruning and masked training begin. */
export function spanOf(config: PruneConfig, run: RunShape, freezeDefault?: number): Span {
  const { startEpoch = 0, freezeEpoch } = config;
  const { stepsPerEpoch, mainSteps, totalSteps } = run;
  const start = Math.round(startEpoch * stepsPerEpoch);
  const asked = freezeEpoch === undefined ? freezeDefault : Math.round(freezeEpoch * stepsPerEpoch);
  const freeze = asked ?? (mainSteps < totalSteps ? mainSteps : totalSteps);
  check("startEpoch", `a number in [0, ${mainSteps / stepsPerEpoch})`, startEpoch, start >= 0 && start < mainSteps);
  check(
    "freezeEpoch",
    `an epoch after startEpoch, up to ${mainSteps / stepsPerEpoch}`,
    freezeEpoch,
    freeze > start && (freeze <= mainSteps || (freezeEpoch === undefined && freeze === totalSteps)),
  );
  check("window", "a number of epochs > 0", config.window, config.window === undefined || config.window > 0);
  return { start, freeze };
}

/** Convert the settings to those of a threshold schedule, in steps. It reaches D after `window` epochs, or at the freeze. */
export function thresholdConfig(config: PruneConfig, run: RunShape): ThresholdConfig {
  const { schedule, threshold, lambda, sparsity, groupSparsity, beta, window } = config;
  const { start, freeze } = spanOf(config, run);
  const aims = { threshold, lambda, sparsity, ...(groupSparsity === undefined ? {} : { groupSparsity }) };
  if (schedule !== "none") expectOneAim("pruning", aims);
  const left = Math.min(freeze, run.mainSteps) - start;
  const windowSteps = window === undefined ? left : Math.min(Math.max(1, Math.round(window * run.stepsPerEpoch)), left);
  const common = { schedule, beta, pruningStartStep: start, windowSteps };
  // With a target sparsity D is measured during the run, and the schedule gives the share of it.
  return aimsAtShare(config) ? { ...common, threshold: 1 } : { ...common, threshold, lambda };
}

/** Return true for a config whose final threshold follows from a share of zeros. */
export const aimsAtShare = ({ sparsity, groupSparsity }: PruneConfig): boolean =>
  sparsity !== undefined || groupSparsity !== undefined;

/** Return the groups of a config. Errors: ArgumentError for another name, and for settings without groups. */
export function groupOf({ group, groupShare, groupSparsity }: PruneConfig): WeightGroupName | undefined {
  check("group", `one of ${WEIGHT_GROUPS.join(", ")}`, group, group === undefined || WEIGHT_GROUPS.includes(group));
  check("groupShare", "nothing without group", groupShare, group !== undefined || groupShare === undefined);
  check(
    "groupShare",
    "a number from 0 to 1",
    groupShare,
    groupShare === undefined || (groupShare >= 0 && groupShare <= 1),
  );
  check("groupSparsity", "nothing without group", groupSparsity, group !== undefined || groupSparsity === undefined);
  return group;
}

/** Return true for a config with sparse kernels in training. */
export const usesKernels = <C extends PruneConfig>(config: C): config is C & { readonly kernels: "auto" | "block" } =>
  config.kernels !== undefined && config.kernels !== "dense";

/** Return true for a config whose zeros may be in blocks: pruned so, or loaded. */
export const mayHaveBlocks = ({ method, group }: PruneConfig): boolean =>
  method === "masked" || group === "block8" || group === "block4";

/** Return the target sparsity of a method that requires one. */
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
