// Data sets of a session, and their batches for training and evaluation.
import {
  type ArrayDataset,
  type ArrayParts,
  type ArrayTransform,
  arrayDataset,
  batchCount,
  batchesOf,
  checkParts,
  DataError,
  DataLoader,
  type ImageTransform,
  isArrays,
  isStreamed,
  type LabelledImages,
  type PixelScale,
  testBatchesOf,
} from "../data/index.ts";
import { type DType, numel, type Shape, type Tensor } from "../tensor/index.ts";
import { ArgumentError, expectKeys, isRecord, kindOf } from "../text/index.ts";
import { BatchInput, type HostBatch, type HostBatches, type ImageSize } from "./batch_step.ts";
import type { RunConfig } from "./config.ts";
import type { TargetFormat } from "./train_step.ts";

/** Samples of a session: images, or arrays of any shape. */
export type SessionSamples = LabelledImages | ArrayDataset;

/** A training set and a test set. */
export interface DatasetPair {
  readonly train: SessionSamples | ArrayParts;
  /** Absent: no evaluation; test loss and accuracy of the records are NaN. */
  readonly test?: SessionSamples | ArrayParts | undefined;
}

/** Data of a session: a pair, or a training set alone. Parts of arrays, { x, y, shape }, are read by `arrayDataset`. */
export type SessionData = DatasetPair | SessionSamples | ArrayParts;

interface SessionSets {
  readonly train: SessionSamples;
  readonly test: SessionSamples | null;
}

const isPair = (data: SessionData): data is DatasetPair => "train" in data || "test" in data;
const isParts = (data: SessionSamples | ArrayParts): data is ArrayParts => "x" in data && !isArrays(data);

/** Return the data sets of a session. Errors: ArgumentError or DataError for data of another kind, or parts that disagree. */
export function openSets(data: SessionData): SessionSets {
  if (!isRecord(data)) throw new ArgumentError(`Session: data: expected data sets or arrays, got ${kindOf(data)}`);
  const pair = isPair(data) ? data : { train: data };
  const refuse = (problem: string) => new ArgumentError(`Session: data: ${problem}`);
  expectKeys(pair, { train: true, test: true }, refuse);
  const read = (part: "train" | "test", given: SessionSamples | ArrayParts | undefined): SessionSamples => {
    if (!isRecord(given)) throw refuse(`${part}: expected a data set or arrays, got ${kindOf(given)}`);
    if (isParts(given)) return arrayDataset({ name: part, ...given });
    if (isArrays(given) || "classes" in given) return given;
    throw refuse(`${part}: expected a data set or arrays { x, y }, got an object of ${Object.keys(given).join(", ")}`);
  };
  const train = read("train", pair.train);
  const test = pair.test === undefined ? null : read("test", pair.test);
  if (test) checkPair(train, test);
  return { train, test };
}

/** Check that training and test samples are of one kind and shape. */
function checkPair(train: SessionSamples, test: SessionSamples): void {
  checkParts(train.name, train, test);
  const [a, b] = [formatOf(train), formatOf(test)];
  const words = ({ dtype, target, scale }: SampleFormat) =>
    `${scale ? "images" : dtype} with targets ${target.dtype} [${target.shape.join(", ")}]`;
  if (words(a) !== words(b)) {
    const problem = `${train.name}: test samples: expected ${words(a)} as the training samples, got ${words(b)}`;
    throw new DataError(problem);
  }
}

/** Augmentation of samples: of images in memory, or of arrays. */
export type SampleTransform = ImageTransform | ArrayTransform;

/**
 * Return the given augmentation of the training samples; that of the settings runs on the GPU. Errors: ArgumentError for one of
 * another kind of data, or both.
 */
export function transformFor(
  data: SessionSamples,
  { augment }: RunConfig,
  given: SampleTransform | undefined,
): SampleTransform | undefined {
  const { crop, flip } = augment;
  if (given !== undefined) {
    const refuse = (problem: string) => new ArgumentError(`Session: transform: expected ${problem}`);
    if (!isArrays(data) && isStreamed(data))
      throw refuse(`nothing: data set ${data.name} is streamed and augments its images itself`);
    if (crop > 0 || flip) throw refuse(`nothing beside config.augment, got crop ${crop} and flip ${flip}`);
    if (isArrays(data) ? typeof given !== "function" : !Array.isArray((given as Partial<ImageTransform>).steps))
      throw refuse(
        isArrays(data) ? `a function for arrays, got ${kindOf(given)}` : `an ImageTransform, got ${kindOf(given)}`,
      );
    return given;
  }
  return undefined;
}

/** Shape and type of samples and targets. */
export interface SampleFormat {
  readonly sample: Shape;
  readonly dtype: DType;
  readonly target: TargetFormat;
  /** Scale of bytes; absent for arrays. */
  readonly scale?: PixelScale | undefined;
}

/** Return the format of a data set's samples. */
export function formatOf(data: SessionSamples): SampleFormat {
  if (!isArrays(data))
    return {
      sample: data.shape,
      dtype: "f32",
      target: { shape: [], dtype: "i32", classes: data.classes.length },
      scale: data,
    };
  const { x, y, shape, targetShape } = data;
  const dtype = x instanceof Int32Array ? "i32" : x instanceof Uint32Array ? "u32" : "f32";
  const isClass = y instanceof Int32Array;
  const target = {
    shape: targetShape,
    dtype: isClass ? "i32" : "f32",
    classes: isClass ? data.classes.length : undefined,
  } as const;
  return { sample: shape, dtype, target };
}

