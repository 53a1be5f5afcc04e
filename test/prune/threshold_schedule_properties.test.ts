// Properties of every threshold schedule and of its implied L1 coefficient.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LR_SCHEDULES, type LrConfig, makeLrSchedule } from "../../src/optim/lr_scheduler.ts";
import { coefficientOfVariation, impliedLambda } from "../../src/prune/implied_lambda.ts";
import { cubic, latsEpoch, pgh, slats } from "../../src/prune/schedules/closed_forms.ts";
import {
  makeThresholdSchedule,
  THRESHOLD_SCHEDULES,
  type ThresholdSchedule,
} from "../../src/prune/threshold_schedule.ts";
import { bent, ownRates } from "../support/own_settings.ts";

const lrConfig: fc.Arbitrary<LrConfig> = fc
  .record<LrConfig>({
    schedule: fc.constantFrom(...LR_SCHEDULES),
    base: fc.double({ min: 1e-3, max: 1, noNaN: true }),
    warmupEpochs: fc.integer({ min: 0, max: 2 }),
    milestones: fc.constantFrom([1], [2, 3]),
    every: fc.integer({ min: 1, max: 3 }),
    per: fc.constantFrom("epoch", "step"),
  })
  .map(ownRates);
const anyRun = fc
  .record({ epochs: fc.integer({ min: 3, max: 12 }), stepsPerEpoch: fc.integer({ min: 1, max: 40 }), lr: lrConfig })
  .map(({ epochs, stepsPerEpoch, lr }) => ({
    epochs,
    stepsPerEpoch,
    totalSteps: epochs * stepsPerEpoch,
    lr: makeLrSchedule(lr, { epochs, stepsPerEpoch }),
  }));
const anyBeta = fc.double({ min: -9, max: 9, noNaN: true }).map((log) => 10 ** log);
const moving = THRESHOLD_SCHEDULES.filter((name) => name !== "constant" && name !== "none");

function lambdas(s: ThresholdSchedule, lr: (n: number) => number, from: number, to: number): number[] {
  const trace: number[] = [];
  for (let n = from; n < to; n++) {
    trace.push(impliedLambda({ threshold: s.at(n), increment: s.increment(n), lr: lr(n) }).lambda);
  }
  return trace;
}

describe("every schedule", () => {
  test.each(moving)("%s rises from 0 to exactly D inside its window and stays", (schedule) => {
    fc.assert(
      fc.property(
        anyRun,
        anyBeta,
        fc.oneof(fc.constant(0), fc.double({ min: 1e-12, max: 5, noNaN: true })),
        fc.nat(1),
        fc.nat(1),
        (run, beta, threshold, late, early) => {
          const pruningStartStep = late * run.stepsPerEpoch;
          const windowSteps = run.totalSteps - (late + early) * run.stepsPerEpoch;
          const s = makeThresholdSchedule(
            { schedule, threshold, ...bent(schedule, beta), pruningStartStep, windowSteps },
            run,
          );
          for (let n = 0; n <= pruningStartStep; n++) expect(s.at(n)).toBe(0);
          for (let n = 0; n < run.totalSteps; n++) {
            expect(s.fraction(n + 1)).toBeGreaterThanOrEqual(s.fraction(n));
            expect(s.fraction(n)).toBeLessThanOrEqual(1);
            expect(s.increment(n)).toBeGreaterThanOrEqual(0);
            // The difference of two values of the schedule is the less exact one: it has a few roundings of numbers near D.
            expect(Math.abs(s.increment(n) - (s.at(n + 1) - s.at(n)))).toBeLessThanOrEqual(1e-13 * threshold);
          }
          for (let n = pruningStartStep + windowSteps; n <= run.totalSteps + 2; n++) expect(s.at(n)).toBe(threshold);
          expect(s.final).toBe(threshold);
        },
      ),
      { numRuns: 40 },
    );
  });

  test.each(moving)("%s does not jitter in its last bit over a million steps", (schedule) => {
    const totalSteps = 1_000_000;
    const lr = makeLrSchedule({ schedule: "cosine", base: 0.1 }, { epochs: 10, stepsPerEpoch: 100_000 });
    const s = makeThresholdSchedule(
      { schedule, threshold: 1, ...bent(schedule, 0.01) },
      { totalSteps, stepsPerEpoch: 100_000, epochs: 10, lr },
    );
    let falls = 0;
    for (let n = 0; n < totalSteps; n++) if (s.fraction(n + 1) < s.fraction(n)) falls++;
    expect(falls).toBe(0);
  });

  test("constant is D from its start, none is always 0", () => {
    fc.assert(
      fc.property(anyRun, fc.nat(2), (run, start) => {
        const constant = makeThresholdSchedule({ schedule: "constant", threshold: 0.3, pruningStartStep: start }, run);
        const none = makeThresholdSchedule({ schedule: "none", threshold: 0.3 }, run);
        for (let n = 0; n <= run.totalSteps + 1; n++) {
          expect(constant.at(n)).toBe(n < start ? 0 : 0.3);
          expect(none.at(n)).toBe(0);
          expect(none.increment(n)).toBe(0);
        }
      }),
      { numRuns: 20 },
    );
  });

  test("is a pure function of n: the order of calls does not matter", () => {
    const run = { totalSteps: 60, stepsPerEpoch: 6, epochs: 10, lr: (n: number) => 1 + (n % 7) };
    for (const schedule of THRESHOLD_SCHEDULES) {
      const make = () => makeThresholdSchedule({ schedule, threshold: 1, ...bent(schedule, 0.2) }, run);
      const forward = Array.from({ length: 61 }, (_, n) => n).map(make().at);
      const resumed = make();
      const backward = Array.from({ length: 61 }, (_, n) => resumed.at(60 - n)).reverse();
      expect(backward).toEqual(forward);
    }
  });
});

