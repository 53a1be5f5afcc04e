// A pruning method at work in a run: what it tells the optimiser, and what it does around the steps.
import type { Module } from "../nn/index.ts";
import type { ParamGroup, Phase, SGD, StepValues } from "../optim/index.ts";
import type { Tensor } from "../tensor/index.ts";
import type { RunShape } from "./config.ts";

/** How a run trains some steps for its method, before the run proper. */
export interface Rehearsal {
  readonly values: (step: number) => StepValues & { readonly lr: number };
  /** Between the upload of the step's numbers and the step. */
  readonly before?: (step: number) => void;
  /** After the step was enqueued. */
  readonly after?: (step: number) => void | Promise<void>;
}

/** What a method may use of the run. */
export interface PruningRun extends RunShape {
  readonly model: Module;
  readonly optimizer: SGD;
  /** Trains on the run's first batches. Throws when a loss is not finite. */
  train(steps: number, rehearsal: Rehearsal): Promise<void>;
}

export interface PruningMethod {
  /** As reports name it: "lats", "str". */
  readonly name: string;
  /** How the optimiser treats the weights that are to be pruned. */
  readonly group: Omit<ParamGroup, "params">;
  /** What the update does in step n. Entering `mask` from another phase bakes the weights. */
  phase(step: number): Phase;
  /** Thresholds of step n, and what else the method sets. */
  values(step: number): StepValues;
  /**
   * Threshold in force after n steps, as far as the host knows it; null where the GPU decides, see `readThreshold`.
   */
  thresholdAt(step: number): number | null;
  /** What step n adds to the threshold, in float64. */
  increment(step: number): number;
  /** Of a threshold that the GPU decides: the one after `step` steps, the last enqueued. Waits for the GPU. */
  readThreshold?(step: number): Promise<number>;
  /**
   * Of a method that does more than `values` says: how far it has gone after n steps, 0 to 1. Two plans of a run are compared
   * by it.
   */
  progressAt?(step: number): number;
  /** Whether (d_next - d) / lr is the coefficient of an L1 penalty. */
  readonly isL1: boolean;
  /** Momentum that divides the L1 coefficient; default: the run's. */
  readonly l1Momentum?: number;
  /** Once, before anything else of the run, resumed or not. */
  begin?(run: PruningRun): void;
  /** Once, before step 0: masks and shifts. Not after a resume. */
  prepare?(run: PruningRun): Promise<void>;
  /** Between the upload of step n's numbers and the step. Enqueues only. */
  beforeStep?(step: number): void;
  /** After step n - 1 was enqueued: n steps are done. Enqueues only. */
  afterStep?(done: number): void;
  /** From now on another final threshold; only of methods that are told one. */
  setFinal?(final: number): void;
  /** Tensors that a checkpoint must hold, by name. */
  state?(): ReadonlyMap<string, Tensor>;
  dispose?(): void;
}

/** What a method without a moving threshold answers. */
export const noThreshold = {
  values: (): StepValues => ({ threshold: 0, thresholdNext: 0, tau: 0 }),
  thresholdAt: (): number | null => 0,
  increment: (): number => 0,
  isL1: false,
} as const;
