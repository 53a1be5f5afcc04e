// The two ways to apply a threshold, `latent` (theta is stored, W = S_d(theta)) and `inplace` (W is stored, each step
// ends with the prox), are one algorithm for a weight as long as it lives and keeps its sign, and two once it does not.
import fc from "fast-check";
import { expect, test } from "vitest";
import { randomArray } from "../../support/random.ts";
import { between, Updates } from "./updates.ts";

test("equal for weights that were never zero and never changed sign, for any momentum and matching decay", async () => {
  let compared = 0;
  let parted = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        n: fc.integer({ min: 200, max: 2500 }),
        seed: fc.nat(1e6),
        momentum: fc.constantFrom(0, 0.5, 0.9),
        nesterov: fc.boolean(),
        weightDecay: fc.constantFrom(0, 0, 1e-2),
        decayTarget: fc.constantFrom("latent" as const, "effective" as const),
        rises: fc.array(between(0.005, 0.05), { minLength: 3, maxLength: 12 }),
        lr: between(0.01, 0.1),
      }),
      async ({ n, seed, momentum, nesterov, rises, lr, ...decay }) => {
        const start = randomArray(n, seed, 0.4);
        const options = { lr, momentum, nesterov: nesterov && momentum > 0, ...decay };
        using latent = new Updates([start], { ...options, mode: "latent" });
        using inplace = new Updates([start], { ...options, mode: "inplace" });
        const sign = start.map(Math.sign);
        const keeps = { latent: sign.map(Math.abs), inplace: sign.map(Math.abs) };
        let d = 0;
        for (const [t, rise] of rises.entries()) {
          const g = randomArray(n, seed + 17 * t + 1);
          const values = { threshold: d, thresholdNext: d + rise };
          latent.step([g], values);
          inplace.step([g], values);
          d += rise;
          const a = (await latent.weights())[0]!;
          const b = (await inplace.weights())[0]!;
          // A place of theta (up to 4 or so) is lost per step on either side.
          const allowed = 1e-6 * (t + 1);
          for (let i = 0; i < n; i++) {
            const [wa, wb] = [a[i]!, b[i]!];
            if (Math.sign(wa) !== sign[i]) keeps.latent[i] = 0;
            if (Math.sign(wb) !== sign[i]) keeps.inplace[i] = 0;
            if (!keeps.latent[i] && !keeps.inplace[i]) {
              if (wa !== wb) parted++;
              continue;
            }
            // If either view kept the weight, so did the other, but for rounding at zero: the values tell.
            expect(Math.abs(wa - wb), `weight ${i}, step ${t}: ${wa} and ${wb}`).toBeLessThanOrEqual(allowed);
            compared++;
          }
        }
      },
    ),
    { numRuns: 12, endOnFailure: true },
  );
  expect(compared).toBeGreaterThan(1000);
  expect(parted).toBeGreaterThan(100);
});

test("differences: six weights, momentum 0.9, no decay, threshold from 0.10 to 0.11", async () => {
  const theta = Float32Array.of(0.3, -0.05, 0.12, -0.4, 0, 0.105);
  const velocity = Float32Array.of(0.02, 0.5, -0.01, 0, 0, 0.3);
  const gradient = Float32Array.of(0.1, -2, 0.4, -0.2, 3, 0.2);
  const now = Float32Array.of(0.2, 0, 0.02, -0.3, 0, 0.005);
  const expected = {
    latent: [0.1782, 0, 0, -0.27, -0.19, 0],
    inplace: [0.1782, 0.145, -0.0091, -0.27, -0.29, -0.032],
  };
  for (const mode of ["latent", "inplace"] as const) {
    using run = new Updates([mode === "latent" ? theta : now], { lr: 0.1, momentum: 0.9, mode });
    const v = run.sgd.velocityOf(run.params[0]!);
    v?.set(velocity);
    v?.dispose();
    run.sgd.stepsDone = 1;
    run.step([gradient], { threshold: 0.1, thresholdNext: 0.11 });
    const w = (await run.weights())[0]!;
    expected[mode].forEach((want, i) => {
      expect(Math.abs(w[i]! - want), `${mode}, weight ${i}`).toBeLessThanOrEqual(1e-6);
    });
  }
});
