// Draws the crops and colour changes of augmentation by torchvision's rules; the draws depend on (seed, epoch, index) alone.
// No pixels here.
import type { PhiloxStream } from "../tensor/philox.ts";
import { expectKeys, type KeysOf } from "../text/index.ts";
import { DataError, expectWhole } from "./errors.ts";

/** A rectangle of whole pixels. */
export interface CropBox {
  readonly top: number;
  readonly left: number;
  readonly height: number;
  readonly width: number;
}

/** Step of each draw of one image in stream `augment`, at [epoch, index, step]. */
export const AUGMENT_STEPS = { crop: 0, flip: 1, color: 2 } as const;

/** Options of `randomResizedCrop`. */
export interface RandomResizedCropOptions {
  /** Area of the box as a share of the image's. Default [0.08, 1]. */
  readonly scale?: readonly [low: number, high: number];
  /** Width over height, drawn evenly on a logarithmic scale. Default [3/4, 4/3]. */
  readonly ratio?: readonly [low: number, high: number];
}

/** Attempts before the fallback to the centre. */
const TRIES = 10;

/** Round to the nearest integer, halves to even, as Python's `round` does. */
export function roundHalfEven(x: number): number {
  const floor = Math.floor(x);
  const rest = x - floor;
  if (rest !== 0.5) return rest < 0.5 ? floor : floor + 1;
  return floor % 2 === 0 ? floor : floor + 1;
}

function expectRange(what: string, [low, high]: readonly [number, number], least: number): void {
  if (!(low > least && high >= low && Number.isFinite(high)))
    throw new DataError(`${what}: expected ${least} < low <= high, got [${low}, ${high}]`);
}

function expectSize(what: string, height: number, width: number): void {
  expectWhole(`${what}: height`, height, 1);
  expectWhole(`${what}: width`, width, 1);
}

/** Check the options of `randomResizedCrop`. Errors: DataError naming the option. */
export function checkCropOptions(options: RandomResizedCropOptions): void {
  expectKeys(options, { scale: true, ratio: true }, (problem) => new DataError(`randomResizedCrop: ${problem}`));
  const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3] } = options;
  expectRange("randomResizedCrop: scale", scale, 0);
  if (scale[1] > 1) throw new DataError(`randomResizedCrop: scale: expected at most 1, got [${scale.join(", ")}]`);
  expectRange("randomResizedCrop: ratio", ratio, 0);
}

/**
 * Draw the box of a RandomResizedCrop: an area and an aspect ratio until the box fits, at most ten times; then the largest
 * central box with an allowed ratio.
 *
 * Draws     area, ratio, top, left, in this order, from the position of `random`.
 * Errors    DataError for sizes below 1 and options out of range.
 * Source    Szegedy et al. 2015; rounding and fallback as in torchvision.
 */
export function randomResizedCrop(
  height: number,
  width: number,
  random: PhiloxStream,
  options: RandomResizedCropOptions = {},
): CropBox {
  expectSize("randomResizedCrop", height, width);
  checkCropOptions(options);
  const { scale = [0.08, 1], ratio = [3 / 4, 4 / 3] } = options;
  const [low, high] = [Math.log(ratio[0]), Math.log(ratio[1])];
  for (let i = 0; i < TRIES; i++) {
    const area = height * width * (scale[0] + (scale[1] - scale[0]) * random.nextFloat());
    const aspect = Math.exp(low + (high - low) * random.nextFloat());
    const w = roundHalfEven(Math.sqrt(area * aspect));
    const h = roundHalfEven(Math.sqrt(area / aspect));
    if (w > 0 && w <= width && h > 0 && h <= height) {
      const top = random.nextBelow(height - h + 1);
      return { top, left: random.nextBelow(width - w + 1), height: h, width: w };
    }
  }
  return centralCropOfRatio(height, width, ratio);
}

/** Return the largest central box with an allowed ratio of width to height. */
export function centralCropOfRatio(height: number, width: number, ratio: readonly [number, number]): CropBox {
  expectSize("centralCropOfRatio", height, width);
  const own = width / height;
  let [h, w] = [height, width];
  if (own < ratio[0]) h = roundHalfEven(width / ratio[0]);
  else if (own > ratio[1]) w = roundHalfEven(height * ratio[1]);
  // A sliver of one pixel can round to nothing.
  [h, w] = [Math.max(h, 1), Math.max(w, 1)];
  return { top: Math.floor((height - h) / 2), left: Math.floor((width - w) / 2), height: h, width: w };
}

