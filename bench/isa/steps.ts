// Training and inference steps whose pipelines `bench:isa` compiles.
import type { TrainingOptions } from "../cases/training.ts";

/** Networks and batches as they are trained on a GPU. */
export const STEPS: readonly TrainingOptions[] = [
  { model: "lenet-bn", batch: 256, channels: 1, size: 28 },
  { model: "resnet-20", batch: 128, channels: 3, size: 32 },
  { model: "resnet-50", batch: 32, channels: 3, size: 224 },
  { model: "mobilenet-v1", batch: 32, channels: 3, size: 224 },
  { model: "sew-resnet-18", batch: 8, channels: 3, size: 224 },
];

export const MODELS = STEPS.map(({ model }) => model);

export const PRECISIONS = ["f32", "f16"] as const;
export type Precision = (typeof PRECISIONS)[number];

/** Work of the child process, as JSON in its first argument. */
export interface ChildOrder {
  /** File for the result, a `ChildReport`. */
  readonly out: string;
  readonly models: readonly string[];
  readonly precisions: readonly Precision[];
  readonly filters: readonly string[];
  /** True: compile the tuner's candidates too. */
  readonly tune: boolean;
  /** A shader to compile instead of models, and its values. */
  readonly shader?: {
    readonly file: string;
    readonly specs: readonly Readonly<Record<string, number | boolean | string>>[];
  };
}

export interface CompiledShader {
  /** Kernel and values, as `conv2d EACH=8;`. */
  readonly label: string;
  /** Final WGSL. */
  readonly code: string;
  /** Steps that run it, as `resnet-20 training f32`. */
  readonly steps: readonly string[];
}

export interface ChildReport {
  readonly adapter: string;
  readonly shaders: readonly CompiledShader[];
  /** Steps that failed, with the message. */
  readonly failures: readonly string[];
}

/** Return true if a label has all words of one filter, or if there is no filter. */
export function matchesFilters(label: string, filters: readonly string[]): boolean {
  return filters.length === 0 || filters.some((filter) => filter.split(" ").every((word) => label.includes(word)));
}
