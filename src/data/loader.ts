// Batches for training: picked, augmented and normalised on the CPU while the GPU works on the ones before.

import { expectKeys, type KeysOf } from "../text/index.ts";
import type { ImageDataset } from "./dataset.ts";
import { DataError, expectWhole } from "./errors.ts";
import { batchCount, batchIndices, orderAsStored, shuffledOrder } from "./sampler.ts";
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
  /** Where to resume, default 0. */
  readonly startBatch?: number;
  /** Leave out a last short batch, default false. */
  readonly dropLast?: boolean;
  readonly transform?: ImageTransform;
  /** Batches kept ready ahead, default 2; 0 prepares each when it is asked for. */
  readonly prefetch?: number;
}

const OPTION_KEYS: KeysOf<DataLoaderOptions> = {
  dataset: true,
  batchSize: true,
  shuffle: true,
  seed: true,
  epoch: true,
  startBatch: true,
  dropLast: true,
  transform: true,
  prefetch: true,
};

export interface Batch {
  /** (pixel / 255 - mean) / std, shape `shape`. */
  readonly x: Float32Array<ArrayBuffer>;
  /** Labels [size]. */
  readonly y: Int32Array<ArrayBuffer>;
  /** Numbers of the images in the dataset, [size]. */
  readonly indices: Uint32Array;
  readonly size: number;
  /** [size, c, h, w]. */
  readonly shape: readonly [n: number, c: number, h: number, w: number];
  /** Number of this batch in its epoch: a checkpoint after it resumes at batch + 1. */
  readonly batch: number;
  readonly epoch: number;
}

/** The consumer may keep the event loop waiting for so long before the loader gives it a turn, in ms. */
const LONGEST_HOLD = 8;

/**
 * One epoch of batches, as an async iterable; each iteration starts again at `startBatch`.
 *
 * Order and augmentation are functions of (seed, epoch, image): batch k is the same whether the epoch began at 0 or at k.
 * Preparing ahead happens in turns of the event loop, so it fills the time in which the consumer awaits the GPU, and at
 * most `prefetch` batches lie ready.
 *
 * Memory    A batch's arrays belong to the consumer. Given back by `recycle(batch)` they are written again for a later
 *           batch; without that, nothing the consumer holds ever changes.
 * Errors    DataError from the constructor when an option is out of range or no batch would come.
 */
export class DataLoader implements AsyncIterable<Batch> {
  readonly options: DataLoaderOptions;
  /** Batches in a whole epoch, those before startBatch included. */
  readonly length: number;
  private readonly startBatch: number;
  private readonly prefetch: number;
  /** Normalised value of each byte, [c, 256]. */
  private readonly table: Float32Array;
  private readonly augmenter: Augmenter | null;
  private order: Uint32Array | undefined;
  /** Batches handed out whole and not given back; and arrays given back. */
  private readonly lent = new WeakSet<Batch>();
  private readonly spare: Pick<Batch, "x" | "y">[] = [];

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
      throw new DataError(
        `DataLoader: dropLast leaves no batch of ${batchSize} from the ${dataset.length} images of ${dataset.name}`,
      );
    }
    // One past the last batch is the end of a finished epoch: legal, and yields nothing.
    expectWhole("DataLoader: startBatch", startBatch, 0, this.length);
    this.startBatch = startBatch;
    this.prefetch = prefetch;
    this.table = normalisationTable(dataset);
    this.augmenter = options.transform ? new Augmenter(options.transform, dataset.shape, seed) : null;
  }

  /** The same loader at another epoch. */
  at(epoch: number, startBatch = 0): DataLoader {
    return new DataLoader({ ...this.options, epoch, startBatch });
  }

  /** Lets the loader write a later batch into this one's arrays. Do not touch them afterwards; twice is harmless. */
  recycle(batch: Batch): void {
    if (!this.lent.delete(batch) || this.spare.length > this.prefetch) return;
    this.spare.push({ x: batch.x, y: batch.y });
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Batch, void, undefined> {
    const ready: Batch[] = [];
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
          ahead = false; // the consumer will come to this batch, prepare it itself, and be told
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

  private prepare(k: number): Batch {
    const { dataset, batchSize, shuffle = false, seed = 0, epoch = 0 } = this.options;
    this.order ??= shuffle ? shuffledOrder(dataset.length, seed, epoch) : orderAsStored(dataset.length);
    const indices = batchIndices(this.order, k, batchSize).slice();
    const size = indices.length;
    const [c, h, w] = dataset.shape;
    const whole = size === batchSize;
    const { x, y } = (whole ? this.spare.pop() : undefined) ?? {
      x: new Float32Array(size * c * h * w),
      y: new Int32Array(size),
    };
    this.fill(x, y, indices);
    const batch: Batch = { x, y, indices, size, shape: [size, c, h, w], batch: k, epoch };
    if (whole) this.lent.add(batch);
    return batch;
  }

  private fill(x: Float32Array, y: Int32Array, indices: Uint32Array): void {
    const { dataset, epoch = 0 } = this.options;
    const [channels, height, width] = dataset.shape;
    const plane = height * width;
    const pixels = channels * plane;
    const table = this.table;
    for (let n = 0; n < indices.length; n++) {
      const index = indices[n]!;
      y[n] = dataset.labels[index]!;
      const stored = dataset.images.subarray(index * pixels, (index + 1) * pixels);
      const image = this.augmenter ? this.augmenter.apply(stored, epoch, index) : stored;
      const start = n * pixels;
      for (let c = 0; c < channels; c++) {
        const row = c * 256;
        const end = (c + 1) * plane;
        for (let i = c * plane; i < end; i++) x[start + i] = table[row + image[i]!]!;
      }
    }
  }
}

/**
 * What a network sees for each byte: (byte / 255 - mean) / std per channel, [c, 256], computed in f64 and rounded once.
 *
 * Errors    DataError when mean and std are not one each per channel.
 */
export function normalisationTable({ shape, mean, std }: Pick<ImageDataset, "shape" | "mean" | "std">): Float32Array {
  const [channels] = shape;
  if (mean.length !== channels || std.length !== channels) {
    throw new DataError(
      `normalisation: ${channels} channels want as many mean and std, was given ${mean.length} and ${std.length}`,
    );
  }
  const table = new Float32Array(channels * 256);
  for (let c = 0; c < channels; c++) {
    for (let byte = 0; byte < 256; byte++) {
      table[c * 256 + byte] = (byte / 255 - mean[c]!) / std[c]!;
    }
  }
  return table;
}