/**
 * Return height and width after resizing the shorter side to `size`; the longer side is truncated, not rounded.
 *
 * Source    torchvision's Resize with one number.
 * Errors    DataError for sizes below 1.
 */
export function resizedShorterSide(height: number, width: number, size: number): [height: number, width: number] {
  expectSize("resizedShorterSide", height, width);
  expectWhole("resizedShorterSide: size", size, 1);
  return width <= height ? [Math.trunc((size * height) / width), size] : [size, Math.trunc((size * width) / height)];
}

/**
 * Return the central box of a size. If the image is smaller, top or left is negative, and pixels outside are black.
 *
 * Source    torchvision's CenterCrop; its offsets round halves to even, and its padding puts the odd pixel last.
 * Errors    DataError for sizes below 1.
 */
export function centerCrop(height: number, width: number, size: readonly [height: number, width: number]): CropBox {
  expectSize("centerCrop", height, width);
  expectSize("centerCrop: size", size[0], size[1]);
  const start = (have: number, want: number) =>
    want > have ? -Math.floor((want - have) / 2) : roundHalfEven((have - want) / 2);
  return { top: start(height, size[0]), left: start(width, size[1]), height: size[0], width: size[1] };
}

/** A strength s means factors in [max(0, 1 - s), 1 + s], for hue shifts in [-s, s]; or the two bounds. */
/** Range of a factor: [low, high], or s for [1 - s, 1 + s] (hue: [-s, s]). */
export type JitterStrength = number | readonly [low: number, high: number];

/** Ranges of the colour changes; an absent one is not made. */
export interface ColorJitterOptions {
  readonly brightness?: JitterStrength;
  readonly contrast?: JitterStrength;
  readonly saturation?: JitterStrength;
  /** Shift in turns of the colour circle, at most 0.5. */
  readonly hue?: JitterStrength;
}

/** Kind of a colour change. */
export type ColorChange = "brightness" | "contrast" | "saturation" | "hue";
const CHANGES = ["brightness", "contrast", "saturation", "hue"] as const;

/** Colour changes of one image, in order. */
export type ColorSteps = readonly { readonly change: ColorChange; readonly factor: number }[];

function bounds(change: ColorChange, strength: JitterStrength | undefined): readonly [number, number] | null {
  if (strength === undefined) return null;
  const neutral = change === "hue" ? 0 : 1;
  const least = change === "hue" ? -0.5 : 0;
  const most = change === "hue" ? 0.5 : Number.MAX_VALUE;
  if (typeof strength === "number" && !(strength >= 0))
    throw new DataError(`colorJitter: ${change}: expected a number >= 0, got ${strength}`);
  const [low, high] =
    typeof strength === "number"
      ? [change === "hue" ? -strength : Math.max(0, 1 - strength), neutral + strength]
      : strength;
  if (!(low >= least && low <= high && high <= most)) {
    const range = change === "hue" ? "-0.5 <= low <= high <= 0.5" : "0 <= low <= high";
    throw new DataError(`colorJitter: ${change}: expected ${range}, got [${low}, ${high}]`);
  }
  return low === neutral && high === neutral ? null : [low, high];
}

const STRENGTHS: KeysOf<ColorJitterOptions> = { brightness: true, contrast: true, saturation: true, hue: true };

/** Check the options of `colorJitter`. Errors: DataError naming the option. */
export function checkColorJitter(options: ColorJitterOptions): void {
  expectKeys(options, STRENGTHS, (problem) => new DataError(`colorJitter: ${problem}`));
  for (const change of CHANGES) bounds(change, options[change]);
}

/**
 * Draw the colour changes of an image: each one in use once, in a random order of all four.
 *
 * Draws     the order, then the factors of brightness, contrast, saturation and hue, those in use only.
 * Errors    DataError for strengths out of range.
 * Source    torchvision's ColorJitter.
 */
export function colorJitter(random: PhiloxStream, options: ColorJitterOptions): ColorSteps {
  checkColorJitter(options);
  const order: number[] = [0, 1, 2, 3];
  for (let i = 3; i > 0; i--) {
    const j = random.nextBelow(i + 1);
    [order[i], order[j]] = [order[j]!, order[i]!];
  }
  const factors = CHANGES.map((change) => {
    const range = bounds(change, options[change]);
    return range && range[0] + (range[1] - range[0]) * random.nextFloat();
  });
  return order.flatMap((i) => {
    const factor = factors[i];
    return typeof factor === "number" ? [{ change: CHANGES[i] as ColorChange, factor }] : [];
  });
}
