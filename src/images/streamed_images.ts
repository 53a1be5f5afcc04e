// The common part of data sets of images on disk: facts, prefetched batches in reused arrays, closing.
import {
  batchCount,
  batchIndices,
  type ImageBatch,
  type SampleAccess,
  type StreamedBatchOptions,
  type StreamedDataset,
} from "../data/index.ts";
import { ArrayPool, type BatchArrays, Loops, Slots } from "./batches.ts";
import type { EncodedSource } from "./encoded_source.ts";
import { epochOrder } from "./order.ts";

/** A streamed data set with facts about its images and memory. */
export interface MeasuredDataset extends StreamedDataset {
  /** Height and width of the images in its batches, before the GPU crops them. */
  readonly stored: readonly [height: number, width: number];
  /** Bytes of all batch arrays made so far. */
  readonly bytesMade: number;
  /** Bytes that all images take in memory once they are decoded; 0 if they are not held, or of many sizes. */
  readonly heldBytes: number;
  /** Corrupt images found so far. */
  readonly badImages: number;
  readonly samples: SampleAccess;
}

type Facts = Pick<MeasuredDataset, "name" | "length" | "shape" | "stored" | "classes" | "mean" | "std">;

/** One batch to fill: its images and arrays. */
export interface BatchJob {
  readonly batch: number;
  readonly order: Uint32Array;
  readonly indices: Uint32Array;
  readonly arrays: BatchArrays;
  readonly options: StreamedBatchOptions;
  readonly signal: AbortSignal;
}

export abstract class StreamedImages implements MeasuredDataset {
  readonly name: string;
  readonly length: number;
  readonly shape: MeasuredDataset["shape"];
  readonly stored: MeasuredDataset["stored"];
  readonly classes: readonly string[];
  readonly mean: readonly number[];
  readonly std: readonly number[];
  abstract readonly heldBytes: number;
  abstract readonly badImages: number;
  abstract readonly samples: SampleAccess;
  /** Limit of concurrent reads and decodes. */
  protected readonly slots: Slots;
  private readonly pool: ArrayPool;
  private readonly loops: Loops;
  private readonly prefetch: number;

  constructor(facts: Facts, workers: number, prefetch = 2) {
    const { name, length, shape, stored, classes, mean, std } = facts;
    this.name = name;
    this.length = length;
    this.shape = shape;
    this.stored = stored;
    this.classes = classes;
    this.mean = mean;
    this.std = std;
    this.slots = new Slots(workers);
    this.pool = new ArrayPool(shape[0]! * stored[0] * stored[1]);
    this.loops = new Loops(name);
    this.prefetch = prefetch;
  }

  get bytesMade(): number {
    return this.pool.bytesMade;
  }

  batches(options: StreamedBatchOptions) {
    let order: Uint32Array | null = null;
    return this.loops.batches({
      length: batchCount(this.length, options.batchSize),
      startBatch: options.startBatch,
      prefetch: this.prefetch,
      pool: this.pool,
      make: (k, signal) => {
        order ??= epochOrder(this.ordered, options.seed, options.epoch, options.training);
        return this.makeBatch(k, order, options, signal);
      },
      deliver: (batch) => this.deliver(batch),
    });
  }

  private async makeBatch(k: number, order: Uint32Array, options: StreamedBatchOptions, signal: AbortSignal) {
    const indices = batchIndices(order, k, options.batchSize).slice();
    const arrays = this.pool.take(indices.length);
    const { crops, pad } = await this.fill({ batch: k, order, indices, arrays, options, signal });
    const { x, y, crop } = arrays;
    const { stored } = this;
    const { epoch } = options;
    const cut = crops && { crop, ...(pad && { pad }) };
    const batch: ImageBatch = { x, y, stored, ...cut, indices, size: indices.length, batch: k, epoch };
    this.pool.lend(batch, arrays);
    return batch;
  }

  async close(): Promise<void> {
    await this.loops.close();
    await this.closeFiles();
  }

  /** Length and groups of the images, which give the order of an epoch. */
  protected abstract readonly ordered: Pick<EncodedSource, "length" | "groups">;
  /** Fill the arrays of a batch. `crops`: true if the crops are to be used; `pad`: pixels that they reach beyond the images. */
  protected abstract fill(job: BatchJob): Promise<{ readonly crops: boolean; readonly pad?: number }>;
  protected abstract closeFiles(): Promise<void>;
  /** Called for each batch in order, when the loop requests it; may throw. */
  protected deliver(_batch: ImageBatch): void {}
}
