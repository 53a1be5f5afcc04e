// Increments of the closed forms: the slope of the schedule, with all digits where the schedule is flat.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { cubic, linear, pgh, sine, slats } from "../../../src/prune/schedules/closed_forms.ts";
import {
  cubicIncrement,
  linearIncrement,
  pghIncrement,
  sineIncrement,
  slatsIncrement,
} from "../../../src/prune/schedules/increments.ts";

const FORMS: Readonly<Record<string, readonly [(x: number) => number, (n: number, steps: number) => number]>> = {
  linear: [linear, linearIncrement],
  sine: [sine, sineIncrement],
  cubic: [cubic, cubicIncrement],
  slats: [slats, slatsIncrement],
  ...Object.fromEntries(
    [1e-3, 0.1, 0.5, 1, 2, 30].map((beta) => [
      `pgh ${beta}`,
      [(x: number) => pgh(x, beta), (n: number, steps: number) => pghIncrement(n, steps, beta)] as const,
    ]),
  ),
};

describe.each(Object.entries(FORMS))("%s", (_, [f, increment]) => {
  test("is the difference of the schedule", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 5000 }), fc.nat(4999), (steps, k) => {
        const n = k % steps;
        // Four roundings of numbers up to 1 in the difference.
        expect(Math.abs(increment(n, steps) - (f((n + 1) / steps) - f(n / steps)))).toBeLessThan(1e-15);
      }),
    );
  });

  test.each([1, 7, 63, 64, 1000])("adds up to 1 over %d steps", (steps) => {
    let sum = 0;
    for (let n = 0; n < steps; n++) sum += increment(n, steps);
    expect(sum).toBeCloseTo(1, 12);
  });
});

test("the last step of half a million has its limit, where a difference is 0 or noise", () => {
  const N = 500_500;
  // 1 - f = pi² y³ / 6 near the end of S-LATS; PGH is that times its slope at the end; sine is (1 - cos pi/N) / 2.
  const end = Math.PI ** 2 / (6 * N ** 3);
  expect(slatsIncrement(N - 1, N) / end).toBeCloseTo(1, 9);
  expect(1 - slats((N - 1) / N)).not.toBeCloseTo(end, 20);
  const beta = 0.1;
  let area = 0;
  for (let k = 0; k < 1e5; k++) area += (beta ** ((k + 0.5) / 1e5) * (1 + Math.cos((Math.PI * (k + 0.5)) / 1e5))) / 1e5;
  expect(pghIncrement(N - 1, N, beta) / ((beta * end) / area)).toBeCloseTo(1, 5);
  expect(sineIncrement(N - 1, N) / (Math.PI / (2 * N)) ** 2).toBeCloseTo(1, 9);
  expect(sineIncrement(0, N)).toBeCloseTo(sineIncrement(N - 1, N), 25);
  expect(cubicIncrement(N - 1, N) * N ** 3).toBeCloseTo(1, 12);
});
