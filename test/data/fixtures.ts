// Small datasets for the tests of the data room.
import { type ImageDataset, type ImageShape, imageDataset } from "../../src/data/dataset.ts";
import { DataLoader, type DataLoaderOptions } from "../../src/data/loader.ts";
import type { ImageBatch } from "../../src/data/stream.ts";
import { idx } from "../io/idx_files.ts";

/** n images whose pixels differ from image to image and place to place; labels i mod 3. */
export function toyDataset(n: number, shape: ImageShape = [1, 4, 5]): ImageDataset {
  const pixels = shape[0] * shape[1] * shape[2];
  return imageDataset({
    name: "toy",
    images: Uint8Array.from({ length: n * pixels }, (_, i) => Math.imul(i + 1, 0x9e3779b9) >>> 24),
    labels: Uint8Array.from({ length: n }, (_, i) => i % 3),
    shape,
    classes: ["a", "b", "c"],
    mean: Array.from({ length: shape[0] }, (_, c) => 0.1 + c / 10),
    std: Array.from({ length: shape[0] }, (_, c) => 0.3 + c / 10),
  });
}

export async function collect(options: DataLoaderOptions): Promise<ImageBatch[]> {
  const batches: ImageBatch[] = [];
  for await (const batch of new DataLoader(options)) batches.push(batch);
  return batches;
}

/** The four files of an IDX dataset of 2x3 images, five to train and two to test. */
export function idxFiles(): Record<string, Uint8Array<ArrayBuffer>> {
  const ramp = (n: number) => Uint8Array.from({ length: n }, (_, i) => i);
  return {
    "train-images-idx3-ubyte": idx(8, [5, 2, 3], ramp(30)),
    "train-labels-idx1-ubyte": idx(8, [5], [0, 1, 2, 3, 0]),
    "t10k-images-idx3-ubyte": idx(8, [2, 2, 3], ramp(12)),
    "t10k-labels-idx1-ubyte": idx(8, [2], [2, 1]),
  };
}
