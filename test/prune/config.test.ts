// Settings of a method in epochs, and the resulting steps.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type PruneConfig, type RunShape, spanOf, targetOf, thresholdConfig } from "../../src/prune/config.ts";
import { makeThresholdSchedule } from "../../src/prune/index.ts";

const run = (epochs = 10, finetune = 0, stepsPerEpoch = 20): RunShape => ({
  totalSteps: (epochs + finetune) * stepsPerEpoch,
  mainSteps: epochs * stepsPerEpoch,
  stepsPerEpoch,
  lr: () => 0.1,
  momentum: 0.9,
  seed: 1,
});
const config = (prune: Partial<PruneConfig> = {}): PruneConfig => ({
  schedule: "lats",
  mode: "latent",
  threshold: 1,
  ...prune,
});

describe("the steps of pruning", () => {
  test.each([
    [{}, 0, { start: 0, freeze: 200 }],
    [{}, 3, { start: 0, freeze: 200 }],
    [{ startEpoch: 2 }, 0, { start: 40, freeze: 200 }],
    [{ startEpoch: 0.34 }, 0, { start: 7, freeze: 200 }],
    [{ freezeEpoch: 4 }, 0, { start: 0, freeze: 80 }],
    [{ freezeEpoch: 4 }, 3, { start: 0, freeze: 80 }],
    [{ startEpoch: 3.5, freezeEpoch: 4.26 }, 0, { start: 70, freeze: 85 }],
    [{ freezeEpoch: 10 }, 0, { start: 0, freeze: 200 }],
    [{ freezeEpoch: 10 }, 3, { start: 0, freeze: 200 }],
    [{ startEpoch: 9.95 }, 0, { start: 199, freeze: 200 }],
  ])("%j with %d epochs of fine-tuning", (prune, finetune, span) => {
    expect(spanOf(config(prune), run(10, finetune))).toEqual(span);
  });

  test("uses a method's default freeze", () => {
    expect(spanOf(config(), run(), 90)).toEqual({ start: 0, freeze: 90 });
    expect(spanOf(config(), run(10, 3), 90)).toEqual({ start: 0, freeze: 90 });
    expect(spanOf(config({ freezeEpoch: 8 }), run(), 90)).toEqual({ start: 0, freeze: 160 });
  });

  test("without fine-tuning and freeze there is no masked training, and the freeze is the end of the run", () => {
    const shape = run(10, 0);
    expect(spanOf(config(), shape).freeze).toBe(shape.totalSteps);
  });

  test.each([-1, -0.1, 10, 11, Number.NaN, Number.POSITIVE_INFINITY])("refuses startEpoch %d of 10", (startEpoch) => {
    const given = () => spanOf(config({ startEpoch }), run());
    expect(given).toThrow(`startEpoch: expected a number in [0, 10), got ${startEpoch}`);
    expect(given).toThrow(RangeError);
  });

  test.each([-1, 0, 2, 1.9, 10.1, 11, Number.NaN, Number.POSITIVE_INFINITY])(
    "refuses freezeEpoch %d of 10 after startEpoch 2",
    (freezeEpoch) => {
      const given = () => spanOf(config({ startEpoch: 2, freezeEpoch }), run());
      expect(given).toThrow(`freezeEpoch: expected an epoch after startEpoch, up to 10, got ${freezeEpoch}`);
      expect(given).toThrow(RangeError);
    },
  );

  test.each([11, 12, 13])("refuses freezeEpoch %d of 10 epochs before 3 of fine-tuning", (freezeEpoch) => {
    expect(() => spanOf(config({ freezeEpoch }), run(10, 3))).toThrow(/freezeEpoch: expected .* up to 10/);
  });
});

