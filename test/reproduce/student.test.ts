// Student's t, intervals, paired tests and Holm's correction against published and independent values.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { holm, intervalOf, pairedTest, quantile, twoSided } from "../../tools/reproduce/student.ts";

/** Compute P(|T| <= t) by Simpson's rule: with x = √df tan u the density is a power of a cosine on a finite interval. */
function inside(t: number, df: number): number {
  const area = (end: number) => {
    const n = 2000;
    const f = (i: number) => Math.cos((end * i) / n) ** (df - 1);
    let sum = f(0) + f(n);
    for (let i = 1; i < n; i++) sum += (i % 2 === 1 ? 4 : 2) * f(i);
    return sum * end;
  };
  return area(Math.atan(t / Math.sqrt(df))) / area(Math.PI / 2);
}

describe("Student's t", () => {
  test("has the critical values of published tables", () => {
    // Two-sided 5 % and 1 % points.
    const table: [number, number, number][] = [
      [1, 12.706, 63.657],
      [2, 4.303, 9.925],
      [3, 3.182, 5.841],
      [4, 2.776, 4.604],
      [5, 2.571, 4.032],
      [9, 2.262, 3.25],
      [30, 2.042, 2.75],
    ];
    for (const [df, five, one] of table) {
      expect(quantile(0.95, df), `${df}`).toBeCloseTo(five, 3);
      expect(quantile(0.99, df), `${df}`).toBeCloseTo(one, 2);
      expect(twoSided(five, df)).toBeCloseTo(0.05, 3);
    }
  });

  test("equals the integral of its density", () => {
    for (const df of [1, 2, 3, 4, 5, 8, 13]) {
      for (const t of [0, 0.3, 1, 2.5, 7]) expect(1 - twoSided(t, df), `${df} ${t}`).toBeCloseTo(inside(t, df), 9);
    }
  });

  test("refuses other degrees of freedom and shares", () => {
    expect(() => twoSided(1, 0)).toThrow(/df: expected an integer >= 1, got 0/);
    expect(() => twoSided(1, 2.5)).toThrow(/df/);
    expect(() => quantile(1, 3)).toThrow(/share inside/);
  });
});

describe("intervals and tests", () => {
  test("compute mean and 95 % confidence interval", () => {
    // Standard deviation 1.5811, standard error 0.7071, times 2.7764.
    const { mean, half, n } = intervalOf([1, 2, 3, 4, 5]);
    expect([mean, n]).toEqual([3, 5]);
    expect(half).toBeCloseTo(1.96324, 4);
    expect(intervalOf([4])).toEqual({ mean: 4, half: null, n: 1 });
    expect(() => intervalOf([])).toThrow(/at least one value/);
  });

  test("cover the true mean in 95 % of samples", () => {
    let state = 1;
    const uniform = () => {
      state = (state * 48271) % 2147483647;
      return state / 2147483647;
    };
    const normal = () => Math.sqrt(-2 * Math.log(uniform())) * Math.cos(2 * Math.PI * uniform());
    const trials = 4000;
    let covered = 0;
    for (let i = 0; i < trials; i++) {
      const { mean, half } = intervalOf(Array.from({ length: 5 }, normal));
      if (Math.abs(mean) <= half!) covered++;
    }
    expect(covered / trials).toBeGreaterThan(0.94);
    expect(covered / trials).toBeLessThan(0.96);
  });

  test("test paired differences", () => {
    // Student 1908: extra hours of sleep, differences of two drugs; t = 4.0621, p = 0.00283.
    const sleep = [1.2, 2.4, 1.3, 1.3, 0, 1, 1.8, 0.8, 4.6, 1.4];
    const result = pairedTest(sleep)!;
    expect(result.mean).toBeCloseTo(1.58, 12);
    expect(result.p).toBeCloseTo(0.002833, 5);
    expect(result.mean - result.half!).toBeCloseTo(0.700114, 5);
    expect(pairedTest([])).toBeNull();
    expect(pairedTest([0.5])).toMatchObject({ p: null, n: 1 });
    expect(pairedTest([0, 0])).toMatchObject({ p: 1 });
    expect(pairedTest([2, 2, 2])).toMatchObject({ p: 0 });
  });

  test("adjust p values by Holm", () => {
    const adjusted = holm([0.01, 0.04, 0.03, 0.005]);
    for (const [i, p] of [0.03, 0.06, 0.06, 0.02].entries()) expect(adjusted[i]).toBeCloseTo(p, 12);
    expect(holm([])).toEqual([]);
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 1, noNaN: true }), { maxLength: 12 }), (ps) => {
        const out = holm(ps);
        out.forEach((p, i) => {
          expect(p).toBeGreaterThanOrEqual(ps[i]!);
          expect(p).toBeLessThanOrEqual(Math.min(1, ps[i]! * ps.length) + 1e-12);
        });
        // The order stays.
        for (const i of ps.keys())
          for (const j of ps.keys()) if (ps[i]! < ps[j]!) expect(out[i]!).toBeLessThanOrEqual(out[j]!);
      }),
    );
  });
});
