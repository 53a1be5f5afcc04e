// Invariants of threshold schedules for any run: their pressure, their limits, and equal thresholds after a
// resume. Tables and monotony have other tests.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { makeLrSchedule } from "../../../src/optim/lr_scheduler.ts";
import { impliedLambda } from "../../../src/prune/implied_lambda.ts";
import { latsEpoch, slats } from "../../../src/prune/schedules/closed_forms.ts";
import {
  makeThresholdSchedule,
  THRESHOLD_SCHEDULES,
  type ThresholdConfig,
} from "../../../src/prune/threshold_schedule.ts";
import { bent } from "../../support/own_settings.ts";

const anyLength = fc.record({
  epochs: fc.integer({ min: 1, max: 40 }),
  stepsPerEpoch: fc.integer({ min: 1, max: 30 }),
});

/** A learning rate of any positive numbers. */
const raggedRun = anyLength.chain(({ epochs, stepsPerEpoch }) => {
  const totalSteps = epochs * stepsPerEpoch;
  return fc.array(fc.double({ min: 1e-6, max: 10, noNaN: true }), { minLength: 1, maxLength: 50 }).map((rates) => ({
    epochs,
    stepsPerEpoch,
    totalSteps,
    lr: (n: number) => rates[(n * 7) % rates.length]!,
  }));
});

describe("constant pressure", () => {
  test("lats: lambda is constant to 1e-12 under any learning rate", () => {
    fc.assert(
      fc.property(raggedRun, fc.double({ min: 1e-6, max: 100, noNaN: true }), (run, threshold) => {
        const s = makeThresholdSchedule({ schedule: "lats", threshold }, run);
        const trace = Array.from({ length: run.totalSteps }, (_, n) => {
          return impliedLambda({ threshold: s.at(n), increment: s.increment(n), lr: run.lr(n) }).lambda;
        });
        const mean = trace.reduce((a, b) => a + b) / trace.length;
        for (const lambda of trace) expect(Math.abs(lambda / mean - 1)).toBeLessThanOrEqual(1e-12);
      }),
      { numRuns: 60 },
    );
  });

  test("lats-epoch: the same to 1e-12 under its cosine", () => {
    fc.assert(
      fc.property(anyLength, fc.double({ min: 1e-3, max: 10, noNaN: true }), (length, base) => {
        const totalSteps = length.epochs * length.stepsPerEpoch;
        const lr = makeLrSchedule({ schedule: "cosine", base, per: "epoch" }, length);
        const s = makeThresholdSchedule({ schedule: "lats-epoch", threshold: 1 }, { ...length, totalSteps, lr });
        const lambdas = Array.from({ length: totalSteps }, (_, n) => s.increment(n) / lr(n));
        const first = lambdas[0]!;
        lambdas.forEach((lambda, n) => {
          expect(Math.abs(lambda / first - 1), `step ${n} of ${totalSteps}`).toBeLessThanOrEqual(1e-12);
        });
      }),
      { numRuns: 60 },
    );
  });

  test("the sum of lambda times learning rate is D for every schedule", () => {
    const moving = THRESHOLD_SCHEDULES.filter((name) => name !== "constant" && name !== "none");
    fc.assert(
      fc.property(raggedRun, fc.constantFrom(...moving), (run, schedule) => {
        const s = makeThresholdSchedule({ schedule, threshold: 2, ...bent(schedule, 0.3) }, run);
        let sum = 0;
        for (let n = 0; n < run.totalSteps; n++) {
          const { lambda } = impliedLambda({ threshold: s.at(n), increment: s.increment(n), lr: run.lr(n) });
          sum += lambda * run.lr(n);
        }
        expect(Math.abs(sum - 2)).toBeLessThanOrEqual(1e-12);
      }),
      { numRuns: 60 },
    );
  });
});

describe("limits", () => {
  test("lats-epoch is within 0.37 / N of slats for any number N of epochs, and nearer for no N than 0.3 / N", () => {
    fc.assert(
      fc.property(fc.integer({ min: 5, max: 3000 }), (epochs) => {
        let gap = 0;
        for (let n = 0; n <= epochs; n++) gap = Math.max(gap, Math.abs(latsEpoch(n, epochs, 1) - slats(n / epochs)));
        expect(gap * epochs).toBeLessThanOrEqual(0.37);
        expect(gap * epochs).toBeGreaterThanOrEqual(0.3);
      }),
      { numRuns: 40 },
    );
  });
});

describe("resume", () => {
  const anyConfig: fc.Arbitrary<ThresholdConfig> = fc
    .record({
      schedule: fc.constantFrom(...THRESHOLD_SCHEDULES),
      threshold: fc.double({ min: 0, max: 5, noNaN: true }),
      beta: fc.double({ min: 1e-3, max: 1e3, noNaN: true }),
    })
    .map(({ beta, ...config }) => ({ ...config, ...bent(config.schedule, beta) }));

  test("a schedule made at step n gives the same bits as one from the start", () => {
    fc.assert(
      fc.property(raggedRun, anyConfig, fc.nat(1), fc.nat(1e6), (run, config, late, at) => {
        const pruningStartStep = run.epochs > 1 ? late * run.stepsPerEpoch : 0;
        const make = () => makeThresholdSchedule({ ...config, pruningStartStep }, run);
        const whole = make();
        const trace = Array.from({ length: run.totalSteps }, (_, n) => [
          whole.at(n),
          whole.increment(n),
          whole.at(n + 1),
        ]);
        const from = at % run.totalSteps;
        const resumed = make();
        for (let n = from; n < run.totalSteps; n++) {
          expect([resumed.at(n), resumed.increment(n), resumed.at(n + 1)]).toEqual(trace[n]);
        }
        expect(resumed.final).toBe(whole.final);
      }),
      { numRuns: 80 },
    );
  });
});
