// What a run trains and is tested on: images in memory, or streams that read them, as batches of either kind.

import {
  type ByteBatches,
  batchCount,
  DataError,
  DataLoader,
  type ImageDataset,
  type ImageTransform,
  type StreamedDataset,
} from "../data/index.ts";
import { ArgumentError } from "../text/index.ts";
import type { TrainBatch } from "./batch_input.ts";
import { ByteInput } from "./byte_input.ts";
import type { RunConfig } from "./config.ts";

/** Images held in memory, or read while they are needed. */
export type SessionData = ImageDataset | StreamedDataset;

/** Height and width of images before they are cut. */
export type ImageSize = readonly [height: number, width: number];

/** Whether images are read while they are needed, and come as bytes. */
export const isStreamed = (data: SessionData): data is StreamedDataset => "batches" in data;

/** What a step wants for data that comes as bytes; nothing for data in memory. */
export const byteInput = (data: SessionData): { bytes?: ByteInput } =>
  isStreamed(data) ? { bytes: new ByteInput(data) } : {};

/**
 * Images that one evaluation step takes: as many as a training step holds at once, whose memory it then shares, within reason.
 * Where there are micro-batches never more than one has: they are small for a reason.
 */
export const evaluationBatch = ({ batchSize, microBatch }: Pick<RunConfig, "batchSize" | "microBatch">): number =>
  Math.min(500, microBatch ?? Math.max(32, batchSize));

/**
 * How many batches a training epoch has.
 *
 * Errors    DataError or ArgumentError for a batch size, or an augmentation that is not for this kind of data.
 */
export function epochLength(data: SessionData, { batchSize, augment }: RunConfig): number {
  if (!isStreamed(data)) return new DataLoader({ dataset: data, batchSize }).length;
  const { crop, flip } = augment;
  if (crop > 0 || flip) {
    throw new ArgumentError(
      `augment wants crop 0 and flip false, was given ${crop} and ${flip}: data set ${data.name} is streamed and augments its images itself`,
    );
  }
  return batchCount(data.length, batchSize);
}

/**
 * Batches of a training epoch from the given one on: a function of (seed, epoch, batch) alone.
 *
 * Errors    DataError when a streamed data set does not give the batches that its length makes, in order; while they are read,
 *           what its reader throws.
 */
export function trainingBatches(
  data: SessionData,
  { batchSize, seed }: RunConfig,
  { epoch, startBatch, transform }: { epoch: number; startBatch: number; transform: ImageTransform | undefined },
): DataLoader | ByteBatches {
  const order = { batchSize, seed, epoch, startBatch };
  if (isStreamed(data)) return inOrder(data, data.batches({ ...order, training: true }), order);
  return new DataLoader({ dataset: data, ...order, shuffle: true, ...(transform ? { transform } : {}) });
}

/** The same batches. A reader that loses some would make another run of a resumed one: it is told here. */
function inOrder(
  { name, length: images }: StreamedDataset,
  batches: ByteBatches,
  { batchSize, startBatch }: { readonly batchSize: number; readonly startBatch: number },
): ByteBatches {
  const length = batchCount(images, batchSize);
  const wanted = `data set ${name}: ${images} images make ${length} batches of ${batchSize}`;
  if (batches.length !== length) throw new DataError(`${wanted}, an epoch has ${batches.length}`);
  return {
    length,
    recycle: (batch) => batches.recycle(batch),
    async *[Symbol.asyncIterator]() {
      let next = startBatch;
      for await (const batch of batches) {
        if (batch.batch !== next) throw new DataError(`${wanted}, number ${next} was to come, got ${batch.batch}`);
        next++;
        yield batch;
      }
      if (next < length) throw new DataError(`${wanted}, the epoch ended after ${next}`);
    },
  };
}

/** All images as they are stored, in batches for evaluation. */
export function testBatches(data: SessionData, config: RunConfig): DataLoader | ByteBatches {
  const batchSize = evaluationBatch(config);
  return isStreamed(data)
    ? data.batches({ batchSize, epoch: 0, seed: config.seed, startBatch: 0, training: false })
    : new DataLoader({ dataset: data, batchSize });
}

/** Zeros in the form in which a data set gives its batches; of a stream, bytes cut out of `stored` where that is given. */
export function zeroBatch(data: SessionData, size: number, stored?: ImageSize): TrainBatch {
  const [c, h, w] = data.shape;
  const y = new Int32Array(size);
  if (!isStreamed(data)) return { x: new Float32Array(size * c * h * w), y, size };
  const [height, width] = stored ?? [h, w];
  const bytes = new Uint8Array(size * c * height * width);
  return { bytes, stored: [height, width], y, size, ...(stored ? { place: new Int32Array(4 * size) } : {}) };
}
