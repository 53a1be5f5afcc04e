// Batches of images or arrays in memory: picked and augmented on the CPU while the GPU works on earlier ones.

import { expectKeys, isRecord, type KeysOf, kindOf } from "../text/index.ts";
import { type ArrayBatch, ArrayBatchMaker, type ArrayTransform } from "./array_batches.ts";
import type { ArrayDataset } from "./array_dataset.ts";
import type { ImageDataset } from "./dataset.ts";
import { DataError, expectWhole } from "./errors.ts";
import { augments, checkGpuAugment, type GpuAugment } from "./gpu_augment.ts";
import { type BatchArrays, type BatchMaker, ImageBatchMaker } from "./image_batches.ts";
import { batchCount, batchIndices, orderAsStored, shuffledOrder } from "./sampler.ts";
import type { ImageBatch } from "./stream.ts";
import type { ImageTransform } from "./transforms.ts";
import { nextTurn } from "./turn.ts";

/** Data sets in memory. */
export type DatasetInMemory = ImageDataset | ArrayDataset;
/** Batch of a data set in memory. */
export type BatchOf<D extends DatasetInMemory> = D extends ArrayDataset ? ArrayBatch : ImageBatch;
/** Kind of transform that a data set takes. */
export type TransformOf<D extends DatasetInMemory> = D extends ArrayDataset ? ArrayTransform : ImageTransform;

/** Options of `DataLoader`. */
export interface DataLoaderOptions<D extends DatasetInMemory = ImageDataset, B = BatchOf<D>> {
  readonly dataset: D;
  readonly batchSize: number;
  /** Default false: in the order of the dataset. */
  readonly shuffle?: boolean | undefined;
  /** u32, default 0. */
  readonly seed?: number | undefined;
  /** u32, default 0; with the seed it decides order and augmentation. */
  readonly epoch?: number | undefined;
  /** First batch, for resuming; default 0. */
  readonly startBatch?: number | undefined;
  /** Skip a last short batch, default false. */
  readonly dropLast?: boolean | undefined;
  /** Augmentation of each sample: an ImageTransform such as `randomCrop(4)`, or a function for arrays. Default: none. */
  readonly transform?: TransformOf<D> | undefined;
  /** Crops and flips of images that the GPU makes, in place of `transform`: batches have `crop` and `pad`. Default: none. */
  readonly gpuAugment?: GpuAugment | undefined;
  /** Makes the loader's result of each batch. Default: the batch itself. */
  readonly collate?: ((batch: BatchOf<D>) => B) | undefined;
  /** Batches prepared in advance, default 2; 0 prepares each on demand. */
  readonly prefetch?: number | undefined;
}

const OPTION_KEYS: KeysOf<DataLoaderOptions> = {
  ...{ dataset: true, batchSize: true, shuffle: true, seed: true, epoch: true, startBatch: true },
  ...{ dropLast: true, transform: true, gpuAugment: true, collate: true, prefetch: true },
};

// Makers of both kinds; a loader has the one of its data set.
// biome-ignore lint/suspicious/noExplicitAny: the arrays that a maker gets back are those that it made.
type AnyBatch = any;

/** Return true for a data set of arrays. */
export const isArrays = (dataset: object): dataset is ArrayDataset => "kind" in dataset && dataset.kind === "arrays";

/** Check that a value is a data set in memory. */
function expectDataset(dataset: unknown): void {
  if (isRecord(dataset) && Number.isInteger(dataset.length) && Array.isArray(dataset.shape)) return;
  const hint = isRecord(dataset) && "x" in dataset ? ": make it with arrayDataset({ x, y })" : "";
  throw new DataError(`DataLoader: dataset: expected a data set, got ${kindOf(dataset)}${hint}`);
}

/** Longest time between two turns of the event loop, in ms. */
const LONGEST_HOLD = 8;

/**
 * One epoch of batches, as an async iterable; each iteration starts again at `startBatch`.
 *
 * Order and augmentation are functions of (seed, epoch, image): batch k is the same whether the epoch began at 0 or at k.
 * At most `prefetch` batches are prepared in advance, in turns of the event loop, while the consumer awaits the GPU.
 *
 * Memory    A batch's arrays belong to the consumer. `recycle(batch)` returns them for a later batch; arrays that are not
 *           recycled never change.
 * Errors    DataError from the constructor if an option is out of range or there is no batch.
 * @example
 * const points = arrayDataset({ x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 0] });
 * const loader = new DataLoader({ dataset: points, batchSize: 3, shuffle: true, seed: 1 });
 * for (let epoch = 0; epoch < 2; epoch++) {
 *   for await (const { x, shape, y } of loader.at(epoch)) console.log(tensor(x, shape).shape, y.length);
 * }
 */
