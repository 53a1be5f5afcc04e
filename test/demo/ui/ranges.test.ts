import fc from "fast-check";
import { expect, test } from "vitest";
import { accuracyFloor, linearRange, logRange } from "../../../demo/ui/ranges.ts";

test("ranges are finite and not empty for any values", () => {
  const value = fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true }));
  fc.assert(
    fc.property(value, value, (a, b) => {
      const [min, max] = a === null || b === null ? [null, null] : [Math.min(a, b), Math.max(a, b)];
      for (const [low, high] of [linearRange(min, max), linearRange(min, max, [0, 1]), logRange(min, max)]) {
        expect(high).toBeGreaterThan(low);
        expect(Number.isFinite(low) && Number.isFinite(high)).toBe(true);
      }
    }),
  );
  expect(linearRange(0.2, 0.9, [0, 1])).toEqual([0, 1]);
  expect(logRange(0.0028, 0.0028)).toEqual([0.001, 0.01]);
});

test("the accuracy axis starts below the last values", () => {
  expect(accuracyFloor([])).toBe(0);
  expect(accuracyFloor([[0.1, 0.4]])).toBe(0);
  expect(accuracyFloor([[0.1, 0.97], [0.9]])).toBe(0.8);
  expect(accuracyFloor([[0.1, 0.99]])).toBe(0.98);
});
