import fc from "fast-check";
import { expect, test } from "vitest";
import {
  broadcastShapes,
  checkShape,
  normalizeAxes,
  normalizeAxis,
  numel,
  stridesOf,
  windowOutput,
} from "../../src/tensor/shape.ts";

const size = fc.integer({ min: 1, max: 6 });
const shape = fc.array(size, { maxLength: 4 });

test("a broadcast shape is symmetric, holds both, and is NumPy's", () => {
  expect(broadcastShapes("op", [8, 1, 6, 1], [7, 1, 5])).toEqual([8, 7, 6, 5]);
  expect(broadcastShapes("op", [], [2, 3])).toEqual([2, 3]);
  expect(() => broadcastShapes("add", [2, 3], [2, 4])).toThrow(
    "add: expected shapes that broadcast, got [2,3] and [2,4]",
  );
  fc.assert(
    fc.property(shape, fc.array(fc.boolean(), { minLength: 4, maxLength: 4 }), fc.nat(4), (a, ones, drop) => {
      const b = a.map((d, i) => (ones[i] ? 1 : d)).slice(Math.min(drop, a.length));
      expect(broadcastShapes("op", a, b)).toEqual(a);
      expect(broadcastShapes("op", b, a)).toEqual(a);
    }),
  );
});

test("strides step over everything further in", () => {
  fc.assert(
    fc.property(shape, (s) => {
      const strides = stridesOf(s);
      s.forEach((_, i) => {
        expect(strides[i]).toBe(numel(s.slice(i + 1)));
      });
    }),
  );
});

test("axes count from either end", () => {
  expect(normalizeAxis("op", -1, 3)).toBe(2);
  expect(normalizeAxes("op", [-1, 0], 3)).toEqual([0, 2]);
  expect(normalizeAxes("op", null, 2)).toEqual([0, 1]);
  for (const axis of [3, -4, 0.5]) {
    expect(() => normalizeAxis("sum", axis, 3)).toThrow(`sum: expected an axis of a tensor of rank 3, got ${axis}`);
  }
  expect(() => normalizeAxes("sum", [1, -2], 3)).toThrow("sum: expected distinct axes, got [1,-2]");
});

test("sizes are positive whole numbers whose product is exact", () => {
  checkShape("op", []);
  for (const bad of [[0], [2, -1], [1.5], [Number.NaN], [2 ** 60]]) {
    expect(() => checkShape("tensor", bad)).toThrow(/tensor: expected a shape of positive integers, got \[.*\]/);
  }
  expect(() => checkShape("tensor", [2 ** 30, 2 ** 30])).toThrow("expected fewer than 2^53 elements");
});

test("a window slides as often as it fits", () => {
  const positions = fc.tuple(size, size, size, fc.nat(3), fc.integer({ min: 1, max: 3 }));
  fc.assert(
    fc.property(positions, fc.integer({ min: 1, max: 12 }), ([k, stride, _, padding, dilation], n) => {
      const reach = dilation * (k - 1) + 1;
      let count = 0;
      for (let at = 0; at + reach <= n + 2 * padding; at += stride) count++;
      expect(Math.max(0, windowOutput(n, k, stride, padding, dilation))).toBe(count);
    }),
  );
});
