// Batches of image bytes, and data sets too large for memory, which read them from files or shards. The GPU crops, mirrors and
// normalises the images, so that one byte is uploaded per value.
import type { ImageShape, PixelScale } from "./dataset.ts";

/** Images as stored: the GPU crops, mirrors and normalises them. */
export interface ImageBatch {
  /** [size, c, ...stored], 0 to 255. */
  readonly x: Uint8Array<ArrayBuffer>;
  /** Height and width of the images in `x`: at least those of the data set's shape. */
  readonly stored: readonly [height: number, width: number];
  /** Shape [size, 4]: top row, left column, 1 if mirrored left to right, 0. Absent: images are used whole. */
  readonly crop?: Int32Array<ArrayBuffer>;
  /** Pixels of value 0 around each image, into which crops may reach. Default 0. */
  readonly pad?: number;
  /** Labels [size]. */
  readonly y: Int32Array<ArrayBuffer>;
  /** Indices of the images in the data set, [size]. */
  readonly indices: Uint32Array;
  readonly size: number;
  /** Index of this batch in its epoch: a run resumes at batch + 1. */
  readonly batch: number;
  readonly epoch: number;
}

/** Options of the batches of a streamed data set. */
export interface StreamedBatchOptions {
  readonly batchSize: number;
  /** u32; with the seed it decides order and augmentation. */
  readonly epoch: number;
  /** u32. */
  readonly seed: number;
  /** First batch, for resuming. */
  readonly startBatch: number;
  /** True: shuffled by (seed, epoch) and augmented. False: in stored order, not augmented, for evaluation. */
  readonly training: boolean;
}

/** Batches of an epoch. Leaving the loop early ends all reading. */
export interface ImageBatches extends AsyncIterable<ImageBatch> {
  /** Batches of the whole epoch, including those before startBatch. */
  readonly length: number;
  /** Let a later batch reuse this one's arrays. */
  recycle(batch: ImageBatch): void;
}

/** Stored sizes of some samples, and the unreadable ones among them. */
export interface SampleSizes {
  readonly sizes: readonly (readonly [height: number, width: number])[];
  /** Count of unreadable samples among those inspected, and the fault of one. */
  readonly unreadable: number;
  readonly fault?: string;
}

/** Access to single samples without reading an epoch, for summaries, contact sheets and fingerprints. */
export interface SampleAccess {
  /** Class of sample i. */
  label(i: number): number;
  /** Pixels of sample i as in evaluation, [c, h, w], 0 to 255. Errors: those of the reader. */
  pixels(i: number): Promise<Uint8Array>;
  /** Stored heights and widths of up to `most` samples, and the first fault. */
  sizes(most: number): Promise<SampleSizes>;
  /** Hash of all labels and names and the contents of some samples; independent of the location of the files. */
  digest(): Promise<string>;
}

/**
 * Labelled images that are read on demand. The contents of a batch depend on (seed, epoch, batch) alone, not on the first batch
 * of a run or the count of readers.
 */
export interface StreamedDataset extends PixelScale {
  readonly name: string;
  readonly length: number;
  /** Channels, height and width of the network's input. */
  readonly shape: ImageShape;
  readonly classes: readonly string[];
  batches(options: StreamedBatchOptions): ImageBatches;
  /** Absent if there are no single samples, as in a plan. */
  readonly samples?: SampleAccess;
  /** Stop all reading and release threads and files. */
  close(): Promise<void>;
}
