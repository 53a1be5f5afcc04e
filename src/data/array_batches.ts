// Makes batches of a data set of arrays.
import { PhiloxStream } from "../tensor/philox.ts";
import { numel, type Shape } from "../tensor/shape.ts";
import { kindOf } from "../text/index.ts";
import type { ArrayDataset } from "./array_dataset.ts";
import { DataError } from "./errors.ts";
import type { BatchArrays, BatchMaker, BatchSamples } from "./image_batches.ts";

/** Samples and targets of a batch. `tensor(x, shape)` and `tensor(y, targetShape)` upload them. */
export interface ArrayBatch {
  /** Samples; bytes of the data set are numbers 0 to 255 here. */
  readonly x: Float32Array | Int32Array | Uint32Array;
  /** Shape of `x`, [size, ...sample]. */
  readonly shape: Shape;
  /** Targets: class numbers as Int32Array, others as Float32Array. */
  readonly y: Int32Array | Float32Array;
  /** Shape of `y`, [size, ...target]. */
  readonly targetShape: Shape;
  /** Indices of the samples in the data set, [size]. */
  readonly indices: Uint32Array;
  readonly size: number;
  /** Index of this batch in its epoch. */
  readonly batch: number;
  readonly epoch: number;
}

/** Identifies a sample in a run, for its random numbers. */
export interface SampleContext {
  /** Index in the data set. */
  readonly index: number;
  readonly epoch: number;
  /** Random numbers of this sample in this epoch: the same for any batch size, order and resumed run. */
  readonly random: PhiloxStream;
}

/**
 * Changes a sample of a batch, as numbers in row-major order, in place; or returns the new numbers, as many as before. The data
 * set stays as it is.
 */
export type ArrayTransform = (
  sample: Float32Array | Int32Array | Uint32Array,
  context: SampleContext,
) => ArrayLike<number> | undefined;

export class ArrayBatchMaker implements BatchMaker<ArrayBatch> {
  private readonly dataset: ArrayDataset;
  private readonly transform: ArrayTransform | undefined;
  private readonly random: PhiloxStream;

  constructor(dataset: ArrayDataset, transform: ArrayTransform | undefined, seed: number) {
    if (transform !== undefined && typeof transform !== "function")
      throw new DataError(`DataLoader: transform: expected a function for arrays, got ${kindOf(transform)}`);
    this.dataset = dataset;
    this.transform = transform;
    this.random = new PhiloxStream(seed, "augment");
  }

  make({ indices, batch, epoch }: BatchSamples, arrays?: BatchArrays<ArrayBatch>): ArrayBatch {
    const { dataset } = this;
    const size = indices.length;
    const [numbers, targets] = [numel(dataset.shape), numel(dataset.targetShape)];
    const { x, y } = arrays ?? {
      x: emptyFor(dataset.x, size * numbers),
      y: dataset.y instanceof Int32Array ? new Int32Array(size * targets) : new Float32Array(size * targets),
    };
    for (let n = 0; n < size; n++) {
      const index = indices[n]!;
      x.set(dataset.x.subarray(index * numbers, (index + 1) * numbers), n * numbers);
      y.set(dataset.y.subarray(index * targets, (index + 1) * targets), n * targets);
      this.change(x.subarray(n * numbers, (n + 1) * numbers), index, epoch);
    }
    const shape = [size, ...dataset.shape];
    return { x, shape, y, targetShape: [size, ...dataset.targetShape], indices, size, batch, epoch };
  }

  private change(sample: ArrayBatch["x"], index: number, epoch: number): void {
    const made = this.transform?.(sample, { index, epoch, random: this.random.moveTo([epoch, index, 0]) });
    if (made === undefined) return;
    const numbers = (made as ArrayLike<number> | null)?.length;
    if (numbers !== sample.length) {
      const problem = `DataLoader: transform: sample ${index}: expected ${sample.length} numbers, got ${numbers ?? typeof made}`;
      throw new DataError(problem);
    }
    sample.set(made as ArrayLike<number>);
  }
}

function emptyFor(x: ArrayDataset["x"], length: number): ArrayBatch["x"] {
  if (x instanceof Int32Array) return new Int32Array(length);
  return x instanceof Uint32Array ? new Uint32Array(length) : new Float32Array(length);
}
