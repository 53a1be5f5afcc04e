// In latent mode the gradient of W moves theta unchanged, also if W is zero, so that a pruned weight may regrow.
// Without a gradient theta is constant, and W shrinks by the rise of the threshold.
import fc from "fast-check";
import { expect, test } from "vitest";
import { clampForm, ulp } from "../../reference/soft_f32.ts";
import { randomArray } from "../../support/random.ts";
import { between, bitsOf, countZeros, Updates } from "./updates.ts";

const f = Math.fround;
const anySize = fc.integer({ min: 1, max: 3000 });
const anyThreshold = between(0.01, 1);

test("theta gets the whole step, pruned or not", async () => {
  let pruned = 0;
  await fc.assert(
    fc.asyncProperty(anySize, fc.nat(1e6), anyThreshold, fc.integer({ min: -6, max: 1 }), async (n, seed, d, power) => {
      // A power of two as learning rate: lr · g is exact, so a fused multiply-add gives the same bits.
      const lr = 2 ** power;
      const theta = randomArray(n, seed, 0.5);
      const g = randomArray(n, seed + 1);
      using run = new Updates([theta], { lr, mode: "latent" });
      run.step([g], { threshold: d, thresholdNext: d });
      const moved = theta.map((x, i) => x - lr * g[i]!);
      expect(bitsOf((await run.stored())[0]!)).toEqual(bitsOf(moved));
      expect(bitsOf((await run.weights())[0]!)).toEqual(bitsOf(moved.map((x) => clampForm(x, f(d)))));
      pruned += theta.filter((x) => Math.abs(x) <= d).length;
    }),
    { numRuns: 15, endOnFailure: true },
  );
  expect(pruned).toBeGreaterThan(1000);
});

test("no gradient: theta keeps its bits, |W| shrinks by tau", async () => {
  await fc.assert(
    fc.asyncProperty(
      anySize,
      fc.nat(1e6),
      anyThreshold,
      between(0, 0.3),
      fc.constantFrom(0, 0.9),
      fc.boolean(),
      async (n, seed, d, tau, momentum, nesterov) => {
        const options = { lr: 0.1, momentum, nesterov: nesterov && momentum > 0 };
        const theta = randomArray(n, seed);
        const zero = new Float32Array(n);
        using latent = new Updates([theta], { ...options, mode: "latent" });
        latent.step([zero], { threshold: d, thresholdNext: d });
        const before = (await latent.weights())[0]!;
        latent.step([zero], { threshold: d, thresholdNext: d + tau });
        const after = (await latent.weights())[0]!;
        expect(bitsOf((await latent.stored())[0]!)).toEqual(bitsOf(theta));
        using inplace = new Updates([before], { ...options, mode: "inplace" });
        inplace.step([zero], { threshold: d, thresholdNext: d + tau, tau });
        const shrunk = (await inplace.weights())[0]!;
        before.forEach((w, i) => {
          expect(shrunk[i]).toBe(clampForm(w, f(tau)));
          // Two roundings of W, two of d, which lies below |theta| wherever W is not zero.
          const want = Math.max(Math.abs(w) - tau, 0);
          expect(Math.abs(Math.abs(after[i]!) - want)).toBeLessThanOrEqual(2 * ulp(theta[i]!));
          if (after[i] !== 0) expect(Math.sign(after[i]!)).toBe(Math.sign(w));
        });
        expect(countZeros(after)).toBe(theta.filter((x) => Math.abs(x) <= f(d + tau)).length);
      },
    ),
    { numRuns: 15, endOnFailure: true },
  );
});
