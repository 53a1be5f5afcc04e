// ERK densities meet the total, are capped at 1, and are monotone in the layers and in the total.
import fc from "fast-check";
import { expect, test } from "vitest";
import { apportion, erkDensities } from "../../src/prune/erk.ts";

const dims = fc.integer({ min: 1, max: 60 });
const shape = fc.oneof(fc.tuple(dims, dims), fc.tuple(dims, dims, fc.constantFrom(1, 3, 5), fc.constantFrom(1, 3, 5)));
const shapes = fc.array(shape, { minLength: 1, maxLength: 8 });
const share = fc.double({ min: 0, max: 1, noNaN: true });
const product = (list: readonly number[]) => list.reduce((a, b) => a * b, 1);
const sum = (list: readonly number[]) => list.reduce((a, b) => a + b, 0);
const ratioOf = (s: readonly number[]) => sum(s) / product(s);

/** min(1, eps r) with the eps that gives the total, by bisection: the definition without the iteration. */
function bisected(given: readonly (readonly number[])[], kept: number): number[] {
  const at = (eps: number) => given.map((s) => Math.min(1, eps * ratioOf(s)));
  const total = (eps: number) => sum(at(eps).map((d, l) => d * product(given[l]!)));
  let [low, high] = [0, 1e6];
  for (let i = 0; i < 200; i++) {
    const middle = (low + high) / 2;
    if (total(middle) < kept) low = middle;
    else high = middle;
  }
  return at(high);
}

test("the densities are min(1, eps r) with the total of the weights to keep", () => {
  fc.assert(
    fc.property(shapes, share, (given, part) => {
      const weights = given.map(product);
      const kept = part * sum(weights);
      const density = erkDensities(given, kept);
      const wanted = bisected(given, kept);
      density.forEach((d, l) => {
        expect(d).toBeCloseTo(wanted[l]!, 6);
        expect(d).toBeGreaterThanOrEqual(0);
        expect(d).toBeLessThanOrEqual(1);
      });
      expect(sum(density.map((d, l) => d * weights[l]!))).toBeCloseTo(kept, 6);
    }),
  );
});

test("a layer with a larger ratio is never sparser, and no layer gets sparser if more is kept", () => {
  fc.assert(
    fc.property(shapes, share, share, (given, a, b) => {
      const total = sum(given.map(product));
      const [less, more] = [Math.min(a, b), Math.max(a, b)].map((part) => erkDensities(given, part * total));
      less!.forEach((d, l) => {
        expect(more![l]!).toBeGreaterThanOrEqual(d - 1e-9);
        given.forEach((s, k) => {
          if (ratioOf(s) > ratioOf(given[l]!)) expect(less![k]!).toBeGreaterThanOrEqual(d - 1e-12);
        });
      });
    }),
  );
});

test("a layer that would keep more than all its weights stays dense, and the others are computed again", () => {
  // Ratios 0.9, 0.2 and 0.02: the first is dense at once, the second only after it.
  const given = [[4, 1, 3, 3].slice(0, 2), [10, 10], [100, 100]];
  const density = erkDensities(given, 2004);
  expect(density[0]).toBe(1);
  expect(density[1]).toBe(1);
  expect(density[2]).toBeCloseTo(0.19, 12);
});

test.each([-1, 101, Number.NaN])("refuses to keep %d of 100 weights", (kept) => {
  expect(() => erkDensities([[10, 10]], kept)).toThrow("kept weights: expected a number from 0 to 100");
});

test("counts are rounded to the total, each by less than one", () => {
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1000, noNaN: true }), { minLength: 1, maxLength: 9 }), (counts) => {
      const total = Math.floor(sum(counts));
      const whole = apportion(counts, total);
      expect(sum(whole)).toBe(total);
      whole.forEach((n, l) => {
        expect(Math.abs(n - counts[l]!)).toBeLessThan(1);
      });
    }),
  );
});
