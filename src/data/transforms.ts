// Augmentation of byte images. What happens to an image depends on (seed, epoch, its index) and on nothing else, so that
// batch size, prefetching and resuming cannot change a run.
import { PhiloxStream } from "../tensor/philox.ts";
import type { ImageShape } from "./dataset.ts";
import { DataError, expectWhole } from "./errors.ts";

/** Writes every byte of `out` [c, h, w] from `image` [c, h, w]; they never overlap. Draws only from `random`. */
export type TransformStep = (image: Uint8Array, out: Uint8Array, shape: ImageShape, random: PhiloxStream) => void;

/** Steps in order. Each draws from a place of its own, (epoch, index, step), so adding one does not disturb the others. */
export interface ImageTransform {
  readonly name: string;
  readonly steps: readonly TransformStep[];
}

/**
 * Pads by `pad` pixels of value `fill` on all sides and cuts out the original size at a random place.
 *
 * Errors    DataError when pad is not a whole number of at least 0, or fill not in 0..255.
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
 * Mirrors left and right with probability p.
 *
 * Errors    DataError when p is not in [0, 1].
 */
export function randomHorizontalFlip(p = 0.5): ImageTransform {
  if (!(p >= 0 && p <= 1)) throw new DataError(`randomHorizontalFlip: p wants a number in [0, 1], was given ${p}`);
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

/** One transform after the other; `compose()` does nothing. */
export function compose(...transforms: readonly ImageTransform[]): ImageTransform {
  return {
    name: `compose(${transforms.map(({ name }) => name).join(", ")})`,
    steps: transforms.flatMap(({ steps }) => steps),
  };
}

/** Where an image stands in a run. */
export interface ImagePlace {
  readonly seed: number;
  readonly epoch: number;
  /** Its number in the dataset. */
  readonly index: number;
}

/** Runs transforms without allocating: two image buffers and one stream, used for image after image. */
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

  /** The augmented image: valid until the next call, and not to be written to. */
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

/** One image [c, h, w] augmented as a loader would, in memory of its own. */
export function augmentImage(
  transform: ImageTransform,
  image: Uint8Array,
  shape: ImageShape,
  { seed, epoch, index }: ImagePlace,
): Uint8Array {
  const pixels = shape[0] * shape[1] * shape[2];
  if (image.length !== pixels) {
    throw new DataError(`augmentImage: [${shape.join(", ")}] wants ${pixels} bytes, was given ${image.length}`);
  }
  return new Uint8Array(new Augmenter(transform, shape, seed).apply(image, epoch, index));
}
