import fc from "fast-check";
import { expect, test } from "vitest";
import { batchCount, batchIndices, shuffledOrder } from "../../src/data/sampler.ts";

const u32 = fc.integer({ min: 0, max: 0xffffffff });

test("an epoch's order is a permutation, the same each time", () => {
  fc.assert(
    fc.property(fc.nat(300), u32, u32, (n, seed, epoch) => {
      const order = shuffledOrder(n, seed, epoch);
      expect([...order].sort((a, b) => a - b)).toEqual([...Array(n).keys()]);
      expect(shuffledOrder(n, seed, epoch)).toEqual(order);
    }),
  );
});

test("seed and epoch each change the order", () => {
  const order = shuffledOrder(100, 1, 1);
  expect(shuffledOrder(100, 1, 2)).not.toEqual(order);
  expect(shuffledOrder(100, 2, 1)).not.toEqual(order);
});

test("the order of a seed is stable across versions", () => {
  expect([...shuffledOrder(10, 42, 0)]).toEqual([8, 4, 1, 5, 2, 6, 0, 7, 3, 9]);
});

test("each image comes first equally often", () => {
  const counts = new Array<number>(5).fill(0);
  for (let epoch = 0; epoch < 5000; epoch++) counts[shuffledOrder(5, 3, epoch)[0]!]! += 1;
  // Standard deviation of a count is 28: five of them.
  for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(142);
});

test("batches cover an order completely", () => {
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 100 }), fc.integer({ min: 1, max: 30 }), (n, size) => {
      const order = shuffledOrder(n, 5, 0);
      const cut = Array.from({ length: batchCount(n, size) }, (_, k) => [...batchIndices(order, k, size)]);
      expect(cut.flat()).toEqual([...order]);
      expect(cut.filter((batch) => batch.length === size)).toHaveLength(batchCount(n, size, true));
    }),
  );
});

test("refuses numbers out of range by name", () => {
  expect(() => batchCount(10, 0)).toThrow("batchSize: expected an integer >= 1, got 0");
  expect(() => batchIndices(new Uint32Array(10), 3, 4)).toThrow("batch: expected an integer in 0..2, got 3");
  expect(() => shuffledOrder(-1, 0, 0)).toThrow("n: expected an integer");
  expect(() => shuffledOrder(5, 0.5, 0)).toThrow("seed: expected an integer");
});
