// Data sets too large to hold: their images come as bytes, batch by batch, from files or shards. The GPU cuts, mirrors and
// normalises them, so a byte is all that is uploaded for each value.
import type { ImageShape, PixelScale } from "./dataset.ts";

/** Images as stored: the GPU crops, mirrors and normalises them. */
export interface ImageBatch {
  /** [size, c, ...stored], 0 to 255. */
  readonly x: Uint8Array<ArrayBuffer>;
  /** Height and width of the images in `x`: at least those of the data set's shape. */
  readonly stored: readonly [height: number, width: number];
  /** [size, 4]: top row, left column, 1 if mirrored left to right, 0. Absent: images are used whole. */
  readonly crop?: Int32Array<ArrayBuffer>;
  /** Labels [size]. */
  readonly y: Int32Array<ArrayBuffer>;
  /** Numbers of the images in the data set, [size]. */
  readonly indices: Uint32Array;
  readonly size: number;
  /** Number of this batch in its epoch: a run resumes at batch + 1. */
  readonly batch: number;
  readonly epoch: number;
}

export interface StreamOptions {
  readonly batchSize: number;
  /** u32; with the seed it decides order and augmentation. */
  readonly epoch: number;
  /** u32. */
  readonly seed: number;
  /** Where to resume. */
  readonly startBatch: number;
  /** True: in an order drawn from (seed, epoch), augmented. False: as stored, as evaluation wants it. */
  readonly training: boolean;
}

/** Batches of an epoch. Leaving the loop early ends all reading. */
export interface ImageBatches extends AsyncIterable<ImageBatch> {
  /** Of the whole epoch, those before startBatch included. */
  readonly length: number;
  /** Lets a later batch be written into this one's arrays. */
  recycle(batch: ImageBatch): void;
}

export interface SampleSizes {
  readonly sizes: readonly (readonly [height: number, width: number])[];
  /** Of the samples that were looked at; what is wrong with one, in words. */
  readonly unreadable: number;
  readonly fault?: string;
}

/** What a data set says of single samples, without reading an epoch: for summaries, contact sheets and fingerprints. */
export interface SampleAccess {
  /** Class of sample i. */
  label(i: number): number;
  /** Sample i as evaluation shows it, [c, h, w], 0 to 255. Errors: those of the reader. */
  pixels(i: number): Promise<Uint8Array>;
  /** Heights and widths of up to `most` samples as they are stored, and the first that cannot be read. */
  sizes(most: number): Promise<SampleSizes>;
  /** A hash of what the samples are: all labels, names, and the contents of some. The same wherever the files lie. */
  digest(): Promise<string>;
}

/**
 * Labelled images that are read while they are needed. What is in a batch depends on (seed, epoch, batch) alone: not on where
 * a run began, and not on how many readers there are.
 */
export interface StreamedDataset extends PixelScale {
  readonly name: string;
  readonly length: number;
  /** Channels, height and width that a network sees. */
  readonly shape: ImageShape;
  readonly classes: readonly string[];
  batches(options: StreamOptions): ImageBatches;
  /** Absent where there are no samples to look at, as in a plan. */
  readonly samples?: SampleAccess;
  /** Ends all reading and gives back threads and files. */
  close(): Promise<void>;
}
