// Draws the random crops and flips that the GPU makes while it normalises the bytes of images.
import type { PhiloxStream } from "../tensor/philox.ts";
import { expectKeys, kindOf } from "../text/index.ts";
import { DataError, expectWhole } from "./errors.ts";

/**
 * Random crops and flips that the GPU makes, torchvision's RandomCrop(size, padding) and RandomHorizontalFlip: an image gets
 * borders of bytes 0, its own size is cut out at a random place, and half of the images are mirrored.
 */
export interface GpuAugment {
  /** Width of the borders in pixels; 0 (default): no crops. */
  readonly crop?: number | undefined;
  /** True mirrors half of the images left to right. Default false. */
  readonly flip?: boolean | undefined;
}

/** Return true if there is anything to draw. */
export const augments = ({ crop = 0, flip = false }: GpuAugment): boolean => crop > 0 || flip;

/** Check the settings. Errors: DataError naming the setting. */
export function checkGpuAugment(op: string, augment: GpuAugment): void {
  expectKeys(augment, { crop: true, flip: true }, (problem) => new DataError(`${op}: ${problem}`));
  const { crop = 0, flip = false } = augment;
  expectWhole(`${op}: crop`, crop, 0, 65535);
  if (typeof flip !== "boolean") throw new DataError(`${op}: flip: expected true or false, got ${kindOf(flip)}`);
}

/** Places of a random crop. */
export interface CropRange {
  /** Rows and columns of the stored image beyond those of the crop. */
  readonly spare: readonly [rows: number, columns: number];
  /** Pixels of value 0 around the stored image. */
  readonly pad: number;
  /** Probability of mirroring. */
  readonly flip: number;
  /** Step of the flip in stream `augment`; that of the crop is 0. */
  readonly flipStep: number;
}

/**
 * Draw the crop of image `index` into crop[4 n ...]: top row and left column in the stored image, from -pad to spare + pad, and 1
 * for mirrored. Without spare pixels the draws are those of `randomCrop` and then `randomHorizontalFlip`.
 */
export function drawCrop(
  { spare, pad, flip, flipStep }: CropRange,
  random: PhiloxStream,
  { epoch, index }: { readonly epoch: number; readonly index: number },
  crop: Int32Array,
  n: number,
): void {
  random.moveTo([epoch, index, 0]);
  crop[4 * n] = random.nextBelow(spare[0] + 2 * pad + 1) - pad;
  crop[4 * n + 1] = random.nextBelow(spare[1] + 2 * pad + 1) - pad;
  crop[4 * n + 2] = random.moveTo([epoch, index, flipStep]).nextFloat() < flip ? 1 : 0;
  crop[4 * n + 3] = 0;
}

/** Return the places of the crops of images in memory; null without any. */
export function cropRangeOf({ crop = 0, flip = false }: GpuAugment): CropRange | null {
  if (!augments({ crop, flip })) return null;
  // As the steps of composed transforms are counted.
  return { spare: [0, 0], pad: crop, flip: flip ? 0.5 : 0, flipStep: crop > 0 ? 1 : 0 };
}
