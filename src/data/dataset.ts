// Images with one label each, held as bytes: MNIST is 47 MB so, and 188 MB as floats.
import { DataError } from "./errors.ts";

export type Split = "train" | "test";
/** Channels, height, width. */
export type ImageShape = readonly [c: number, h: number, w: number];

/** Mean and standard deviation of each channel, in units of 1 = 255: the network's input is (byte / 255 - mean) / std. */
export interface PixelScale {
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

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

/** More classes than any dataset here has: a label beyond is damage, not a class. */
export const MAX_CLASSES = 65536;

/** Which label is not below the class count, in words; or null. */
export function labelFault(labels: Uint8Array | Int32Array, classCount: number): string | null {
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i]!;
    if (label < 0 || label >= classCount) {
      return `label ${label} at index ${i} is not in 0..${classCount - 1}, there are ${classCount} classes`;
    }
  }
  return null;
}

/**
 * Checks the parts of a dataset against each other.
 *
 * Errors    DataError: no images, sizes or label counts that disagree, a label beyond the classes, mean or std not one
 *           per channel, std not above 0, time steps that do not divide the channels.
 */
export function imageDataset(parts: Omit<ImageDataset, "length">): ImageDataset {
  const { name, images, labels, shape, classes, mean, std, timeSteps = 1 } = parts;
  const fail = (message: string): never => {
    throw new DataError(`dataset ${name}: ${message}`);
  };
  if (shape.length !== 3 || shape.some((dim) => !Number.isInteger(dim) || dim < 1)) {
    fail(`shape wants [c, h, w], each at least 1, was given [${shape.join(", ")}]`);
  }
  const [channels, height, width] = shape;
  if (!Number.isInteger(timeSteps) || timeSteps < 1 || channels % timeSteps !== 0) {
    fail(`${timeSteps} time steps do not divide ${channels} channels`);
  }
  const pixels = channels * height * width;
  if (labels.length === 0) fail("it has no images");
  if (images.length !== labels.length * pixels) {
    fail(`${labels.length} labels want ${labels.length * pixels} bytes of images, there are ${images.length}`);
  }
  if (classes.length < 1 || classes.length > MAX_CLASSES) {
    fail(`wants 1..${MAX_CLASSES} classes, was given ${classes.length}`);
  }
  const fault = labelFault(labels, classes.length);
  if (fault) fail(fault);
  if (mean.length !== channels || std.length !== channels) {
    fail(`${channels} channels want as many mean and std, was given ${mean.length} and ${std.length}`);
  }
  if (mean.some((value) => !Number.isFinite(value)) || std.some((value) => !(value > 0 && Number.isFinite(value)))) {
    fail(`wants finite mean and std above 0, was given mean [${mean.join(", ")}], std [${std.join(", ")}]`);
  }
  return { ...parts, length: labels.length };
}

/** Images begin..end-1 of a dataset, sharing its bytes. */
export function subset(dataset: ImageDataset, begin: number, end: number): ImageDataset {
  if (!Number.isInteger(begin) || !Number.isInteger(end) || begin < 0 || begin >= end || end > dataset.length) {
    throw new DataError(
      `dataset ${dataset.name}: subset wants 0 <= begin < end <= ${dataset.length}, was given ${begin}, ${end}`,
    );
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
 * Mean and standard deviation per channel of images [n, c, h, w], in units of 1 = 255. Whole-number histograms, so
 * exact up to the last division. A channel of one value gets std 1: there is nothing to scale.
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
 * What a network sees for each byte: (byte / 255 - mean) / std per channel, [c, 256], computed in f64 and rounded once.
 *
 * Errors    DataError when mean and std are not one each per channel.
 */
export function normalisationTable({ shape: [channels], mean, std }: PixelScale & { readonly shape: ImageShape }) {
  if (mean.length !== channels || std.length !== channels) {
    throw new DataError(
      `normalisation: ${channels} channels want as many mean and std, was given ${mean.length} and ${std.length}`,
    );
  }
  const table = new Float32Array(channels * 256);
  for (let c = 0; c < channels; c++) {
    for (let byte = 0; byte < 256; byte++) {
      table[c * 256 + byte] = (byte / 255 - mean[c]!) / std[c]!;
    }
  }
  return table;
}
