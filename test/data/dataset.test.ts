import fc from "fast-check";
import { expect, test } from "vitest";
import { channelStats, imageDataset, takeSubset } from "../../src/data/dataset.ts";
import { DataError } from "../../src/data/errors.ts";
import { toyDataset } from "./fixtures.ts";

test("statistics per channel are those of two plain passes", () => {
  fc.assert(
    fc.property(
      fc.tuple(fc.integer({ min: 1, max: 3 }), fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 4 })),
      fc.integer({ min: 1, max: 5 }),
      fc.infiniteStream(fc.nat(255)),
      ([c, h, w], n, bytes) => {
        const images = Uint8Array.from({ length: n * c * h * w }, () => bytes.next().value);
        const { mean, std } = channelStats(images, [c, h, w]);
        for (let channel = 0; channel < c; channel++) {
          const values = [...images].filter((_, i) => Math.floor(i / (h * w)) % c === channel).map((v) => v / 255);
          const m = values.reduce((a, b) => a + b, 0) / values.length;
          const s = Math.sqrt(values.reduce((a, b) => a + (b - m) ** 2, 0) / values.length);
          expect(mean[channel]).toBeCloseTo(m, 12);
          expect(std[channel]).toBeCloseTo(new Set(values).size > 1 ? s : 1, 12);
        }
      },
    ),
  );
});

test("a subset shares the bytes of its dataset", () => {
  const whole = toyDataset(10);
  const part = takeSubset(whole, 3, 7);
  expect(part.length).toBe(4);
  expect([...part.labels]).toEqual([0, 1, 2, 0]);
  expect(part.images).toEqual(whole.images.slice(60, 140));
  expect(part.images.buffer).toBe(whole.images.buffer);
  expect(() => takeSubset(whole, 7, 11)).toThrow("takeSubset: expected 0 <= begin < end <= 10, got 7, 11");
});

test("refuses parts that disagree, by name", () => {
  const { length: _, ...good } = toyDataset(4);
  const refusal = (change: Partial<typeof good>) => {
    try {
      imageDataset({ ...good, ...change });
    } catch (error) {
      expect(error).toBeInstanceOf(DataError);
      return (error as Error).message;
    }
    throw new Error("was accepted");
  };
  expect(imageDataset(good).length).toBe(4);
  expect(refusal({ labels: new Uint8Array(5) })).toBe("dataset toy: images: expected 100 bytes for 5 labels, got 80");
  expect(refusal({ labels: new Uint8Array(0), images: new Uint8Array(0) })).toContain("no images");
  expect(refusal({ labels: new Int32Array([0, 1, -1, 0]) })).toContain("label at index 2: expected 0..2, got -1");
  expect(refusal({ labels: new Uint8Array([0, 1, 2, 3]) })).toContain("label at index 3: expected 0..2, got 3");
  expect(refusal({ shape: [1, 0, 5] })).toContain("shape: expected [c, h, w]");
  expect(refusal({ classes: [] })).toContain("classes: expected 1 to 65536, got 0");
  expect(refusal({ mean: [0, 0] })).toContain("mean and std: expected 1 values each, got 2 and 1");
  expect(refusal({ std: [0] })).toContain("std > 0");
  expect(refusal({ mean: [Number.NaN] })).toContain("expected finite values");
});

test("requires time steps that divide the channels; a subset retains them", () => {
  const { length: _, ...four } = toyDataset(3, [4, 2, 2]);
  for (const timeSteps of [3, 0, 1.5]) {
    expect(() => imageDataset({ ...four, timeSteps })).toThrow(
      `timeSteps: expected a divisor of 4 channels, got ${timeSteps}`,
    );
  }
  expect(takeSubset(imageDataset({ ...four, timeSteps: 2 }), 1, 2).timeSteps).toBe(2);
  expect(imageDataset(four).timeSteps).toBeUndefined();
});
