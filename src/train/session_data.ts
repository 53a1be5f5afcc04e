// Batches of a session's data sets, for training and evaluation.
import {
  batchCount,
  batchesOf,
  DataError,
  DataLoader,
  type ImageBatches,
  type ImageTransform,
  isStreamed,
  type LabelledImages,
  testBatchesOf,
} from "../data/index.ts";
import { ArgumentError } from "../text/index.ts";
import type { HostBatch, ImageSize } from "./batch_step.ts";
import type { RunConfig } from "./config.ts";

/** Data sets that a session takes. */
export type SessionData = LabelledImages;

/**
 * Return the batch size of evaluation: that of a training step, whose memory it then shares, between 32 and 500.
 * With micro-batches never larger than one of them: they are small for a reason.
 */
export const evaluationBatch = ({ batchSize, microBatch }: Pick<RunConfig, "batchSize" | "microBatch">): number =>
  Math.min(500, microBatch ?? Math.max(32, batchSize));

/**
 * Return the count of batches in a training epoch.
 *
 * Errors    DataError or ArgumentError for an invalid batch size, or an augmentation that this kind of data does not take.
 */
export function epochLength(data: SessionData, { batchSize, augment }: RunConfig): number {
  if (!isStreamed(data)) return new DataLoader({ dataset: data, batchSize }).length;
  const { crop, flip } = augment;
  if (crop > 0 || flip) {
    const problem = `augment: expected crop 0 and flip false, got ${crop} and ${flip}: data set ${data.name} is streamed and augments its images itself`;
    throw new ArgumentError(problem);
  }
  return batchCount(data.length, batchSize);
}

/**
 * Return the batches of a training epoch from `startBatch` on: a function of (seed, epoch, batch) alone.
 *
 * Errors    DataError if a data set does not give all batches in order; while they are read, the errors of its reader.
 */
export function trainingBatches(
  data: SessionData,
  { batchSize, seed }: RunConfig,
  { epoch, startBatch, transform }: { epoch: number; startBatch: number; transform: ImageTransform | undefined },
): ImageBatches {
  const order = { batchSize, seed, epoch, startBatch };
  return inOrder(data, batchesOf(data, { ...order, training: true }, transform), order);
}

/** Check the order of the batches. A reader that loses some would change a resumed run silently. */
function inOrder(
  { name, length: images }: SessionData,
  batches: ImageBatches,
  { batchSize, startBatch }: { readonly batchSize: number; readonly startBatch: number },
): ImageBatches {
  const length = batchCount(images, batchSize);
  const prefix = `data set ${name}: ${images} images make ${length} batches of ${batchSize}`;
  if (batches.length !== length) throw new DataError(`${prefix}, got an epoch of ${batches.length}`);
  return {
    length,
    recycle: (batch) => batches.recycle(batch),
    async *[Symbol.asyncIterator]() {
      let next = startBatch;
      for await (const batch of batches) {
        if (batch.batch !== next) throw new DataError(`${prefix}: expected batch ${next}, got ${batch.batch}`);
        next++;
        yield batch;
      }
      if (next < length) throw new DataError(`${prefix}, the epoch ended after ${next}`);
    },
  };
}

/** Return all images as they are stored, in batches for evaluation. */
export const testBatches = (data: SessionData, config: RunConfig): ImageBatches =>
  testBatchesOf(data, evaluationBatch(config), config.seed);

/** Return a batch of zeros for samples of this shape, cropped out of `stored` if that is given. */
export function zeroBatch(
  { shape: [c, h, w] }: Pick<SessionData, "shape">,
  size: number,
  stored?: ImageSize,
): HostBatch {
  const [height, width] = stored ?? [h, w];
  return {
    x: new Uint8Array(size * c * height * width),
    y: new Int32Array(size),
    size,
    stored: [height, width],
    crop: stored && new Int32Array(4 * size),
  };
}
