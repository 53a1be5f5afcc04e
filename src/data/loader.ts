// Batches of images in memory: picked and augmented on the CPU while the GPU works on earlier ones.

import { expectKeys, type KeysOf } from "../text/index.ts";
import type { ImageDataset } from "./dataset.ts";
import { DataError, expectWhole } from "./errors.ts";
import { batchCount, batchIndices, orderAsStored, shuffledOrder } from "./sampler.ts";
import type { ImageBatch } from "./stream.ts";
import { Augmenter, type ImageTransform } from "./transforms.ts";
import { nextTurn } from "./turn.ts";

export interface DataLoaderOptions {
  readonly dataset: ImageDataset;
  readonly batchSize: number;
  /** Default false: in the order of the dataset. */
  readonly shuffle?: boolean;
  /** u32, default 0. */
  readonly seed?: number;
  /** u32, default 0; with the seed it decides order and augmentation. */
  readonly epoch?: number;
  /** First batch, for resuming; default 0. */
  readonly startBatch?: number;
  /** Skip a last short batch, default false. */
  readonly dropLast?: boolean;
  readonly transform?: ImageTransform;
  /** Batches prepared in advance, default 2; 0 prepares each on demand. */
  readonly prefetch?: number;
}

const OPTION_KEYS: KeysOf<DataLoaderOptions> = {
  ...{ dataset: true, batchSize: true, shuffle: true, seed: true, epoch: true },
  ...{ startBatch: true, dropLast: true, transform: true, prefetch: true },
};

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
 */
export class DataLoader implements AsyncIterable<ImageBatch> {
  readonly options: DataLoaderOptions;
  /** Batches of a whole epoch, including those before startBatch. */
  readonly length: number;
  private readonly startBatch: number;
  private readonly prefetch: number;
  private readonly augmenter: Augmenter | null;
  private order: Uint32Array | undefined;
  /** Full batches not recycled yet; and recycled arrays. */
  private readonly lent = new WeakSet<ImageBatch>();
  private readonly spare: Pick<ImageBatch, "x" | "y">[] = [];

  constructor(options: DataLoaderOptions) {
    expectKeys(options, OPTION_KEYS, (problem) => new DataError(`DataLoader: ${problem}`));
    const { dataset, batchSize, seed = 0, epoch = 0, startBatch = 0, dropLast = false, prefetch = 2 } = options;
    expectWhole("DataLoader: batchSize", batchSize, 1);
    expectWhole("DataLoader: seed", seed, 0, 2 ** 32 - 1);
    expectWhole("DataLoader: epoch", epoch, 0, 2 ** 32 - 1);
    expectWhole("DataLoader: prefetch", prefetch, 0);
    this.options = options;
    this.length = batchCount(dataset.length, batchSize, dropLast);
    if (this.length === 0) {
      const problem = `DataLoader: dropLast: ${dataset.length} images of ${dataset.name} make no full batch of ${batchSize}`;
      throw new DataError(problem);
    }
    // One past the last batch is the end of a finished epoch: valid, and yields nothing.
    expectWhole("DataLoader: startBatch", startBatch, 0, this.length);
    this.startBatch = startBatch;
    this.prefetch = prefetch;
    this.augmenter = options.transform ? new Augmenter(options.transform, dataset.shape, seed) : null;
  }

  /** Return the same loader at another epoch. */
  at(epoch: number, startBatch = 0): DataLoader {
    return new DataLoader({ ...this.options, epoch, startBatch });
  }

  /** Let the loader reuse this batch's arrays. Do not touch them afterwards; a second call has no effect. */
  recycle(batch: ImageBatch): void {
    if (!this.lent.delete(batch) || this.spare.length > this.prefetch) return;
    this.spare.push({ x: batch.x, y: batch.y });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<ImageBatch, void, undefined> {
    const ready: ImageBatch[] = [];
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
        const batch = ready.shift() ?? this.prepare(next++);
        if (!preparing) void prepareAhead();
        yield batch;
      }
    } finally {
      ahead = false;
    }
  }

  private prepare(k: number): ImageBatch {
    const { dataset, batchSize, shuffle = false, seed = 0, epoch = 0 } = this.options;
    this.order ??= shuffle ? shuffledOrder(dataset.length, seed, epoch) : orderAsStored(dataset.length);
    const indices = batchIndices(this.order, k, batchSize).slice();
    const size = indices.length;
    const [c, h, w] = dataset.shape;
    const whole = size === batchSize;
    const { x, y } = (whole ? this.spare.pop() : undefined) ?? {
      x: new Uint8Array(size * c * h * w),
      y: new Int32Array(size),
    };
    this.fill(x, y, indices);
    const batch: ImageBatch = { x, y, indices, size, stored: [h, w], batch: k, epoch };
    if (whole) this.lent.add(batch);
    return batch;
  }

  private fill(x: Uint8Array, y: Int32Array, indices: Uint32Array): void {
    const { dataset, epoch = 0 } = this.options;
    const [channels, height, width] = dataset.shape;
    const pixels = channels * height * width;
    for (let n = 0; n < indices.length; n++) {
      const index = indices[n]!;
      y[n] = dataset.labels[index]!;
      const stored = dataset.images.subarray(index * pixels, (index + 1) * pixels);
      x.set(this.augmenter ? this.augmenter.apply(stored, epoch, index) : stored, n * pixels);
    }
  }
}
