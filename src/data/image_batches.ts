// Makes batches of an image data set in memory.
import { PhiloxStream } from "../tensor/philox.ts";
import type { ImageDataset } from "./dataset.ts";
import { type CropRange, cropRangeOf, drawCrop, type GpuAugment } from "./gpu_augment.ts";
import type { ImageBatch } from "./stream.ts";
import { Augmenter, type ImageTransform } from "./transforms.ts";

/** Arrays of a batch, which a later batch may reuse. */
export type BatchArrays<B extends { readonly x: unknown; readonly y: unknown }> = Pick<B, "x" | "y"> & {
  readonly crop?: Int32Array<ArrayBuffer> | undefined;
};

/** Samples of a batch, and its index in the epoch. */
export interface BatchSamples {
  readonly indices: Uint32Array;
  readonly batch: number;
  readonly epoch: number;
}

/** Makes the batches of a data set in memory. */
export interface BatchMaker<B extends { readonly x: unknown; readonly y: unknown }> {
  make(samples: BatchSamples, arrays?: BatchArrays<B>): B;
}

export class ImageBatchMaker implements BatchMaker<ImageBatch> {
  private readonly dataset: ImageDataset;
  private readonly augmenter: Augmenter | null;
  private readonly range: CropRange | null;
  private readonly random: PhiloxStream;

  /** `augment`: crops and flips of the GPU, beside which there is no transform. */
  constructor(dataset: ImageDataset, transform: ImageTransform | undefined, augment: GpuAugment, seed: number) {
    this.dataset = dataset;
    this.augmenter = transform ? new Augmenter(transform, dataset.shape, seed) : null;
    this.range = cropRangeOf(augment);
    this.random = new PhiloxStream(seed, "augment");
  }

  make({ indices, batch, epoch }: BatchSamples, arrays?: BatchArrays<ImageBatch>): ImageBatch {
    const { dataset, augmenter, range } = this;
    const size = indices.length;
    const [c, h, w] = dataset.shape;
    const pixels = c * h * w;
    const { x, y } = arrays ?? { x: new Uint8Array(size * pixels), y: new Int32Array(size) };
    const crop = range && (arrays?.crop ?? new Int32Array(4 * size));
    for (let n = 0; n < size; n++) {
      const index = indices[n]!;
      y[n] = dataset.labels[index]!;
      const stored = dataset.images.subarray(index * pixels, (index + 1) * pixels);
      x.set(augmenter ? augmenter.apply(stored, epoch, index) : stored, n * pixels);
      if (crop) drawCrop(range, this.random, { epoch, index }, crop, n);
    }
    const made = { x, y, indices, size, stored: [h, w] as const, batch, epoch };
    return crop ? { ...made, crop, pad: range.pad } : made;
  }
}
