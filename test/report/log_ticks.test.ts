// Ticks of logarithmic axes: some in any domain, never too many.
import fc from "fast-check";
import { expect, test } from "vitest";
import { logTicks } from "../../src/report/chart.ts";

test("a domain within one decade has several ticks", () => {
  expect(logTicks(15_500, 28_000)).toEqual([16_000, 18_000, 20_000, 25_000]);
  expect(logTicks(2, 9)).toEqual([2, 3, 4, 6, 8]);
});

test("wider domains have 1, 2, 5, or powers of ten", () => {
  expect(logTicks(1, 50)).toEqual([1, 2, 5, 10, 20, 50]);
  expect(logTicks(1e-3, 1)).toEqual([1e-3, 1e-2, 1e-1, 1]);
  expect(logTicks(1e-9, 1e9)).toEqual([1e-8, 1e-4, 1, 1e4, 1e8]);
});

test("every domain of a factor 1.3 or more has 1 to 6 rising ticks inside it", () => {
  fc.assert(
    fc.property(
      fc.double({ min: -8, max: 8, noNaN: true }),
      fc.double({ min: Math.log10(1.3), max: 9, noNaN: true }),
      (from, span) => {
        const [low, high] = [10 ** from, 10 ** (from + span)];
        const ticks = logTicks(low, high);
        expect(ticks.length).toBeGreaterThanOrEqual(1);
        expect(ticks.length).toBeLessThanOrEqual(6);
        expect(ticks.every((t, i) => t >= low && t <= high && (i === 0 || t > ticks[i - 1]!))).toBe(true);
      },
    ),
  );
});
