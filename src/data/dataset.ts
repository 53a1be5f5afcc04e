// Image data sets in memory, held as bytes: MNIST takes 47 MB, as floats it would take 188 MB.
import { DataError } from "./errors.ts";

/** Part of a data set. */
export type DatasetSplit = "train" | "test";
/** Channels, height, width. */
export type ImageShape = readonly [c: number, h: number, w: number];

/** Mean and standard deviation of each channel, in units of 1 = 255: the network's input is (byte / 255 - mean) / std. */
export interface PixelScale {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Images of one size in memory, as bytes, with labels and the scale that normalises them. */
export interface ImageDataset extends PixelScale {
  readonly name: string;
  /** [length, c, h, w], 0..255. */
  readonly images: Uint8Array;
  /** [length], each below classes.length. */
  readonly labels: Uint8Array | Int32Array;
  readonly shape: ImageShape;
  readonly classes: readonly string[];
  readonly length: number;
  /** Event frames: c is timeSteps times the channels of one step (2 polarities), time slowest. Absent: still images. */
  readonly timeSteps?: number;
}

/** Largest class count; a label beyond it is corrupt. */
export const MAX_CLASSES = 65536;

/** Describe the first label that is not below the class count; null if there is none. */
export function labelFault(labels: Uint8Array | Int32Array, classCount: number): string | null {
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (label < 0 || label >= classCount) return `label at index ${i}: expected 0..${classCount - 1}, got ${label}`;
  }
  return null;
}

/**
 * Check the parts of a data set and return it.
 *
 * Errors    DataError: no images, sizes or label counts that disagree, a label beyond the classes, mean or std not one
 *           per channel, std not above 0, time steps that do not divide the channels.
 * @example
 * const dataset = imageDataset({
 *   name: "dots",
 *   images: new Uint8Array(2 * 64), // [2, 1, 8, 8]
 *   labels: new Uint8Array([0, 1]),
 *   shape: [1, 8, 8],
 *   classes: ["dark", "bright"],
 *   mean: [0.5],
 *   std: [0.5],
 * });
 * console.log(dataset.length); // 2
 */
export function imageDataset(parts: Omit<ImageDataset, "length">): ImageDataset {
  const { name, images, labels, shape, classes, mean, std, timeSteps = 1 } = parts;
  const fail = (message: string): never => {
    throw new DataError(`dataset ${name}: ${message}`);
  };
  if (shape.length !== 3 || shape.some((dim) => !Number.isInteger(dim) || dim < 1)) {
    fail(`shape: expected [c, h, w], each at least 1, got [${shape.join(", ")}]`);
  }
  const [channels, height, width] = shape;
  if (!Number.isInteger(timeSteps) || timeSteps < 1 || channels % timeSteps !== 0) {
    fail(`timeSteps: expected a divisor of ${channels} channels, got ${timeSteps}`);
  }
  const pixels = channels * height * width;
  if (labels.length === 0) fail("no images");
  if (images.length !== labels.length * pixels) {
    fail(`images: expected ${labels.length * pixels} bytes for ${labels.length} labels, got ${images.length}`);
  }
  if (classes.length < 1 || classes.length > MAX_CLASSES) {
    fail(`classes: expected 1 to ${MAX_CLASSES}, got ${classes.length}`);
  }
  const fault = labelFault(labels, classes.length);
  if (fault) fail(fault);
  if (mean.length !== channels || std.length !== channels) {
    fail(`mean and std: expected ${channels} values each, got ${mean.length} and ${std.length}`);
  }
  if (mean.some((value) => !Number.isFinite(value)) || std.some((value) => !(value > 0 && Number.isFinite(value)))) {
    fail(`mean and std: expected finite values and std > 0, got mean [${mean.join(", ")}], std [${std.join(", ")}]`);
  }
  return { ...parts, length: labels.length };
}

/** Return images begin..end-1 of a data set, sharing its bytes. Throws DataError for a range outside of it. */
export function takeSubset(dataset: ImageDataset, begin: number, end: number): ImageDataset {
  if (!Number.isInteger(begin) || !Number.isInteger(end) || begin < 0 || begin >= end || end > dataset.length) {
    const problem = `dataset ${dataset.name}: takeSubset: expected 0 <= begin < end <= ${dataset.length}, got ${begin}, ${end}`;
    throw new DataError(problem);
  }
  const [c, h, w] = dataset.shape;
  const pixels = c * h * w;
  return {
    ...dataset,
    images: dataset.images.subarray(begin * pixels, end * pixels),
    labels: dataset.labels.subarray(begin, end),
    length: end - begin,
  };
}

/**
 * Compute mean and standard deviation per channel of images [n, c, h, w], in units of 1 = 255. From integer histograms, so
 * exact up to the last division. A channel of one value gets std 1.
 */
export function channelStats(images: Uint8Array, shape: ImageShape): { mean: number[]; std: number[] } {
  const [channels, height, width] = shape;
  const plane = height * width;
  const mean: number[] = [];
  const std: number[] = [];
  for (let c = 0; c < channels; c++) {
    const histogram = new Float64Array(256);
    for (let start = c * plane; start < images.length; start += channels * plane) {
      for (let i = start; i < start + plane; i++) histogram[images[i]!]!++;
    }
    const count = histogram.reduce((sum, n) => sum + n, 0);
    const first = histogram.reduce((sum, n, value) => sum + n * value, 0) / count;
    const spread = histogram.reduce((sum, n, value) => sum + n * (value - first) ** 2, 0) / count;
    mean.push(first / 255);
    std.push(spread > 0 ? Math.sqrt(spread) / 255 : 1);
  }
  return { mean, std };
}

/**
 * Compute the network's input for each byte: (byte / 255 - mean) / std per channel, [c, 256], in f64 and rounded once.
 *
 * Errors    DataError if mean and std do not have one value per channel.
 */
export function normalisationTable({ shape: [channels], mean, std }: PixelScale & { readonly shape: ImageShape }) {
  if (mean.length !== channels || std.length !== channels) {
    const problem = `normalisation: mean and std: expected ${channels} values each, got ${mean.length} and ${std.length}`;
    throw new DataError(problem);
  }
  const table = new Float32Array(channels * 256);
  for (let c = 0; c < channels; c++) {
    for (let byte = 0; byte < 256; byte++) {
      table[c * 256 + byte] = (byte / 255 - mean[c]!) / std[c]!;
    }
  }
  return table;
}
