// Learning-rate schedules against recorded float64 values and by their properties.
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LR_SCHEDULES, type LrConfig, makeLrSchedule } from "../../src/optim/lr_scheduler.ts";
import { ownRates } from "../support/own_settings.ts";

interface Golden {
  readonly lr: number;
  readonly values: readonly number[];
}
interface GoldenLr {
  readonly cosine_warmup_per_epoch: Golden & { epochs: number; warmup_epochs: number; lr_min: number };
  readonly multistep_warmup_per_epoch: Golden & {
    epochs: number;
    warmup_epochs: number;
    gamma: number;
    milestones: number[];
  };
  readonly step_per_epoch: Golden & { gamma: number; step: number };
  readonly cosine_annealing_closed_form: Golden & { t_max: number };
}
const golden = (
  JSON.parse(readFileSync(new URL("../golden/schedules.json", import.meta.url), "utf8")) as { lr: GoldenLr }
).lr;

/** Both sides are float64 with a handful of roundings: 1e-13 of the base rate is hundreds of ulps to spare. */
function expectEpochs(config: LrConfig, epochs: number, values: readonly number[]): void {
  const stepsPerEpoch = 3;
  const lr = makeLrSchedule(config, { epochs, stepsPerEpoch });
  expect(values.length).toBeGreaterThan(0);
  values.forEach((want, epoch) => {
    for (let b = 0; b < stepsPerEpoch; b++) {
      expect(Math.abs(lr(epoch * stepsPerEpoch + b) - want), `epoch ${epoch}`).toBeLessThanOrEqual(1e-13 * config.base);
    }
  });
}

describe("recorded values", () => {
  test("cosine with warm-up, constant within an epoch", () => {
    const g = golden.cosine_warmup_per_epoch;
    const config = {
      schedule: "cosine",
      base: g.lr,
      warmupEpochs: g.warmup_epochs,
      min: g.lr_min,
      per: "epoch",
    } as const;
    expectEpochs(config, g.epochs, g.values);
  });

  test("multistep with warm-up", () => {
    const g = golden.multistep_warmup_per_epoch;
    const { gamma, milestones } = g;
    const config = {
      schedule: "multistep",
      base: g.lr,
      warmupEpochs: g.warmup_epochs,
      gamma,
      milestones,
      per: "epoch",
    };
    expectEpochs(config as LrConfig, g.epochs, g.values);
  });

  test("step", () => {
    const g = golden.step_per_epoch;
    expectEpochs({ schedule: "step", base: g.lr, gamma: g.gamma, every: g.step, per: "epoch" }, 100, g.values);
  });

  test("cosine annealing, end point included", () => {
    const g = golden.cosine_annealing_closed_form;
    expectEpochs({ schedule: "cosine", base: g.lr, per: "epoch" }, g.t_max, g.values);
  });

  test("the learning rates of the published ImageNet recipe sum to 65345.28", () => {
    const run = { epochs: 100, stepsPerEpoch: 5005 };
    const lr = makeLrSchedule({ schedule: "cosine", base: 0.256, warmupEpochs: 5, per: "epoch" }, run);
    let sum = 0;
    for (let step = 0; step < 500_500; step++) sum += lr(step);
    expect(sum).toBeCloseTo(65345.28, 6);
  });
});

const lrConfig: fc.Arbitrary<LrConfig> = fc
  .record<LrConfig>({
    schedule: fc.constantFrom(...LR_SCHEDULES),
    base: fc.double({ min: 1e-4, max: 10, noNaN: true }),
    warmupEpochs: fc.integer({ min: 0, max: 3 }),
    min: fc.constantFrom(0, 1e-5),
    milestones: fc
      .uniqueArray(fc.integer({ min: 1, max: 9 }), { minLength: 1, maxLength: 4 })
      .map((m) => m.sort((a, b) => a - b)),
    every: fc.integer({ min: 1, max: 5 }),
    gamma: fc.double({ min: 0.05, max: 1, noNaN: true }),
    per: fc.constantFrom("epoch", "step"),
  })
  .map(ownRates);
const length = fc.record({ epochs: fc.integer({ min: 4, max: 10 }), stepsPerEpoch: fc.integer({ min: 1, max: 20 }) });

