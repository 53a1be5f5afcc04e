// Names and settings of optimisers, which a run saves as JSON. Imports no shader.
import type { UsesOf } from "../text/index.ts";

/** Name of an optimiser. */
export type OptimizerName = "sgd" | "adam" | "adamw" | "rmsprop";
/** Names of the optimisers. */
export const OPTIMIZERS: readonly OptimizerName[] = ["sgd", "adam", "adamw", "rmsprop"];

/** An optimiser of a run, with PyTorch's names and defaults. */
export interface OptimizerConfig {
  readonly name: OptimizerName;
  /** adam, adamw: shares of the old moments. Default [0.9, 0.999]. */
  readonly betas?: readonly [number, number] | undefined;
  /** All but sgd: number added to the divisor. Default 1e-8. */
  readonly eps?: number | undefined;
  /** adam, adamw: AMSGrad. Default false. */
  readonly amsgrad?: boolean | undefined;
  /** rmsprop: share of the old second moment. Default 0.99. */
  readonly alpha?: number | undefined;
  /** rmsprop: divide by the deviation of the gradient. Default false. */
  readonly centered?: boolean | undefined;
}

const isOne =
  (...names: readonly OptimizerName[]) =>
  ({ name }: OptimizerConfig) =>
    names.includes(name);
const ofAdam = { what: "optimizer adam and adamw", when: isOne("adam", "adamw") };
const ofRmsprop = { what: "optimizer rmsprop", when: isOne("rmsprop") };

/** The optimisers that read each setting. */
export const OPTIMIZER_USES: UsesOf<OptimizerConfig> = {
  name: null,
  betas: ofAdam,
  eps: { what: "optimizer adam, adamw and rmsprop", when: isOne("adam", "adamw", "rmsprop") },
  amsgrad: { ...ofAdam, idle: false },
  alpha: ofRmsprop,
  centered: { ...ofRmsprop, idle: false },
};

/** Return true for optimisers with momentum. */
export const hasMomentum = isOne("sgd", "rmsprop");

/** Settings of a run that depend on its optimiser: PyTorch's defaults, for all but sgd. */
export const OPTIMIZER_DEFAULTS = {
  adam: { lr: 0.001, momentum: 0, weightDecay: 0 },
  adamw: { lr: 0.001, momentum: 0, weightDecay: 0.01 },
  rmsprop: { lr: 0.01, momentum: 0, weightDecay: 0 },
} as const satisfies Record<Exclude<OptimizerName, "sgd">, object>;
