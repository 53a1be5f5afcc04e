// A fixed small part of a dataset: which samples, in which order, and what cannot be had.
import fc from "fast-check";
import { expect, test } from "vitest";
import { imageDataset } from "../../src/data/dataset.ts";
import { firstOfEachClass } from "../../src/data/first_of_each_class.ts";
import { DataError } from "../../src/data/index.ts";
import { toyDataset } from "./fixtures.ts";

/** A dataset with these labels whose images tell their index. */
function dataset(labels: Uint8Array | Int32Array) {
  return imageDataset({
    name: "toy",
    images: Uint8Array.from({ length: labels.length * 4 }, (_, i) => (i >> 2) % 251),
    labels,
    shape: [1, 2, 2],
    classes: ["a", "b", "c"],
    mean: [0.2],
    std: [0.3],
  });
}

/** Labels that hold each of three classes. */
const someLabels = fc
  .array(fc.nat(2), { maxLength: 40 })
  .chain((more) => fc.shuffledSubarray([0, 1, 2, ...more], { minLength: 3 + more.length }));

test("picks the first samples of each class with their images, in order; a larger pick contains a smaller one", () => {
  fc.assert(
    fc.property(someLabels, fc.boolean(), (labels, wide) => {
      const whole = dataset(wide ? Int32Array.from(labels) : Uint8Array.from(labels));
      const most = Math.min(...[0, 1, 2].map((c) => labels.filter((l) => l === c).length));
      let before: readonly number[] = [];
      for (let n = 1; n <= most; n++) {
        const part = firstOfEachClass(whole, n);
        expect(part.length).toBe(3 * n);
        expect(part.labels.constructor).toBe(whole.labels.constructor);
        const picked = Array.from({ length: part.length }, (_, i) => part.images[4 * i]!);
        expect(picked).toEqual([...new Set(picked)].sort((a, b) => a - b));
        expect([...part.labels]).toEqual(picked.map((i) => labels[i]));
        for (const c of [0, 1, 2]) {
          const all = labels.flatMap((l, i) => (l === c ? [i] : []));
          expect(picked.filter((i) => labels[i] === c)).toEqual(all.slice(0, n));
        }
        expect(picked).toEqual(expect.arrayContaining([...before]));
        before = picked;
      }
      expect(() => firstOfEachClass(whole, most + 1)).toThrow(DataError);
    }),
  );
});

test("retains mean, std and classes, and shares no bytes", () => {
  const whole = toyDataset(9, [2, 2, 2]);
  const { images, labels, length, ...rest } = firstOfEachClass(whole, 2);
  const { images: _, labels: __, length: ___, ...same } = whole;
  expect(rest).toEqual(same);
  expect([length, labels.length, images.length]).toEqual([6, 6, 48]);
  expect(images.buffer).not.toBe(whole.images.buffer);
  expect(images).toEqual(whole.images.slice(0, 48));
});

test("errors name the data set, the class and the expected count", () => {
  const whole = dataset(Uint8Array.from([0, 1, 0, 2, 0, 2]));
  expect(() => firstOfEachClass(whole, 2)).toThrow("dataset toy: expected 2 samples of each class, got 1 of class b");
  for (const n of [0, -1, 1.5, Number.NaN]) {
    expect(() => firstOfEachClass(whole, n)).toThrow(
      `dataset toy: samples of each class: expected an integer >= 1, got ${n}`,
    );
  }
});
