// A threshold that stays at zero, or the schedule `none`, is dense training to the last bit, with every option of SGD.
import fc from "fast-check";
import { expect, test } from "vitest";
import { makeThresholdSchedule, THRESHOLD_SCHEDULES } from "../../../src/prune/threshold_schedule.ts";
import { bent } from "../../support/own_settings.ts";
import { randomArray } from "../../support/random.ts";
import { between, bitsOf, Updates } from "./updates.ts";

test("D = 0 under every schedule, and none with any D: the bits of plain SGD", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        sizes: fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 3 }),
        seed: fc.nat(1e6),
        mode: fc.constantFrom("latent" as const, "inplace" as const),
        momentum: fc.constantFrom(0, 0.875, 0.9),
        dampening: fc.constantFrom(0, 0, 0.1),
        nesterov: fc.boolean(),
        weightDecay: fc.constantFrom(0, 1e-3),
        decayTarget: fc.constantFrom("latent" as const, "effective" as const),
        schedule: fc.constantFrom(...THRESHOLD_SCHEDULES),
        lr: between(1e-3, 0.5),
      }),
      async ({ sizes, seed, mode, nesterov, schedule, ...options }) => {
        const steps = 6;
        const run = { totalSteps: steps, stepsPerEpoch: 2, epochs: 3, lr: () => options.lr };
        const threshold = schedule === "none" ? 1 : 0;
        const s = makeThresholdSchedule({ schedule, threshold, ...bent(schedule, 0.5) }, run);
        const all = { ...options, nesterov: nesterov && options.momentum > 0 && options.dampening === 0 };
        const start = sizes.map((n, k) => randomArray(n, seed + k, 0.3));
        using pruned = new Updates(start, { ...all, mode });
        using plain = new Updates(start, { ...all, mode: "none" });
        for (let t = 0; t < steps; t++) {
          const gradients = sizes.map((n, k) => randomArray(n, seed + 13 * t + k + 5));
          pruned.step(gradients, { threshold: s.at(t), thresholdNext: s.at(t + 1), tau: s.increment(t) });
          plain.step(gradients, {});
        }
        const want = await plain.weights();
        expect((await pruned.weights()).map(bitsOf)).toEqual(want.map(bitsOf));
        expect((await pruned.stored()).map(bitsOf)).toEqual(want.map(bitsOf));
        if (options.momentum > 0) {
          expect((await pruned.velocities()).map(bitsOf)).toEqual((await plain.velocities()).map(bitsOf));
        }
        // The weights did move.
        expect(want.map(bitsOf)).not.toEqual(start.map(bitsOf));
      },
    ),
    { numRuns: 25, endOnFailure: true },
  );
});