describe("the threshold's window", () => {
  test.each([
    [{}, 0, { pruningStartStep: 0, windowSteps: 200 }],
    [{}, 4, { pruningStartStep: 0, windowSteps: 200 }],
    [{ startEpoch: 3 }, 0, { pruningStartStep: 60, windowSteps: 140 }],
    [{ startEpoch: 3, freezeEpoch: 5 }, 0, { pruningStartStep: 60, windowSteps: 40 }],
    [{ startEpoch: 3, window: 1.5 }, 0, { pruningStartStep: 60, windowSteps: 30 }],
    [{ startEpoch: 3, window: 1, freezeEpoch: 5 }, 2, { pruningStartStep: 60, windowSteps: 20 }],
    [{ window: 0.001 }, 0, { pruningStartStep: 0, windowSteps: 1 }],
  ])("%j with %d epochs of fine-tuning", (prune, finetune, want) => {
    expect(thresholdConfig(config(prune), run(10, finetune))).toMatchObject(want);
  });

  test("passes the schedule's settings on; with a target the threshold is a share of 1", () => {
    const pgh = { schedule: "pgh", beta: 0.2 } as const;
    expect(thresholdConfig(config(pgh), run())).toMatchObject({ ...pgh, threshold: 1, lambda: undefined });
    const byLambda = config({ threshold: undefined, lambda: 0.3 });
    expect(thresholdConfig(byLambda, run())).toMatchObject({ threshold: undefined, lambda: 0.3 });
    const target = thresholdConfig(config({ threshold: undefined, sparsity: 0.9 }), run());
    expect(target.threshold).toBe(1);
    expect(target.lambda).toBeUndefined();
  });

  test.each([0, -1, Number.NaN])("refuses window %d", (window) => {
    expect(() => thresholdConfig(config({ window }), run())).toThrow(/window: expected/);
    expect(() => thresholdConfig(config({ window }), run())).toThrow(RangeError);
  });

  test("is between start and freeze for any settings, and the schedule rises from 0 to D in it", () => {
    const epochs = fc.integer({ min: 1, max: 12 });
    const settings = fc.record({
      epochs,
      finetune: fc.integer({ min: 0, max: 3 }),
      stepsPerEpoch: fc.integer({ min: 1, max: 30 }),
      at: fc.double({ min: 0, max: 0.9, noNaN: true }),
      until: fc.option(fc.double({ min: 0.1, max: 1, noNaN: true })),
      window: fc.option(fc.double({ min: 0.01, max: 12, noNaN: true })),
    });
    fc.assert(
      fc.property(settings, ({ epochs: e, finetune, stepsPerEpoch, at, until, window }) => {
        const shape = run(e, finetune, stepsPerEpoch);
        const startEpoch = at * e;
        const freezeEpoch = until === null ? undefined : startEpoch + until * (e - startEpoch);
        const given = config({ startEpoch, freezeEpoch, window: window ?? undefined });
        const start = Math.round(startEpoch * stepsPerEpoch);
        const asked = freezeEpoch === undefined ? shape.mainSteps : Math.round(freezeEpoch * stepsPerEpoch);
        fc.pre(start < shape.mainSteps && asked > start);
        const { pruningStartStep, windowSteps } = thresholdConfig(given, shape);
        expect(pruningStartStep).toBe(start);
        expect(windowSteps).toBeGreaterThanOrEqual(1);
        expect(start + windowSteps!).toBeLessThanOrEqual(asked);
        if (window === null) expect(start + windowSteps!).toBe(asked);
        const schedule = makeThresholdSchedule(thresholdConfig(given, shape), {
          ...shape,
          totalSteps: shape.mainSteps,
          epochs: e,
        });
        expect(schedule.at(start)).toBe(0);
        expect(schedule.at(asked)).toBe(1);
      }),
    );
  });
});

describe("the target", () => {
  test("is returned", () => {
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1 - 1e-6, noNaN: true }), (sparsity) => {
        expect(targetOf(config({ sparsity }), "gmp")).toBe(sparsity);
      }),
    );
  });

  test.each([undefined, 0, 1, -0.1, 1.1, Number.NaN])(
    "refuses %s, and names the method that requires a target",
    (sparsity) => {
      const given = () => targetOf(config({ sparsity }), "gmp");
      expect(given).toThrow(`sparsity: expected a number in (0, 1), since the method is gmp, got ${sparsity}`);
      expect(given).toThrow(RangeError);
    },
  );
});
