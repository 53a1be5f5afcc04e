// Counts of weights by magnitude.
import fc from "fast-check";
import { expect, test } from "vitest";
import { weightHistogram } from "../../src/prune/index.ts";

test("bins by decades of both signs, zeros separately, outliers in the outermost bins", () => {
  const values = [Float32Array.of(0, -0, 0.005, -0.05, 0.5), [0.0001, -700, 0.02]];
  const { edges, counts, zeros } = weightHistogram(values, 3, [0.001, 1]);
  expect(counts).toEqual([2, 2, 2]);
  expect(zeros).toBe(2);
  for (const [i, edge] of [0.001, 0.01, 0.1, 1].entries()) expect(edges[i]).toBeCloseTo(edge, 12);
});

test("counts every weight once", () => {
  fc.assert(
    fc.property(fc.array(fc.float({ noNaN: true })), fc.integer({ min: 1, max: 40 }), (values, bins) => {
      const { counts, zeros } = weightHistogram([Float32Array.from(values)], bins, [1e-3, 2]);
      expect(counts).toHaveLength(bins);
      expect(counts.reduce((a, b) => a + b, 0) + zeros).toBe(values.length);
      expect(zeros).toBe(values.filter((v) => v === 0).length);
    }),
  );
});

test("refuses no bins, an empty range and weights that are not numbers", () => {
  expect(() => weightHistogram([], 0, [1, 2])).toThrow("bins: expected an integer >= 1, got 0");
  expect(() => weightHistogram([], 3, [0, 2])).toThrow("range: expected 0 < lowest < highest edge, got 0 to 2");
  expect(() => weightHistogram([], 3, [2, 2])).toThrow("got 2 to 2");
  expect(() => weightHistogram([[1, Number.NaN]], 3, [1, 2])).toThrow("weight 1: expected a number, got NaN");
});