export class DataLoader<D extends DatasetInMemory = ImageDataset, B = BatchOf<D>> implements AsyncIterable<B> {
  /** Options that it was made with. */
  readonly options: DataLoaderOptions<D, B>;
  /** Batches of a whole epoch, including those before startBatch. */
  readonly length: number;
  private readonly startBatch: number;
  private readonly prefetch: number;
  private readonly maker: BatchMaker<AnyBatch>;
  private order: Uint32Array | undefined;
  /** Arrays of full batches that are not recycled yet, by the loader's result; and recycled arrays. */
  private readonly lent = new WeakMap<object, BatchArrays<AnyBatch>>();
  private readonly spare: BatchArrays<AnyBatch>[] = [];

  constructor(options: DataLoaderOptions<D, B>) {
    expectKeys(options, OPTION_KEYS, (problem) => new DataError(`DataLoader: ${problem}`));
    const { dataset, batchSize, seed = 0, epoch = 0, startBatch = 0, dropLast = false, prefetch = 2 } = options;
    expectDataset(dataset);
    for (const key of ["shuffle", "dropLast"] as const)
      if (typeof (options[key] ?? false) !== "boolean")
        throw new DataError(`DataLoader: ${key}: expected true or false, got ${kindOf(options[key])}`);
    if (typeof (options.collate ?? expectDataset) !== "function")
      throw new DataError(`DataLoader: collate: expected a function of a batch, got ${kindOf(options.collate)}`);
    expectWhole("DataLoader: batchSize", batchSize, 1);
    expectWhole("DataLoader: seed", seed, 0, 2 ** 32 - 1);
    expectWhole("DataLoader: epoch", epoch, 0, 2 ** 32 - 1);
    expectWhole("DataLoader: prefetch", prefetch, 0);
    const { gpuAugment = {} } = options;
    checkGpuAugment("DataLoader: gpuAugment", gpuAugment);
    if (augments(gpuAugment) && (isArrays(dataset) || options.transform))
      throw new DataError(
        `DataLoader: gpuAugment: expected nothing ${isArrays(dataset) ? "for a data set of arrays" : "beside transform"}`,
      );
    this.options = options;
    this.length = batchCount(dataset.length, batchSize, dropLast);
    if (this.length === 0) {
      const samples = `${dataset.length} ${isArrays(dataset) ? "samples" : "images"}`;
      throw new DataError(`DataLoader: dropLast: ${samples} of ${dataset.name} make no full batch of ${batchSize}`);
    }
    // One past the last batch is the end of a finished epoch: valid, and yields nothing.
    expectWhole("DataLoader: startBatch", startBatch, 0, this.length);
    this.startBatch = startBatch;
    this.prefetch = prefetch;
    this.maker = isArrays(dataset)
      ? new ArrayBatchMaker(dataset, options.transform as ArrayTransform | undefined, seed)
      : new ImageBatchMaker(dataset, options.transform as ImageTransform | undefined, gpuAugment, seed);
  }

  /** Return the same loader at another epoch. */
  at(epoch: number, startBatch = 0): DataLoader<D, B> {
    return new DataLoader({ ...this.options, epoch, startBatch });
  }

  /** Let the loader reuse this batch's arrays. Do not touch them afterwards; a second call has no effect. */
  recycle(batch: B): void {
    const arrays = typeof batch === "object" && batch !== null ? this.lent.get(batch) : undefined;
    if (!arrays || this.spare.length > this.prefetch) return;
    this.lent.delete(batch as object);
    this.spare.push(arrays);
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<B, void, undefined> {
    const ready: B[] = [];
    let next = this.startBatch;
    let lastTurn = performance.now();
    let ahead = this.prefetch > 0;
    let preparing = false;
    const prepareAhead = async () => {
      preparing = true;
      const wanted = () => ahead && ready.length < this.prefetch && next < this.length;
      while (wanted()) {
        await nextTurn();
        lastTurn = performance.now();
        if (!wanted()) break;
        try {
          ready.push(this.prepare(next));
          next++;
        } catch {
          ahead = false; // the consumer prepares this batch itself and gets the error
        }
      }
      preparing = false;
    };
    try {
      for (let left = this.length - next; left > 0; left--) {
        if (performance.now() - lastTurn > LONGEST_HOLD) {
          await nextTurn();
          lastTurn = performance.now();
        }
        const batch = ready.length > 0 ? (ready.shift() as B) : this.prepare(next++);
        if (!preparing) void prepareAhead();
        yield batch;
      }
    } finally {
      ahead = false;
    }
  }

  private prepare(k: number): B {
    const { dataset, batchSize, shuffle = false, seed = 0, epoch = 0, collate } = this.options;
    this.order ??= shuffle ? shuffledOrder(dataset.length, seed, epoch) : orderAsStored(dataset.length);
    const indices = batchIndices(this.order, k, batchSize).slice();
    const whole = indices.length === batchSize;
    const batch = this.maker.make({ indices, batch: k, epoch }, whole ? this.spare.pop() : undefined);
    const made = (collate ? collate(batch as BatchOf<D>) : batch) as B;
    if (whole && typeof made === "object" && made !== null)
      this.lent.set(made, { x: batch.x, y: batch.y, crop: batch.crop });
    return made;
  }
}
