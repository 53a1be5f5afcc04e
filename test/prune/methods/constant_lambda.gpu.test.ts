// A share of zeros at a constant L1 coefficient: after the search the threshold is D times the schedule's fraction, and the run ends
// near the share. STR and LTP aim at it by their decay and price.
import { expect, test } from "vitest";
import type { LrConfig } from "../../../src/optim/index.ts";
import { coefficientOfVariation, makeThresholdSchedule, THRESHOLD_SCHEDULES } from "../../../src/prune/index.ts";
import { bent } from "../../support/own_settings.ts";
import { finish, sparsityIn, type TinyMore, type TinyPrune, tinyRun, tinySession } from "../../support/tiny_session.ts";

const rising = THRESHOLD_SCHEDULES.filter((name) => name !== "constant" && name !== "none");
/** Thirty epochs of five steps. */
const long: TinyMore = { epochs: 30 };

const adaptive: TinyMore = { momentum: 0, weightDecay: 0 };

const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);
/** First step after the search. */
const from = 100;
const rates: readonly LrConfig[] = [
  { schedule: "cosine", base: 0.05, per: "step" },
  { schedule: "cosine", base: 0.05, warmupEpochs: 2, per: "epoch" },
  { schedule: "constant", base: 0.02 },
];

test.each(rates)(
  "lats under $schedule, per $per: lambda is flat after the search, d = lambda · sum of rates",
  async (lr) => {
    const { steps, bytes } = await tinyRun({ sparsity: 0.8 }, { ...long, lr });
    const held = steps.slice(from).filter((s) => s.lr > 0);
    expect(held.length).toBeGreaterThan(145 - from);
    const lambdas = held.map((s) => s.lambda);
    expect(Math.max(...lambdas) / Math.min(...lambdas) - 1).toBeLessThan(1e-5);
    expect(coefficientOfVariation(lambdas)).toBeLessThan(1e-5);
    let spent = sum(steps.slice(0, from).map((s) => s.lr));
    for (const s of held) {
      spent += s.lr;
      expect(s.threshold / (s.lambda * spent) - 1).toBeCloseTo(0, 9);
    }
    // Before, it moves.
    expect(coefficientOfVariation(steps.slice(0, from).map((s) => s.lambda))).toBeGreaterThan(1e-3);
    // 150 steps on 72 images. At a constant rate, a third of the rates is left when the search ends.
    expect(Math.abs(sparsityIn(bytes) - 0.8)).toBeLessThan(lr.schedule === "cosine" ? 0.03 : 0.05);
  },
);

test.each(rising)("%s: one constant D times the shape of the schedule after the search", async (schedule) => {
  const lr: LrConfig = { schedule: "cosine", base: 0.05, per: "epoch" };
  const { steps } = await tinyRun({ schedule, sparsity: 0.8, ...bent(schedule, 0.1) }, { ...long, lr });
  const rate = (n: number) => steps[n]!.lr;
  const run = { totalSteps: 150, stepsPerEpoch: 5, epochs: 30, lr: rate };
  const final = steps.at(-1)!.threshold;
  const shape = makeThresholdSchedule({ schedule, threshold: final, ...bent(schedule, 0.1) }, run);
  for (const [n, s] of steps.entries()) {
    if (n < from) continue;
    expect(s.threshold / shape.at(n + 1) - 1, `step ${n}`).toBeCloseTo(0, 12);
    expect(s.lambda * s.lr, `step ${n}`).toBeCloseTo(shape.increment(n), 12);
  }
});

test.each<[string, TinyMore, number]>([
  ["adam", { ...adaptive, optimizer: { name: "adam" }, lr: { schedule: "cosine", base: 0.003, per: "step" } }, 0.05],
  [
    "adamw",
    {
      ...adaptive,
      optimizer: { name: "adamw" },
      weightDecay: 0.01,
      lr: { schedule: "cosine", base: 0.003, per: "step" },
    },
    0.05,
  ],
  [
    "rmsprop",
    { ...adaptive, optimizer: { name: "rmsprop" }, lr: { schedule: "cosine", base: 0.001, per: "step" } },
    0.03,
  ],
  ["SGD with weight decay", { weightDecay: 2e-3 }, 0.02],
  ["SGD in f16", { precision: "f16" }, 0.03],
])("%s: lambda is flat after the search, and the run ends near the share", async (_name, more, near) => {
  const { steps, bytes } = await tinyRun({ sparsity: 0.8 }, { ...long, ...more });
  const lambdas = steps
    .slice(from)
    .filter((s) => s.lr > 0)
    .map((s) => s.lambda);
  expect(lambdas.length).toBeGreaterThan(145 - from);
  expect(Math.max(...lambdas) / Math.min(...lambdas) - 1).toBeLessThan(1e-5);
  expect(Math.abs(sparsityIn(bytes) - 0.8)).toBeLessThan(near);
});

test("weight decay of the latent weights moves D, and that of the effective weights is no part of the search", async () => {
  const of = async (decayTarget: "latent" | "effective") => {
    const { steps, bytes } = await tinyRun({ sparsity: 0.8, decayTarget }, { ...long, weightDecay: 2e-3 });
    expect(Math.abs(sparsityIn(bytes) - 0.8)).toBeLessThan(0.02);
    return steps.at(-1)!.threshold;
  };
  // Decay shrinks idle latent weights, so a smaller D is enough.
  expect(await of("latent")).toBeLessThan(0.98 * (await of("effective")));
});

test("the threshold on the GPU is the logged one", async () => {
  const session = tinySession({ sparsity: 0.8 });
  const { steps } = await finish(session, 1);
  expect(steps).toHaveLength(20);
  const again = tinySession({ sparsity: 0.8 });
  const stop = new AbortController();
  await again.fit({ signal: stop.signal, onStep: ({ step }) => step === 15 && stop.abort() });
  const state = await again.method.state!().get("steer.lambda")!.data();
  expect(state[0]! / steps[14]!.threshold).toBeCloseTo(1, 6);
  again.dispose();
});

test("early pruning aims at the share by the freeze epoch", async () => {
  const { epochs, steps } = await tinyRun({ sparsity: 0.8, freezeEpoch: 15 }, long);
  expect(Math.abs(epochs[14]!.sparsity - 0.8)).toBeLessThan(0.02);
  for (const { sparsity } of epochs.slice(15)) expect(sparsity).toBe(epochs[14]!.sparsity);
  // The window has 75 steps, and is searched until two thirds.
  const lambdas = steps.slice(50, 75).map((s) => s.lambda);
  expect(Math.max(...lambdas) / Math.min(...lambdas) - 1).toBeLessThan(1e-5);
});

test.each<[string, TinyPrune, number]>([
  ["str", { method: "str", str: { start: -6, decay: 0.01 } }, 0.8],
  ["str", { method: "str", str: { start: -6, decay: 0.01 } }, 0.9],
  // So few weights need a wide gate.
  ["ltp", { method: "ltp", ltp: { temperature: 0.05 }, startEpoch: 5 }, 0.8],
  ["ltp", { method: "ltp", ltp: { temperature: 0.05 }, startEpoch: 5 }, 0.9],
])("%s with %o ends near the share %d", async (_name, prune, sparsity) => {
  const { bytes } = await tinyRun({ ...prune, sparsity }, { ...long, epochs: 60 });
  // 300 steps; on LeNet they end within a point.
  expect(Math.abs(sparsityIn(bytes) - sparsity)).toBeLessThan(0.015);
});
