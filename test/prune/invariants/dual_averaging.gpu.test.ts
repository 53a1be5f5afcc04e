// Latent soft-threshold SGD is dual averaging with an L1 term: with theta_0 the start and v the momentum, every weight is
//
//     W_t = argmin_w  <sum_{i<t} lr_i v_{i+1}, w> + d_t |w|_1 + |w - theta_0|^2 / 2 = S_{d_t}(theta_0 - sum_{i<t} lr_i v_{i+1})
//
// at every step and for all coordinates, whatever the gradients are. Here the sum is kept on the host, in float64.
import fc from "fast-check";
import { expect, test } from "vitest";
import { LR_SCHEDULES, makeLrSchedule } from "../../../src/optim/lr_scheduler.ts";
import { makeThresholdSchedule } from "../../../src/prune/threshold_schedule.ts";
import { proxCost } from "../../reference/ista.ts";
import { soft } from "../../reference/sgd.ts";
import { bent, ownRates } from "../../support/own_settings.ts";
import { randomArray } from "../../support/random.ts";
import { between, countZeros, Updates } from "./updates.ts";

test("without decay, W_t = S_d(theta_0 - sum of steps), with and without momentum, under any schedule", async () => {
  let sparse = 0;
  let seen = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        sizes: fc.array(fc.integer({ min: 1, max: 1800 }), { minLength: 1, maxLength: 3 }),
        seed: fc.nat(1e6),
        momentum: fc.constantFrom(0, 0.9),
        schedule: fc.constantFrom("lats", "slats", "pgh", "pgh-general", "linear", "sine", "cubic", "constant", "none"),
        threshold: between(0, 2),
        lrSchedule: fc.constantFrom(...LR_SCHEDULES),
        base: between(1e-3, 0.3),
        stepsPerEpoch: fc.integer({ min: 1, max: 12 }),
      }),
      async ({ sizes, seed, momentum, schedule, threshold, lrSchedule, base, stepsPerEpoch }) => {
        const length = { epochs: 4, stepsPerEpoch };
        const totalSteps = 4 * stepsPerEpoch;
        const lr = makeLrSchedule(ownRates({ schedule: lrSchedule, base, milestones: [1, 2], every: 1 }), length);
        const s = makeThresholdSchedule({ schedule, threshold, ...bent(schedule, 0.2) }, { ...length, totalSteps, lr });
        const start = sizes.map((n, k) => randomArray(n, seed + k, 0.5));
        const travelled = sizes.map((n) => new Float64Array(n));
        const velocity = sizes.map((n) => new Float64Array(n));
        let furthest = 1;
        using run = new Updates(start, { lr: base, momentum, mode: "latent" });
        for (let t = 0; t < totalSteps; t++) {
          const gradients = sizes.map((n, k) => randomArray(n, seed + 31 * t + k + 7));
          run.step(gradients, { lr: lr(t), threshold: s.at(t), thresholdNext: s.at(t + 1) });
          gradients.forEach((g, k) => {
            const v = velocity[k] as Float64Array;
            const sum = travelled[k] as Float64Array;
            g.forEach((value, i) => {
              v[i] = momentum * v[i]! + value;
              sum[i] = sum[i]! + lr(t) * (v[i] as number);
              furthest = Math.max(furthest, Math.abs(sum[i] as number));
            });
          });
          if (t !== totalSteps - 1 && t % 5 !== 2) continue;
          const d = s.at(t + 1);
          const weights = await run.weights();
          // Every float32 step rounds theta by half a place: some forty of them, of numbers up to `furthest`.
          const allowed = 1e-5 * Math.max(furthest, d);
          weights.forEach((w, k) => {
            w.forEach((value, i) => {
              const x = (start[k]?.[i] as number) - (travelled[k]?.[i] as number);
              expect(Math.abs(value - soft(x, d)), `step ${t}, weight ${i}`).toBeLessThanOrEqual(allowed);
            });
          });
          seen += weights.reduce((sum, w) => sum + w.length, 0);
          sparse += weights.reduce((sum, w) => sum + countZeros(w), 0);
        }
      },
    ),
    { numRuns: 15, endOnFailure: true },
  );
  // Both sides of the threshold were there.
  expect(sparse / seen).toBeGreaterThan(0.05);
  expect(sparse / seen).toBeLessThan(0.95);
});

test("W_t minimises the sum of linear losses, L1 term and distance", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(1e6), fc.constantFrom(0, 0.9), async (seed, momentum) => {
      const start = randomArray(300, seed, 0.5);
      using run = new Updates([start], { lr: 0.05, momentum, mode: "latent" });
      const sum = new Float64Array(300);
      const v = new Float64Array(300);
      const steps = 12;
      for (let t = 0; t < steps; t++) {
        const g = randomArray(300, seed + t + 1);
        run.step([g], { threshold: 0.03 * t, thresholdNext: 0.03 * (t + 1) });
        g.forEach((value, i) => {
          v[i] = momentum * v[i]! + value;
          sum[i] = sum[i]! + 0.05 * (v[i] as number);
        });
      }
      const d = 0.03 * steps;
      const [weights] = await run.weights();
      const cost = (w: number, i: number) => sum[i]! * w + proxCost(w, start[i]!, d);
      weights?.forEach((w, i) => {
        for (const move of [-0.5, -0.1, -0.01, 0.01, 0.1, 0.5]) {
          expect(cost(w + move, i)).toBeGreaterThan(cost(w, i));
        }
      });
    }),
    { numRuns: 6, endOnFailure: true },
  );
});
