// Makes batches of an image data set in memory.
import type { ImageDataset } from "./dataset.ts";
import type { ImageBatch } from "./stream.ts";
import { Augmenter, type ImageTransform } from "./transforms.ts";

/** Arrays of a batch, which a later batch may reuse. */
export type BatchArrays<B extends { readonly x: unknown; readonly y: unknown }> = Pick<B, "x" | "y">;

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

  constructor(dataset: ImageDataset, transform: ImageTransform | undefined, seed: number) {
    this.dataset = dataset;
    this.augmenter = transform ? new Augmenter(transform, dataset.shape, seed) : null;
  }

  make({ indices, batch, epoch }: BatchSamples, arrays?: BatchArrays<ImageBatch>): ImageBatch {
    const { dataset, augmenter } = this;
    const size = indices.length;
    const [c, h, w] = dataset.shape;
    const pixels = c * h * w;
    const { x, y } = arrays ?? { x: new Uint8Array(size * pixels), y: new Int32Array(size) };
    for (let n = 0; n < size; n++) {
      const index = indices[n]!;
      y[n] = dataset.labels[index]!;
      const stored = dataset.images.subarray(index * pixels, (index + 1) * pixels);
      x.set(augmenter ? augmenter.apply(stored, epoch, index) : stored, n * pixels);
    }
    return { x, y, indices, size, stored: [h, w], batch, epoch };
  }
}
