import fc from "fast-check";
import { expect, test } from "vitest";
import type { ImageShape } from "../../src/data/dataset.ts";
import {
  Augmenter,
  augmentImage,
  composeTransforms,
  randomCrop,
  randomHorizontalFlip,
} from "../../src/data/transforms.ts";

const shape: ImageShape = [2, 3, 4];
const image = Uint8Array.from({ length: 24 }, (_, i) => i + 1);
const pixel = (bytes: Uint8Array, c: number, y: number, x: number, [, h, w]: ImageShape = shape) =>
  y < 0 || x < 0 || y >= h || x >= w ? 0 : bytes[(c * h + y) * w + x]!;
const place = fc.record({ seed: fc.nat(), epoch: fc.nat(), index: fc.nat() });

test("crops by at most pad, all channels alike, black outside", () => {
  const seen = new Set<string>();
  fc.assert(
    fc.property(place, fc.nat(3), (at, pad) => {
      const out = augmentImage(randomCrop(pad), image, shape, at);
      const moves: string[] = [];
      for (let dy = -pad; dy <= pad; dy++) {
        for (let dx = -pad; dx <= pad; dx++) {
          const same = out.every((value, i) => {
            const [c, y, x] = [Math.floor(i / 12), Math.floor(i / 4) % 3, i % 4];
            return value === pixel(image, c, y + dy, x + dx);
          });
          if (same) moves.push(`${dy},${dx}`);
        }
      }
      expect(moves.length).toBeGreaterThan(0);
      if (pad === 1) seen.add(moves[0]!);
    }),
    { numRuns: 600 },
  );
  expect(seen.size).toBe(9);
});

test("a crop fills with the given value", () => {
  const filled = new Set(
    [...Array(50).keys()].flatMap((index) => [
      ...augmentImage(randomCrop(9, 200), image, shape, { seed: 1, epoch: 0, index }),
    ]),
  );
  expect(filled.has(200)).toBe(true);
  expect(filled.has(0)).toBe(false);
});

test("a flip mirrors every row, with the given probability", () => {
  const mirrored = image.map((_, i) => image[i - (i % 4) + 3 - (i % 4)]!);
  expect(augmentImage(randomHorizontalFlip(1), image, shape, { seed: 1, epoch: 2, index: 3 })).toEqual(mirrored);
  expect(augmentImage(randomHorizontalFlip(0), image, shape, { seed: 1, epoch: 2, index: 3 })).toEqual(image);
  let flips = 0;
  for (let index = 0; index < 2000; index++) {
    const out = augmentImage(randomHorizontalFlip(0.25), image, shape, { seed: 1, epoch: 0, index });
    if (out[0] === mirrored[0]) flips++;
  }
  // Standard deviation is 19: five of them.
  expect(Math.abs(flips - 500)).toBeLessThan(97);
});

test("applies steps in order; a later step does not change an earlier one", () => {
  fc.assert(
    fc.property(place, (at) => {
      const cropped = augmentImage(randomCrop(1), image, shape, at);
      const both = augmentImage(composeTransforms(randomCrop(1), randomHorizontalFlip(1)), image, shape, at);
      expect(both).toEqual(augmentImage(randomHorizontalFlip(1), cropped, shape, at));
      expect(augmentImage(composeTransforms(), image, shape, at)).toEqual(image);
    }),
  );
  expect(composeTransforms(randomCrop(4), randomHorizontalFlip()).name).toBe(
    "composeTransforms(randomCrop(4), randomHorizontalFlip(0.5))",
  );
});

test("depends on seed, epoch and index, not on earlier images", () => {
  const transform = composeTransforms(randomCrop(2), randomHorizontalFlip());
  const augmenter = new Augmenter(transform, shape, 7);
  const outcomes = new Set<string>();
  fc.assert(
    fc.property(fc.nat(50), fc.nat(50), (epoch, index) => {
      const out = augmenter.apply(image, epoch, index);
      expect([...out]).toEqual([...augmentImage(transform, image, shape, { seed: 7, epoch, index })]);
      outcomes.add(out.join());
    }),
  );
  expect(outcomes.size).toBeGreaterThan(20);
  expect([...image]).toEqual([...Array(24).keys()].map((i) => i + 1));
});

test("refuses options out of range by name", () => {
  expect(() => randomCrop(-1)).toThrow("randomCrop: pad: expected an integer in 0..65535, got -1");
  expect(() => randomCrop(1, 256)).toThrow("randomCrop: fill: expected an integer in 0..255, got 256");
  expect(() => randomHorizontalFlip(1.5)).toThrow("randomHorizontalFlip: p: expected a number in [0, 1], got 1.5");
  expect(() => augmentImage(composeTransforms(), image, [1, 3, 4], { seed: 0, epoch: 0, index: 0 })).toThrow(
    "expected 12 bytes",
  );
});
