// The part of an optimiser that is its own: the update kernel of a group, the state of a weight, and the numbers of a step.
import type { Dispatch, Spec } from "../gpu/index.ts";
import type { GradientScale } from "./gradient_scale.ts";
import type { LayerSums, LearnedThresholds } from "./learned_thresholds.ts";
import type { CommonSettings, StepValues } from "./optimizer_options.ts";
import type { ArenaChunk } from "./param_arena.ts";

/** Values of a step, complete. */
export type CompleteValues = { readonly [K in keyof StepValues]-?: number };

/** The kernel of an update, or several that share its bindings. */
interface UpdateKernel {
  run(dispatch: Dispatch, chunk: ArenaChunk): void;
}

/** Rule of a group of parameters. */
export interface GroupRule {
  readonly settings: CommonSettings;
  /** Buffers beside the stored weight: effective weights, momentum, and moments of each weight. */
  readonly buffers: { readonly latent: boolean; readonly momentum: boolean; readonly moments: number };
  /** Update kernel, which includes lib/update_segment.wgsl or, with `appliesLearned`, lib/update_groups.wgsl. */
  readonly kernel: UpdateKernel;
  /** Constants of the kernel besides those of the frame. */
  readonly spec: Spec;
  /** True if decay of a latent weight adds weightDecay · d to the L1 coefficient of the threshold: both have the same unit. */
  readonly addsDecay: boolean;
  /** Refuse values of a step that the rule does not read. Throws OpError. */
  check?(values: StepValues): void;
  /** Return the step's numbers besides those of the frame, by field of Hyper. */
  numbers(values: CompleteValues, step: number, chunks: readonly ArenaChunk[]): Readonly<Record<string, number>>;
  /** Return the words of the record of layer 0, for a rule without learned thresholds. */
  record?(values: CompleteValues, step: number): Uint32Array;
  /** Make the learned thresholds of a chunk. `sums`: what they add up; default: each segment. */
  learned?(chunk: ArenaChunk, sums?: LayerSums): LearnedThresholds;
  /** True if the kernel, with APPLIES, also computes weights from learned thresholds outside the step. */
  readonly appliesLearned?: boolean;
  /** Make the tables of the kernel, once. */
  prepare?(chunks: readonly ArenaChunk[]): void;
  /** Free the tables. */
  dispose?(): void;
  /** Enqueue the correction of the numbers of a step under a loss scale, before the update. */
  correct?(chunk: ArenaChunk, scale: GradientScale): void;
}
