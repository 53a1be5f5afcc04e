// The L1 coefficient in the log of a real run: LATS keeps it constant under any learning rate, the fixed shapes
// do not, and the log's four numbers are those of the update.
import { expect, test } from "vitest";
import type { LrConfig } from "../../../src/optim/index.ts";
import { coefficientOfVariation } from "../../../src/prune/index.ts";
import type { StepRecord } from "../../../src/train/index.ts";
import { type TinyMore, type TinyPrune, tinyRun } from "../../support/tiny_session.ts";

const warmCosine: LrConfig = { schedule: "cosine", base: 0.05, warmupEpochs: 1, per: "step" };
const rates: readonly LrConfig[] = [
  warmCosine,
  { schedule: "cosine", base: 0.05, warmupEpochs: 2, per: "epoch" },
  { schedule: "constant", base: 0.02 },
  { schedule: "multistep", base: 0.05, milestones: [2, 4], gamma: 0.1, warmupEpochs: 1 },
  { schedule: "step", base: 0.05, every: 1.5, gamma: 0.5 },
];

/** Six epochs of five steps, each logged. */
const tinyRunOf = (prune: TinyPrune, lr: LrConfig, more: TinyMore = {}) => tinyRun(prune, { epochs: 6, lr, ...more });

const lambdas = (steps: readonly StepRecord[]) => steps.filter((s) => s.lr > 0).map((s) => s.lambda);
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

test.each(rates)("lats is flat under $schedule, per $per, warm-up $warmupEpochs", async (lr) => {
  const threshold = 0.08;
  const { steps } = await tinyRunOf({ threshold }, lr);
  expect(steps).toHaveLength(30);
  expect(lambdas(steps)).toHaveLength(30);
  expect(coefficientOfVariation(lambdas(steps))).toBeLessThan(1e-5);
  expect(steps[7]!.lambda).toBeCloseTo(threshold / sum(steps.map((s) => s.lr)), 12);
});

test("lats is flat in a late window, and 0 outside; the log has the given lambda", async () => {
  const { steps } = await tinyRunOf({ lambda: 0.05, startEpoch: 1, window: 3 }, warmCosine);
  const inside = steps.slice(5, 20);
  for (const s of inside) expect(s.lambda).toBeCloseTo(0.05, 12);
  for (const s of [...steps.slice(0, 5), ...steps.slice(20)]) expect(s.lambda).toBe(0);
  expect(steps.at(-1)!.threshold).toBeCloseTo(0.05 * sum(inside.map((s) => s.lr)), 12);
});

test("lats-epoch is flat under its cosine, without a warm-up", async () => {
  const flat = await tinyRunOf(
    { schedule: "lats-epoch", threshold: 0.08 },
    { ...warmCosine, warmupEpochs: 0, per: "epoch" },
  );
  expect(coefficientOfVariation(lambdas(flat.steps))).toBeLessThan(1e-5);
  const warm = await tinyRunOf({ schedule: "lats-epoch", threshold: 0.08 }, { ...warmCosine, per: "epoch" });
  expect(coefficientOfVariation(lambdas(warm.steps))).toBeGreaterThan(0.1);
});

test.each(["linear", "sine", "cubic", "slats"] as const)(
  "%s is not flat under a warm-up and cosine",
  async (schedule) => {
    const { steps } = await tinyRunOf({ schedule, threshold: 0.08 }, warmCosine);
    expect(coefficientOfVariation(lambdas(steps))).toBeGreaterThan(0.1);
  },
);

test("pgh-general goes from strong to weak by beta", async () => {
  const beta = 0.1;
  const { steps } = await tinyRunOf({ schedule: "pgh-general", beta, threshold: 0.08 }, warmCosine);
  for (const [n, s] of steps.entries()) {
    expect(s.lambda / steps[0]!.lambda / beta ** (n / 30)).toBeCloseTo(1, 9);
  }
});

test.each([0, 0.9])("momentum %d and decay: effective, decay and total are those of the step", async (momentum) => {
  const weightDecay = 5e-4;
  const { steps } = await tinyRunOf({ threshold: 0.08 }, warmCosine, { momentum, weightDecay });
  let inForce = 0;
  for (const s of steps) {
    expect(s.lambda * s.lr).toBeCloseTo(s.threshold - inForce, 12);
    expect(s.lambdaEffective).toBeCloseTo((1 - momentum) * s.lambda, 12);
    expect(s.lambdaDecay).toBeCloseTo(weightDecay * inForce, 12);
    expect(s.lambdaTotal).toBe(s.lambdaEffective + s.lambdaDecay);
    inForce = s.threshold;
  }
  expect(inForce).toBe(0.08);
  expect(steps.at(-1)!.lambdaDecay).toBeGreaterThan(3e-5);
});

test("in place, decay acts on the weight itself and adds no L1", async () => {
  for (const accelerated of [false, true]) {
    const prune = { mode: "inplace", accelerated, threshold: 0.08 } as const;
    const { steps } = await tinyRunOf(prune, warmCosine, { weightDecay: 5e-4 });
    expect(coefficientOfVariation(lambdas(steps))).toBeLessThan(1e-5);
    for (const s of steps) {
      // FISTA extrapolates instead of a momentum that would divide the coefficient.
      expect(s.lambdaEffective).toBeCloseTo((accelerated ? 1 : 1 - 0.9) * s.lambda, 12);
      expect(s.lambdaDecay).toBe(0);
      expect(s.lambdaTotal).toBe(s.lambdaEffective);
    }
  }
});

test("decay on effective weights adds no L1, on latent ones it does, in either mode", async () => {
  const of = async (mode: "latent" | "inplace", decayTarget: "latent" | "effective") => {
    const { steps } = await tinyRunOf({ mode, decayTarget, threshold: 0.08 }, warmCosine, { weightDecay: 0.01 });
    return steps;
  };
  for (const mode of ["latent", "inplace"] as const) {
    const [latent, effective] = [await of(mode, "latent"), await of(mode, "effective")];
    expect(latent.at(-1)!.lambdaDecay).toBeGreaterThan(7e-4);
    for (const s of effective) expect([s.lambdaDecay, s.lambdaTotal]).toEqual([0, s.lambdaEffective]);
    expect(effective.at(-1)!.loss).not.toBe(latent.at(-1)!.loss);
  }
});

test("with a threshold on the GPU, the logged increments add up to it", async () => {
  const { steps } = await tinyRunOf({ sparsity: 0.8 }, warmCosine);
  expect(sum(steps.map((s) => s.lambda * s.lr))).toBeCloseTo(steps.at(-1)!.threshold, 6);
  expect(steps.at(-1)!.threshold).toBeGreaterThan(0.01);
  const learned = await tinyRunOf({ method: "str", str: { start: -4, decay: 0.05 } }, warmCosine);
  const first = 1 / (1 + Math.exp(4));
  expect(sum(learned.steps.map((s) => s.lambda * s.lr))).toBeCloseTo(learned.steps.at(-1)!.threshold - first, 6);
});

test("methods whose threshold is not an L1 penalty log no coefficient", async () => {
  for (const prune of [
    { method: "ltp" },
    { method: "gmp", sparsity: 0.8 },
    { method: "snip", sparsity: 0.8 },
    { schedule: "none" },
  ] as const) {
    const { steps } = await tinyRunOf(prune, warmCosine);
    for (const s of steps) {
      expect([s.lambda, s.lambdaEffective, s.lambdaDecay, s.lambdaTotal]).toEqual([0, 0, 0, 0]);
    }
  }
});
