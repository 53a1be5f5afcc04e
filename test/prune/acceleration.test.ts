// The share of extrapolation: properties of its recursion for any length and cap.
import fc from "fast-check";
import { expect, test } from "vitest";
import { extrapolation } from "../../src/prune/acceleration.ts";

/** t(0) .. t(count): positive roots of t(k + 1)² - t(k + 1) = t(k)². */
function recursion(count: number): number[] {
  const t = [1];
  for (let k = 0; k < count; k++) {
    const last = t[k]!;
    let root = last + 0.5;
    // By Newton's method, which converges from the right of the root.
    for (let i = 0; i < 60; i++) root -= (root * root - root - last * last) / (2 * root - 1);
    t.push(root);
  }
  return t;
}

test("b(k) t(k + 1) = t(k) - 1, where t(k + 1)² - t(k + 1) = t(k)² and t(0) = 1", () => {
  const count = 3000;
  const t = recursion(count);
  for (let k = 0; k < count; k++) {
    const b = extrapolation(k, count + 1, 1);
    expect(Math.abs(b * t[k + 1]! - (t[k]! - 1))).toBeLessThan(1e-9 * (k + 1));
  }
});

test("starts with 0, then (g - 1) / t(2) with g the golden ratio", () => {
  const golden = (1 + Math.sqrt(5)) / 2;
  const third = (1 + Math.sqrt(1 + 4 * golden ** 2)) / 2;
  expect(extrapolation(0, 10, 1)).toBe(0);
  expect(extrapolation(1, 10, 1)).toBeCloseTo((golden - 1) / third, 15);
  expect(extrapolation(1, 10, 1)).toBeCloseTo(0.28174, 4);
});

test("rises towards 1, as 1 - 3 / k", () => {
  let last = -1;
  for (let k = 0; k < 5000; k++) {
    const b = extrapolation(k, 10_000, 1);
    expect(b).toBeGreaterThan(last);
    expect(b).toBeLessThan(1);
    // t(k) exceeds k / 2 + 1 by a quarter of ln k or so, hence the logarithm.
    if (k >= 10) expect(Math.abs(b - (1 - 3 / k))).toBeLessThan((3 * (3 + Math.log(k))) / k ** 2);
    last = b;
  }
});

test("is between 0 and the cap, equals the uncapped share below it, and is 0 in the last step", () => {
  fc.assert(
    fc.property(
      fc.nat(4000),
      fc.integer({ min: 1, max: 4001 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      (k, n, most) => {
        const steps = n + (k % 4001);
        const b = extrapolation(k, steps, most);
        expect(b).toBeGreaterThanOrEqual(0);
        expect(b).toBeLessThanOrEqual(most);
        expect(b).toBe(k === steps - 1 ? 0 : Math.min(extrapolation(k, k + 2, 1), most));
        expect(extrapolation(steps - 1, steps, most)).toBe(0);
      },
    ),
    { examples: [[0, 1, 0.9]] },
  );
});

test("depends on its arguments alone, not on the order of calls", () => {
  const ks = [700, 3, 6500, 0, 41, 6501, 3];
  const first = ks.map((k) => extrapolation(k, 9000, 0.999));
  const again = [...ks].reverse().map((k) => extrapolation(k, 9000, 0.999));
  expect(again.reverse()).toEqual(first);
});