describe("properties", () => {
  test("rises in the warm-up to base, never rises after it, and stays within [min, base]", () => {
    fc.assert(
      fc.property(lrConfig, length, (config, run) => {
        const lr = makeLrSchedule(config, run);
        const warmup = (config.warmupEpochs ?? 0) * run.stepsPerEpoch;
        for (let step = 0; step <= run.epochs * run.stepsPerEpoch + 2; step++) {
          const now = lr(step);
          expect(now).toBeGreaterThanOrEqual(0);
          expect(now).toBeLessThanOrEqual(config.base);
          if (step === warmup - 1) expect(now).toBe(config.base);
          if (step > 0 && step < warmup) expect(now).toBeGreaterThanOrEqual(lr(step - 1));
          if (step > warmup) expect(now).toBeLessThanOrEqual(lr(step - 1));
        }
      }),
      { numRuns: 60 },
    );
  });

  test("per epoch: one value an epoch, equal to the per-step schedule of one step an epoch", () => {
    fc.assert(
      fc.property(lrConfig, length, (config, run) => {
        const perEpoch = makeLrSchedule({ ...config, per: "epoch" }, run);
        const coarse = makeLrSchedule({ ...config, per: "step" }, { epochs: run.epochs, stepsPerEpoch: 1 });
        for (let step = 0; step < run.epochs * run.stepsPerEpoch; step++) {
          expect(perEpoch(step)).toBe(coarse(Math.floor(step / run.stepsPerEpoch)));
        }
      }),
      { numRuns: 40 },
    );
  });

  test("cosine per step starts at base, averages (base + min) / 2 and ends at min", () => {
    const lr = makeLrSchedule({ schedule: "cosine", base: 0.1, min: 0.01 }, { epochs: 4, stepsPerEpoch: 250 });
    expect(lr(0)).toBe(0.1);
    expect(lr(500)).toBeCloseTo(0.055, 12);
    expect(lr(1000)).toBe(0.01);
    expect(lr(5000)).toBe(0.01);
  });

  test("accepts a fraction of an epoch as warm-up if the rate moves every step", () => {
    const config = { schedule: "constant", base: 1, warmupEpochs: 0.5 } as const;
    const lr = makeLrSchedule(config, { epochs: 2, stepsPerEpoch: 8 });
    expect([0, 1, 2, 3, 4].map(lr)).toEqual([0.25, 0.5, 0.75, 1, 1]);
    expect(() => makeLrSchedule({ ...config, per: "epoch" }, { epochs: 2, stepsPerEpoch: 8 })).toThrow(/an integer/);
  });

  test("ignores a milestone inside the warm-up", () => {
    const config = { schedule: "multistep", base: 1, warmupEpochs: 3, milestones: [2, 4], per: "epoch" } as const;
    const lr = makeLrSchedule(config, { epochs: 6, stepsPerEpoch: 1 });
    expect([2, 3, 4, 5].map(lr)).toEqual([1, 1, 0.1, 0.1]);
  });
});

describe("refusals", () => {
  const run = { epochs: 4, stepsPerEpoch: 10 };
  const cases: [string, Partial<LrConfig>, RegExp][] = [
    ["base", { base: 0 }, /base: expected a number > 0, got 0/],
    ["base NaN", { base: Number.NaN }, /base: expected a number > 0, got NaN/],
    ["min above base", { min: 1 }, /min: expected a number in \[0, base = 0.1\], got 1/],
    ["long warm-up", { warmupEpochs: 5 }, /warmupEpochs: expected a number in \[0, epochs = 4\], got 5/],
    ["gamma", { gamma: 2 }, /gamma: expected a number in \(0, 1\], got 2/],
    ["no milestones", { schedule: "multistep" }, /milestones: expected rising epochs/],
    [
      "falling milestones",
      { schedule: "multistep", milestones: [3, 2] },
      /milestones: expected rising epochs.*got \[3,2\]/,
    ],
    ["no interval", { schedule: "step" }, /every: expected at least one unit between drops.*got undefined/],
    ["a name", { schedule: "cosin" as "cosine" }, /schedule: expected one of constant, cosine/],
  ];
  test.each(cases)("%s", (_name, change, message) => {
    expect(() => makeLrSchedule({ schedule: "cosine", base: 0.1, ...change }, run)).toThrow(message);
  });
  test("refuses steps that are not integers >= 0, and runs of length 0", () => {
    const lr = makeLrSchedule({ schedule: "cosine", base: 0.1 }, run);
    expect(() => lr(-1)).toThrow(/step: expected an integer >= 0, got -1/);
    expect(() => lr(0.5)).toThrow(RangeError);
    expect(() => makeLrSchedule({ schedule: "cosine", base: 0.1 }, { epochs: 0, stepsPerEpoch: 1 })).toThrow(/epochs/);
    expect(() => makeLrSchedule({ schedule: "cosine", base: 0.1 }, { epochs: 1, stepsPerEpoch: 0 })).toThrow(
      /stepsPerEpoch/,
    );
  });
});
