// Functions for data sets of either kind, in memory or streamed: batches of bytes, single samples, another scale.
import type { ImageDataset, PixelScale } from "./dataset.ts";
import type { GpuAugment } from "./gpu_augment.ts";
import { DataLoader } from "./loader.ts";
import type { ImageBatches, SampleAccess, StreamedBatchOptions, StreamedDataset } from "./stream.ts";
import type { ImageTransform } from "./transforms.ts";

/** Images held in memory, or read while they are needed. */
export type LabelledImages = ImageDataset | StreamedDataset;

/** Return true if images are read while they are needed. Such a data set augments its images itself. */
export const isStreamed = (data: LabelledImages): data is StreamedDataset => "batches" in data;

/**
 * Return the batches of an epoch. `transform` and `gpuAugment` augment images in memory, see DataLoaderOptions. Errors: those of
 * DataLoader, or of the reader.
 */
export function batchesOf(
  data: LabelledImages,
  options: StreamedBatchOptions,
  transform?: ImageTransform,
  gpuAugment?: GpuAugment,
): ImageBatches {
  if (isStreamed(data)) return data.batches(options);
  const { training, ...order } = options;
  return new DataLoader({ dataset: data, ...order, shuffle: training, transform, gpuAugment });
}

/** Return the batches for evaluation: all images in their own order, not augmented. */
export const testBatchesOf = (data: LabelledImages, batchSize: number, seed = 0): ImageBatches =>
  batchesOf(data, { batchSize, epoch: 0, seed, startBatch: 0, training: false });

/** Return access to single samples; null if a streamed data set has none. */
export function sampleAccess(data: LabelledImages): Pick<SampleAccess, "label" | "pixels"> | null {
  if (isStreamed(data)) return data.samples ?? null;
  const { images, labels, length } = data;
  const bytes = images.length / length;
  return {
    label: (i) => labels[i]!,
    pixels: async (i) => images.subarray(i * bytes, (i + 1) * bytes),
  };
}

/** Return the data set with another scale; its images are shared. */
export function withScale(data: LabelledImages, scale: PixelScale): LabelledImages {
  if (!isStreamed(data)) return { ...data, ...scale };
  const { name, length, shape, classes } = data;
  // A reader's methods are not its own properties: they are called on it.
  const batches: StreamedDataset["batches"] = (options) => data.batches(options);
  return { name, length, shape, classes, ...scale, batches, close: () => data.close() };
}
