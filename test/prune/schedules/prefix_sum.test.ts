// Sums of learning rates over windows of any length: exact where they can be, sampled where a run has billions of steps.
import { describe, expect, test } from "vitest";
import { LR_SCHEDULES, makeLrSchedule } from "../../../src/optim/lr_scheduler.ts";
import { makePruningMethod } from "../../../src/prune/methods/index.ts";
import { EXACT_STEPS, peakOf, prefixSum, sampledSum } from "../../../src/prune/schedules/prefix_sum.ts";
import { makeThresholdSchedule, THRESHOLD_SCHEDULES } from "../../../src/prune/threshold_schedule.ts";
import { ownRates } from "../../support/own_settings.ts";

const EPOCHS = 1e9;
const STEPS_PER_EPOCH = 235;
const rate = (schedule: (typeof LR_SCHEDULES)[number], epochs: number, stepsPerEpoch: number) =>
  makeLrSchedule(
    ownRates({
      schedule,
      base: 0.1,
      milestones: [epochs / 2, (3 * epochs) / 4],
      every: epochs / 5,
      warmupEpochs: epochs / 10,
    }),
    { epochs, stepsPerEpoch },
  );

describe("sampled sums", () => {
  test.each(LR_SCHEDULES)("equal the sums of all steps: %s", (schedule) => {
    const [epochs, perEpoch] = [100, 997];
    const lr = rate(schedule, epochs, perEpoch);
    const steps = epochs * perEpoch;
    const exact = prefixSum(steps, lr);
    const sampled = sampledSum(steps, lr, 2 ** 12);
    expect(sampled.total / exact.total).toBeCloseTo(1, 3);
    let before = 0;
    for (let n = 0; n <= steps; n += 37) {
      const f = sampled.fraction(n);
      expect(f).toBeGreaterThanOrEqual(before);
      expect(Math.abs(f - exact.fraction(n))).toBeLessThan(1e-3);
      before = f;
    }
    expect(sampled.fraction(0)).toBe(0);
    expect(sampled.fraction(steps)).toBe(1);
    expect(sampled.increment(5)).toBeCloseTo(exact.increment(5), 8);
  });
  test("refuse what the exact sum refuses", () => {
    for (const sum of [prefixSum, (n: number, w: (n: number) => number) => sampledSum(n, w, 8)]) {
      expect(() => sum(100, () => -1)).toThrow(/learning rate of step \d+: expected a finite number >= 0, got -1/);
      expect(() => sum(100, () => Number.NaN)).toThrow(/got NaN/);
      expect(() => sum(100, () => 0)).toThrow(/expected a sum > 0, got 0/);
    }
  });
  test("start above the limit of exact sums, which keep their bits", () => {
    const short = prefixSum(1000, (n) => 1 / (n + 1));
    let sum = 0;
    for (let n = 0; n < 1000; n++) sum += 1 / (n + 1);
    expect(short.total).toBeCloseTo(sum, 12);
    expect(prefixSum(EXACT_STEPS + 1, () => 1).fraction(EXACT_STEPS / 2)).toBeCloseTo(0.5, 6);
  });
});

test("peakOf finds the highest rate of runs of any length", () => {
  expect(peakOf(1000, (n) => Math.sin(n / 100))).toBeCloseTo(1, 4);
  // A list of all rates spread into Math.max would overflow the stack.
  expect(peakOf(3_000_000, (n) => 1 / (n + 1))).toBe(1);
  expect(peakOf(1e12, rate("cosine", 1e9, 1000))).toBeCloseTo(0.1, 6);
});

describe("plans a run of a billion epochs quickly", () => {
  const steps = EPOCHS * STEPS_PER_EPOCH;
  test.each(THRESHOLD_SCHEDULES)("%s", (schedule) => {
    const run = {
      totalSteps: steps,
      stepsPerEpoch: STEPS_PER_EPOCH,
      epochs: EPOCHS,
      lr: rate("cosine", EPOCHS, STEPS_PER_EPOCH),
    };
    const made = makeThresholdSchedule(
      { schedule, ...(schedule.startsWith("pgh") ? { beta: 0.1 } : {}), threshold: 0.5 },
      run,
    );
    let before = 0;
    for (let k = 0; k <= 100; k++) {
      const f = made.fraction(Math.floor((k * steps) / 100));
      expect(f).toBeGreaterThanOrEqual(before);
      before = f;
    }
    expect(made.fraction(steps)).toBe(schedule === "none" ? 0 : 1);
  });
  test("at initialisation too, and with lambda", () => {
    const lr = rate("constant", EPOCHS, STEPS_PER_EPOCH);
    const shape = { totalSteps: steps, mainSteps: steps, stepsPerEpoch: STEPS_PER_EPOCH, lr, momentum: 0.9, seed: 0 };
    const method = makePruningMethod({ method: "at-init", schedule: "lats", sparsity: 0.8, mode: "latent" }, shape);
    expect(method.name).toBe("at-init");
    const soft = makePruningMethod({ schedule: "lats", lambda: 1e-12, mode: "latent" }, shape);
    // A tenth of the run is warm-up, half as much on average.
    expect(soft.thresholdAt(steps)).toBeCloseTo(1e-12 * 0.1 * steps * 0.95, 5);
  });
});
