import fc from "fast-check";
import { expect, test } from "vitest";
import {
  accuracyError,
  linearRange,
  logRange,
  nearOne,
  nearOneRange,
  nearOneTicks,
  paretoFront,
} from "../../../demo/ui/ranges.ts";

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

test("an accuracy axis shows every value and keeps its range until a value leaves it", () => {
  expect(nearOneRange(0.1)).toEqual([0, 0.98]);
  expect(nearOneRange(0.975)).toEqual([0, 0.98]);
  expect(nearOneRange(0.985)).toEqual([0, 0.99]);
  expect(nearOneRange(1)).toEqual([0, 0.9995]);
  expect(nearOneTicks(0.98)).toEqual([0, 0.5, 0.8, 0.9, 0.95, 0.98]);
  fc.assert(
    fc.property(fc.double({ min: 0, max: 0.999, noNaN: true }), (share) => {
      expect(nearOne.bwd(nearOne.fwd(share))).toBeCloseTo(share, 9);
      expect(nearOneRange(share)[1]).toBeGreaterThan(share - 1e-12);
    }),
  );
  expect(Number.isFinite(nearOne.fwd(1))).toBe(true);
});

test("the error of an accuracy is that of a share of the test images", () => {
  expect(accuracyError(0.975, 1000)).toBeCloseTo(0.00494, 5);
  expect(accuracyError(0.5, 0)).toBe(0);
});

test("the Pareto front has the outcomes that no other one beats", () => {
  const outcome = (sparsity: number, accuracy: number) => ({ sparsity, accuracy });
  const given = [outcome(0.9, 0.97), outcome(0.5, 0.98), outcome(0.8, 0.96), outcome(0.95, 0.9), outcome(0.9, 0.95)];
  expect(paretoFront(given)).toEqual([outcome(0.5, 0.98), outcome(0.9, 0.97), outcome(0.95, 0.9)]);
  expect(paretoFront([])).toEqual([]);
});
