// Augmentation of byte images. It depends on (seed, epoch, index) alone, so that batch size, prefetching and resuming cannot
// change a run.
import { PhiloxStream } from "../tensor/philox.ts";
import type { ImageShape } from "./dataset.ts";
import { DataError, expectWhole } from "./errors.ts";

/** Writes every byte of `out` [c, h, w] from `image` [c, h, w]; they never overlap. Draws only from `random`. */
export type TransformStep = (image: Uint8Array, out: Uint8Array, shape: ImageShape, random: PhiloxStream) => void;

/** Steps in order. Each draws at its own counter (epoch, index, step), so that an added step does not change the others. */
export interface ImageTransform {
  readonly name: string;
  readonly steps: readonly TransformStep[];
}

/**
 * Pad by `pad` pixels of value `fill` on all sides and crop the original size at a random offset.
 *
 * Errors    DataError if pad is not an integer >= 0, or fill is not in 0..255.
 */
export function randomCrop(pad: number, fill = 0): ImageTransform {
  expectWhole("randomCrop: pad", pad, 0, 65535);
  expectWhole("randomCrop: fill", fill, 0, 255);
  const step: TransformStep = (image, out, [channels, height, width], random) => {
    const down = random.nextBelow(2 * pad + 1) - pad;
    const right = random.nextBelow(2 * pad + 1) - pad;
    const first = Math.max(0, -right);
    const last = Math.min(width, width - right);
    out.fill(fill);
    for (let c = 0; c < channels; c++) {
      for (let y = Math.max(0, -down); y < Math.min(height, height - down); y++) {
        const to = (c * height + y) * width;
        const from = to + down * width + right;
        for (let x = first; x < last; x++) out[to + x] = image[from + x]!;
      }
    }
  };
  return { name: `randomCrop(${pad})`, steps: [step] };
}

/**
 * Mirror left to right with probability p.
 *
 * Errors    DataError if p is not in [0, 1].
 */
export function randomHorizontalFlip(p = 0.5): ImageTransform {
  if (!(p >= 0 && p <= 1)) throw new DataError(`randomHorizontalFlip: p: expected a number in [0, 1], got ${p}`);
  const step: TransformStep = (image, out, [channels, height, width], random) => {
    if (random.nextFloat() >= p) {
      out.set(image);
      return;
    }
    for (let row = 0; row < channels * height; row++) {
      const start = row * width;
      for (let x = 0; x < width; x++) out[start + x] = image[start + width - 1 - x]!;
    }
  };
  return { name: `randomHorizontalFlip(${p})`, steps: [step] };
}

/** Apply transforms one after the other; `composeTransforms()` does nothing. */
export function composeTransforms(...transforms: readonly ImageTransform[]): ImageTransform {
  return {
    name: `composeTransforms(${transforms.map(({ name }) => name).join(", ")})`,
    steps: transforms.flatMap(({ steps }) => steps),
  };
}

/** Identifies an image in a run. */
export interface AugmentKey {
  readonly seed: number;
  readonly epoch: number;
  /** Index in the data set. */
  readonly index: number;
}

/** Runs transforms without allocations, with two image buffers and one random stream. */
export class Augmenter {
  private readonly steps: readonly TransformStep[];
  private readonly shape: ImageShape;
  private readonly buffers: readonly [Uint8Array, Uint8Array];
  private readonly random: PhiloxStream;

  constructor(transform: ImageTransform, shape: ImageShape, seed: number) {
    const pixels = shape[0] * shape[1] * shape[2];
    this.steps = transform.steps;
    this.shape = shape;
    this.buffers = [new Uint8Array(pixels), new Uint8Array(pixels)];
    this.random = new PhiloxStream(seed, "augment");
  }

  /** Return the augmented image, read-only and valid until the next call. */
  apply(image: Uint8Array, epoch: number, index: number): Uint8Array {
    let current = image;
    for (let i = 0; i < this.steps.length; i++) {
      const out = this.buffers[i & 1]!;
      this.steps[i]!(current, out, this.shape, this.random.moveTo([epoch, index, i]));
      current = out;
    }
    return current;
  }
}

/** Augment one image [c, h, w] as a loader would, into a new array. Throws DataError for a wrong number of bytes. */
export function augmentImage(
  transform: ImageTransform,
  image: Uint8Array,
  shape: ImageShape,
  { seed, epoch, index }: AugmentKey,
): Uint8Array {
  const pixels = shape[0] * shape[1] * shape[2];
  if (image.length !== pixels)
    throw new DataError(`augmentImage: expected ${pixels} bytes for [${shape.join(", ")}], got ${image.length}`);
  return new Uint8Array(new Augmenter(transform, shape, seed).apply(image, epoch, index));
}