describe("implied L1 coefficient", () => {
  test("lats: constant to 1e-12 for any learning rate, and equal to the given lambda", () => {
    fc.assert(
      fc.property(anyRun, fc.double({ min: 1e-6, max: 1, noNaN: true }), fc.nat(5), (run, lambda, start) => {
        fc.pre(start < run.totalSteps);
        const s = makeThresholdSchedule(
          { schedule: "lats", lambda, pruningStartStep: Math.min(start, run.totalSteps - 1) },
          run,
        );
        fc.pre(s.final > 0);
        for (const value of lambdas(s, run.lr, Math.min(start, run.totalSteps - 1), run.totalSteps)) {
          expect(Math.abs(value / lambda - 1)).toBeLessThanOrEqual(1e-12);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("lats-epoch equals lats for a per-epoch cosine without warm-up; its lambda is constant", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 60 }), fc.integer({ min: 1, max: 30 }), (epochs, stepsPerEpoch) => {
        const lr = makeLrSchedule({ schedule: "cosine", base: 0.1, per: "epoch" }, { epochs, stepsPerEpoch });
        const run = { totalSteps: epochs * stepsPerEpoch, stepsPerEpoch, epochs, lr };
        const general = makeThresholdSchedule({ schedule: "lats", threshold: 1 }, run);
        const formula = makeThresholdSchedule({ schedule: "lats-epoch", threshold: 1 }, run);
        const want = 1 / lambdaSum(lr, run.totalSteps);
        for (let n = 0; n < run.totalSteps; n++) {
          expect(Math.abs(general.at(n) - formula.at(n))).toBeLessThanOrEqual(1e-13);
          // A difference of two numbers near 1 carries their rounding, 4e-16 in all, whatever its own size.
          expect(Math.abs(formula.increment(n) - want * lr(n))).toBeLessThanOrEqual(1e-15);
        }
      }),
      { numRuns: 60 },
    );
  });

  test("pgh-general: lambda(n) = lambda(0) beta^(n/N) for any learning rate; beta = 1 is lats", () => {
    fc.assert(
      fc.property(anyRun, fc.double({ min: -3, max: 3, noNaN: true }), (run, log) => {
        const beta = 10 ** log;
        const s = makeThresholdSchedule({ schedule: "pgh-general", threshold: 1, beta }, run);
        const trace = lambdas(s, run.lr, 0, run.totalSteps);
        trace.forEach((value, n) => {
          expect(Math.abs(value / (trace[0]! * beta ** (n / run.totalSteps)) - 1)).toBeLessThanOrEqual(1e-12);
        });
        const one = makeThresholdSchedule({ schedule: "pgh-general", threshold: 1, beta: 1 }, run);
        const lats = makeThresholdSchedule({ schedule: "lats", threshold: 1 }, run);
        for (let n = 0; n <= run.totalSteps; n++) expect(one.at(n)).toBe(lats.at(n));
      }),
      { numRuns: 40 },
    );
  });

  test("published schedules ignore a warm-up: five times the pressure in epoch 0", () => {
    const length = { epochs: 100, stepsPerEpoch: 50 };
    const lr = makeLrSchedule({ schedule: "cosine", base: 0.256, warmupEpochs: 5, per: "epoch" }, length);
    const s = makeThresholdSchedule({ schedule: "lats-epoch", threshold: 1 }, { ...length, totalSteps: 5000, lr });
    const sum = lambdaSum(lr, 5000);
    const points = {
      0: 5.0495,
      1: 2.5241,
      2: 1.6815,
      3: 1.2596,
      4: 1.0059,
      5: 1.0037,
      10: 0.992,
      25: 0.9636,
      50: 0.9329,
      75: 0.9166,
      90: 0.9122,
      99: 0.9114,
    };
    for (const [e, want] of Object.entries(points)) {
      const n = Number(e) * 50 + 20;
      const { lambda } = impliedLambda({ threshold: s.at(n), increment: s.increment(n), lr: lr(n) });
      expect(Math.abs(lambda * sum - want), `epoch ${e}`).toBeLessThanOrEqual(6e-5); // the table has 4 decimals
    }
  });

  test("the pressure of linear and sine diverges under a cosine learning rate", () => {
    const length = { epochs: 320, stepsPerEpoch: 5004 };
    const lr = makeLrSchedule({ schedule: "cosine", base: 0.1, per: "epoch" }, length);
    const run = { ...length, totalSteps: 320 * 5004, lr };
    const sum = lambdaSum(lr, run.totalSteps);
    const tables = {
      linear: { 0: 0.50156, 160: 1.0031, 240: 3.4249, 300: 52.206, 319: 20815.6 },
      sine: { 0: 0.0038673, 80: 0.65587, 160: 1.5757, 240: 3.7854, 300: 15.603, 319: 160.5 },
    } as const;
    for (const schedule of ["linear", "sine"] as const) {
      const s = makeThresholdSchedule({ schedule, threshold: 1 }, run);
      for (const [e, want] of Object.entries(tables[schedule])) {
        // mean over the epoch, since sine moves within it
        const from = Number(e) * 5004;
        const lambda = (s.at(from + 5004) - s.at(from)) / (5004 * lr(from));
        expect(Math.abs((lambda * sum) / want - 1), `${schedule} epoch ${e}`).toBeLessThanOrEqual(3e-3);
      }
    }
  });
});

describe("closed forms", () => {
  test("pgh is the integral of beta^x (1 + cos πx): Simpson's rule agrees", () => {
    for (const beta of [1e-3, 0.1, 0.9, 1.001, 7, 1e3]) {
      const g = (x: number) => beta ** x * (1 + Math.cos(Math.PI * x));
      const simpson = (a: number, b: number) => {
        let sum = 0;
        const parts = 400;
        const h = (b - a) / parts;
        for (let i = 0; i < parts; i++) sum += (h / 6) * (g(a + i * h) + 4 * g(a + (i + 0.5) * h) + g(a + (i + 1) * h));
        return sum;
      };
      for (const x of [0.01, 0.3, 0.5, 0.51, 0.8, 0.99]) {
        // Simpson's own error, h^4 times a fourth derivative of about L^4
        expect(Math.abs(pgh(x, beta) - simpson(0, x) / simpson(0, 1))).toBeLessThanOrEqual(1e-9);
      }
    }
  });

  test("pgh: ratio of slopes, each over 1 + cos πx, is beta^(x1 - x2)", () => {
    const slope = (x: number, beta: number) => (pgh(x + 1e-5, beta) - pgh(x - 1e-5, beta)) / 2e-5;
    const density = (x: number, beta: number) => slope(x, beta) / (1 + Math.cos(Math.PI * x));
    fc.assert(
      fc.property(
        fc.double({ min: 0.05, max: 0.8, noNaN: true }),
        fc.double({ min: 0.05, max: 0.8, noNaN: true }),
        fc.double({ min: 0.05, max: 20, noNaN: true }),
        (x1, x2, beta) => {
          fc.pre(Math.abs(beta - 1) > 1e-6);
          const ratio = density(x1, beta) / density(x2, beta);
          // central difference: rounding 1e-16 / 1e-5 against slopes down to 0.01, truncation 1e-10 times f'''
          expect(Math.abs(ratio / beta ** (x1 - x2) - 1)).toBeLessThanOrEqual(1e-7);
        },
      ),
    );
  });

  test("pgh near beta = 1 is S-LATS, without a jump where the formula changes", () => {
    for (const x of [0, 0.1, 0.37, 0.5, 0.75, 0.999, 1]) {
      expect(pgh(x, 1)).toBe(slats(x));
      for (const gap of [9e-7, 1.1e-6, 1e-5, -1.1e-6, -1e-5]) {
        expect(Math.abs(pgh(x, 1 + gap) - slats(x))).toBeLessThanOrEqual(Math.abs(gap));
      }
    }
  });

  test("the difference of lats and slats is of order 1/N", () => {
    const gap = (epochs: number) => {
      let sup = 0;
      for (let n = 0; n <= epochs; n++) sup = Math.max(sup, Math.abs(latsEpoch(n, epochs, 1) - slats(n / epochs)));
      return sup;
    };
    expect(gap(10)).toBeCloseTo(0.0347, 4);
    expect(gap(100)).toBeCloseTo(0.0036, 4);
    expect(gap(1000) * 1000).toBeLessThan(gap(100) * 100 * 1.1);
  });

  test("cubic starts with slope 3 and ends flat", () => {
    expect(cubic(1e-6) / 1e-6).toBeCloseTo(3, 5);
    expect(1 - cubic(1 - 1e-3)).toBeCloseTo(1e-9, 15);
  });
});

describe("impliedLambda", () => {
  test("numbers of one step", () => {
    const got = impliedLambda({ threshold: 0.5, increment: 2e-4, lr: 0.1, momentum: 0.875, weightDecay: 1e-3 });
    expect(got.lambda).toBeCloseTo(2e-3, 15);
    expect(got.effective).toBeCloseTo(2.5e-4, 15);
    expect(got.decay).toBeCloseTo(5e-4, 15);
    expect(got.total).toBeCloseTo(7.5e-4, 15);
    expect(
      impliedLambda({ threshold: 0.5, increment: 0, lr: 0.1, weightDecay: 1, decayTarget: "effective" }).total,
    ).toBe(0);
  });
  test("a step without learning rate", () => {
    expect(impliedLambda({ threshold: 1, increment: 0, lr: 0 }).lambda).toBe(0);
    expect(impliedLambda({ threshold: 1, increment: 1e-3, lr: 0 }).lambda).toBe(Number.POSITIVE_INFINITY);
  });
  test("a threshold that falls has a negative coefficient, beside that of decay", () => {
    const got = impliedLambda({ threshold: 0.5, increment: -2e-4, lr: 0.1, momentum: 0.875, weightDecay: 1e-3 });
    expect(got.effective).toBeCloseTo(-2.5e-4, 15);
    expect(got.total).toBeCloseTo(2.5e-4, 15);
  });
  test.each([
    ["momentum", { momentum: 1 }],
    ["lr", { lr: -1 }],
    ["increment", { increment: Number.NaN }],
    ["weightDecay", { weightDecay: Number.NaN }],
  ])("refuses a wrong %s", (name, change) => {
    expect(() => impliedLambda({ threshold: 1, increment: 0, lr: 0.1, ...change })).toThrow(
      new RegExp(`${name}: expected`),
    );
  });

  test.each([
    [0, 0],
    [0.9, 0],
    [0.875, 1e-3],
    [0, 2e-3],
  ])("a live weight settles where the gradient equals it (momentum %d, decay %d)", (momentum, weightDecay) => {
    // One latent weight on (w - 1)² / 2, constant learning rate, lats: forward, gradient, SGD, then the threshold.
    const lr = 0.05;
    const steps = 20_000;
    const run = { totalSteps: steps, stepsPerEpoch: steps, epochs: 1, lr: () => lr };
    const s = makeThresholdSchedule({ schedule: "lats", lambda: 0.001 }, run);
    let theta = 1;
    let v = 0;
    let gradient = 0;
    for (let n = 0; n < steps; n++) {
      const w = Math.max(theta - s.at(n), 0);
      gradient = w - 1;
      v = momentum * v + gradient + weightDecay * theta;
      theta -= lr * v;
    }
    const last = steps - 1;
    const w = Math.max(theta - s.at(steps), 0);
    const { total } = impliedLambda({ threshold: s.at(last), increment: s.increment(last), lr, momentum, weightDecay });
    // the threshold still moves while the weight settles: it lags by a few steps of 1e-3 · 0.05
    expect(Math.abs((-gradient - weightDecay * w) / total - 1)).toBeLessThanOrEqual(2e-3);
  });
});

describe("coefficientOfVariation", () => {
  test("0 for a constant, standard deviation over mean otherwise", () => {
    expect(coefficientOfVariation([0.1, 0.1, 0.1])).toBe(0);
    expect(coefficientOfVariation([1, 3])).toBeCloseTo(0.5, 15);
    expect(() => coefficientOfVariation([])).toThrow(/at least one value/);
  });
});

function lambdaSum(lr: (n: number) => number, steps: number): number {
  let sum = 0;
  for (let n = 0; n < steps; n++) sum += lr(n);
  return sum;
}
