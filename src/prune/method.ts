// The interface of a pruning method: its values for the optimiser, and its work around the steps.
import type { Module } from "../nn/index.ts";
import type { Optimizer, ParamGroup, PruningPhase, StepValues } from "../optim/index.ts";
import type { DType, Shape, Tensor } from "../tensor/index.ts";
import type { RunShape } from "./config.ts";

/** Steps that a run trains for its method before the run itself. */
export interface PreliminarySteps {
  readonly values: (step: number) => StepValues & { readonly lr: number };
  /** Called between the upload of the step's numbers and the step. */
  readonly before?: (step: number) => void;
  /** Called after the step was enqueued. */
  readonly after?: (step: number) => void | Promise<void>;
}

/** The run, as a method may use it. */
export interface PruningRun extends RunShape {
  readonly model: Module;
  readonly optimizer: Optimizer;
  /** Shape of one sample, and the type of its numbers. */
  readonly sample: { readonly shape: Shape; readonly dtype: DType };
  /** Compute the gradients of what `root` computes with the model, times `upstream` (default 1), into those of the parameters. */
  differentiate(root: () => Tensor, upstream?: Tensor): void;
  /** Train on the run's first batches. Throws if a loss is not finite. */
  train(steps: number, rehearsal: PreliminarySteps): Promise<void>;
}

/** Threshold in force during a step, and its increment. */
export interface HeldStep {
  readonly threshold: number;
  readonly increment: number;
}

/** A pruning method: its values for the optimiser, and its work around the steps. */
export interface PruningMethod {
  /** Name in reports: "lats", "str". */
  readonly name: string;
  /** Optimiser options of the prunable weights. */
  readonly group: Omit<ParamGroup, "params">;
  /** Phase of step n. Entering `mask` from another phase bakes the weights. */
  phase(step: number): PruningPhase;
  /**
   * Returns true if zeros stay zero and no other weight becomes zero from step n on, and the method needs no tensor of the optimizer any
   * more: then the model may get smaller, or kernels for its mask. Absent: never.
   */
  isFrozen?(step: number): boolean;
  /** Thresholds of step n, and other values that the method sets. */
  values(step: number): StepValues;
  /**
   * Threshold in force after n steps; null if only the GPU has it, see `readThreshold`.
   */
  thresholdAt(step: number): number | null;
  /** Increment of the threshold in step n, in float64. */
  increment(step: number): number;
  /** Read a threshold that only the GPU has, after `step` steps, the last one enqueued. Waits for the GPU. */
  readThreshold?(step: number): Promise<number>;
  /**
   * Threshold and increment of step n, in float64, where they follow from a constant that only the GPU has; null while it is
   * searched. Await `readThreshold` of a later step first.
   */
  heldStep?(step: number): HeldStep | null;
  /**
   * Progress after n steps, 0 to 1, of a method that does more than `values` shows. Used to compare two plans of a run.
   */
  progressAt?(step: number): number;
  /** True if (d_next - d) / lr is the coefficient of an L1 penalty. */
  readonly isL1: boolean;
  /** Momentum that divides the L1 coefficient; default: the run's. */
  readonly l1Momentum?: number;
  /** Called once, first of all, also in a resumed run. */
  begin?(run: PruningRun): void;
  /** Called once before step 0, for masks and shifts. Not called in a resumed run. */
  prepare?(run: PruningRun): Promise<void>;
  /** Called between the upload of step n's numbers and the step. Enqueues only. */
  beforeStep?(step: number): void;
  /** Called after step n - 1 was enqueued, when n steps are done. Enqueues only. */
  afterStep?(done: number): void;
  /** Change the final threshold. Only methods with a given one have it. */
  setFinal?(final: number): void;
  /** Tensors to store in a checkpoint, by name. */
  state?(): ReadonlyMap<string, Tensor>;
  dispose?(): void;
}

/** Values of a method without a moving threshold. */
export const noThreshold = {
  values: (): StepValues => ({ threshold: 0, thresholdNext: 0, tau: 0 }),
  thresholdAt: (): number | null => 0,
  increment: (): number => 0,
  isL1: false,
} as const;
