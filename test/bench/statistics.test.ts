// Medians, spreads and means of the benchmarks.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { geometricMean, median, pairedRatio, spread } from "../../bench/lib/statistics.ts";
import { quantile } from "../../src/train/quantile.ts";

const times = fc.array(fc.double({ min: 1e-3, max: 1e3, noNaN: true }), { minLength: 1, maxLength: 30 });

describe("statistics", () => {
  test("finds the median in any order", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 2, 3])).toBe(2.5);
    expect(median([])).toBeNaN();
  });

  test("computes quantiles that are between the extremes, rise with q, and ignore order", () => {
    fc.assert(
      fc.property(times, fc.double({ min: 0, max: 1, noNaN: true }), (values, q) => {
        const v = quantile(values, q);
        expect(v).toBeGreaterThanOrEqual(Math.min(...values));
        expect(v).toBeLessThanOrEqual(Math.max(...values));
        expect(quantile([...values].reverse(), q)).toBe(v);
        expect(quantile(values, 1)).toBeGreaterThanOrEqual(v);
      }),
    );
  });

  test("computes the spread as a share of the median", () => {
    expect(spread([5])).toBe(0);
    expect(spread([90, 95, 100, 105, 110])).toBeCloseTo(0.05, 12);
    fc.assert(
      fc.property(times, fc.double({ min: 0.1, max: 10, noNaN: true }), (values, k) => {
        expect(spread(values.map((v) => k * v))).toBeCloseTo(spread(values), 9);
      }),
    );
  });

  test("averages ratios so that a loss cancels an equal gain", () => {
    expect(geometricMean([2, 0.5])).toBeCloseTo(1, 12);
    expect(geometricMean([])).toBeNaN();
    expect(geometricMean([1, 0])).toBeNaN();
  });

  test("pairs the rounds, so that a slow moment of the machine cancels", () => {
    expect(pairedRatio([10, 40, 10], [5, 20, 5])).toBe(2);
  });
});