/**
 * Upload a batch of a data set: samples x [n, ...sample], images as normalised numbers, and targets y [n, ...target]. For a custom
 * loop; `BatchStep` does it inside a captured step.
 *
 * Errors    OpError for bytes that do not fit the data set's images; CaptureError inside a captured step.
 * @example
 * const points = arrayDataset({ x: [[0, 0], [0, 1], [1, 0], [1, 1]], y: [0, 1, 1, 0] });
 * for await (const batch of new DataLoader({ dataset: points, batchSize: 2 })) {
 *   const { x, y } = uploadBatch(points, batch);
 *   console.log(x.shape, y.dtype); // 2, 2 and i32
 * }
 */
export function uploadBatch(data: SessionSamples, batch: HostBatch): { readonly x: Tensor; readonly y: Tensor } {
  const { sample, target, scale } = formatOf(data);
  using input = new BatchInput({ name: "uploadBatch", sample, target: target.shape, scale });
  return input.tensors(batch);
}

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
export function epochLength(data: SessionSamples, { batchSize, augment }: RunConfig): number {
  const { crop, flip } = augment;
  const reason = isArrays(data)
    ? "holds arrays; augment them with the option transform"
    : isStreamed(data)
      ? "is streamed and augments its images itself"
      : null;
  if (reason === null || !(crop > 0 || flip))
    return !isArrays(data) && isStreamed(data)
      ? batchCount(data.length, batchSize)
      : new DataLoader({ dataset: data, batchSize, gpuAugment: augment }).length;
  const problem = `augment: expected crop 0 and flip false, got ${crop} and ${flip}: data set ${data.name} ${reason}`;
  throw new ArgumentError(problem);
}

/** Batches of an epoch of a session. */
export interface SessionBatches extends HostBatches {
  /** Batches of the whole epoch, including those before `startBatch`. */
  readonly length: number;
  recycle(batch: HostBatch): void;
}

/** Batches with their index in the epoch. */
interface OrderedBatches extends SessionBatches {
  [Symbol.asyncIterator](): AsyncIterator<HostBatch & { readonly batch: number }>;
}

/**
 * Return the batches of a training epoch from `startBatch` on: a function of (seed, epoch, batch) alone.
 *
 * Errors    DataError if a data set does not give all batches in order; while they are read, the errors of its reader.
 */
export function trainingBatches(
  data: SessionSamples,
  { batchSize, seed, augment }: RunConfig,
  { epoch, startBatch, transform }: { epoch: number; startBatch: number; transform: SampleTransform | undefined },
): SessionBatches {
  const order = { batchSize, seed, epoch, startBatch };
  const batches = isArrays(data)
    ? new DataLoader({ dataset: data, ...order, shuffle: true, transform: transform as ArrayTransform | undefined })
    : batchesOf(data, { ...order, training: true }, transform as ImageTransform | undefined, augment);
  return inOrder(data, batches as OrderedBatches, order);
}

/** Check the order of the batches. A reader that loses some would change a resumed run silently. */
function inOrder(
  { name, length: images }: SessionSamples,
  batches: OrderedBatches,
  { batchSize, startBatch }: { readonly batchSize: number; readonly startBatch: number },
): SessionBatches {
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

/** Return all samples as they are stored, in batches for evaluation. */
export function testBatches(data: SessionSamples, config: RunConfig): HostBatches {
  const batchSize = evaluationBatch(config);
  return (
    isArrays(data) ? new DataLoader({ dataset: data, batchSize }) : testBatchesOf(data, batchSize, config.seed)
  ) as HostBatches;
}

function zerosOf(dtype: DType, length: number): Float32Array | Int32Array | Uint32Array {
  if (dtype === "f32") return new Float32Array(length);
  return dtype === "i32" ? new Int32Array(length) : new Uint32Array(length);
}

/** Return the size of training images that the GPU augments; undefined for images that are used as they are, and for arrays. */
export function croppedSize(
  data: Pick<LabelledImages, "shape"> | ArrayDataset,
  { augment: { crop, flip } }: Pick<RunConfig, "augment">,
): ImageSize | undefined {
  return isArrays(data) || !(crop > 0 || flip) ? undefined : [data.shape[1], data.shape[2]];
}

/** Return a batch of zeros for samples of a data set; images are cropped out of `stored` if that is given. */
export function zeroBatch(
  data: Pick<LabelledImages, "shape"> | ArrayDataset,
  size: number,
  stored?: ImageSize,
): HostBatch {
  if (isArrays(data)) {
    const { dtype, target } = formatOf(data);
    return {
      x: zerosOf(dtype, size * numel(data.shape)),
      y:
        target.dtype === "i32"
          ? new Int32Array(size * numel(target.shape))
          : new Float32Array(size * numel(target.shape)),
      size,
    };
  }
  const [c, h, w] = data.shape;
  const [height, width] = stored ?? [h, w];
  return {
    x: new Uint8Array(size * c * height * width),
    y: new Int32Array(size),
    size,
    stored: [height, width],
    crop: stored && new Int32Array(4 * size),
  };
}
