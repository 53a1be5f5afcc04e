import { expect, test } from "vitest";
import { BatchNorm2d, Conv2d, Flatten, Linear, manualSeed, ReLU, Sequential } from "../../src/nn/index.ts";
import { LossScale } from "../../src/optim/index.ts";
import { SGD } from "../../src/optim/sgd.ts";
import { GradientSum, NonFiniteLossError, TrainStep } from "../../src/train/index.ts";
import { randomArray } from "../support/random.ts";
import { tinyModel } from "../support/tiny_session.ts";

const SAMPLE = [1, 8, 8] as const;

/** A batch of noise; `bad` is written into its first sample. */
function batchOf(seed: number, bad?: number) {
  const x = randomArray(16 * 64, seed);
  if (bad !== undefined) x[3] = bad;
  return { x, y: Int32Array.from({ length: 16 }, (_, i) => (i + seed) % 4), size: 16 };
}

function build(scale: number | null, { replay = true, micro = 16 } = {}) {
  manualSeed(1);
  const model = tinyModel();
  const optimizer = new SGD(model.parameters(), { lr: 0.05, momentum: 0.9, weightDecay: 1e-3 });
  if (scale !== null) new LossScale(optimizer, { initial: scale });
  const sum = micro < 16 ? new GradientSum(optimizer, { batchSize: 16, microBatch: micro }, replay) : undefined;
  const step = new TrainStep({ model, optimizer, sample: SAMPLE, micro: sum, replay });
  return { model, optimizer, step };
}

/** Weights and momentum after the batches, and the records of the steps. */
async function trained({ model, optimizer, step }: ReturnType<typeof build>, batches: ReturnType<typeof batchOf>[]) {
  for (const [n, batch] of batches.entries()) step.run(batch, { step: n });
  const { steps, lossScale } = await step.read(0, batches.length);
  const velocity = await Promise.all(model.parameters().map((p) => optimizer.velocityOf(p)!.data()));
  const weights = [...(await model.stateDict())].filter(([name]) => !name.includes("running"));
  const result = { weights: weights.map(([, { data }]) => data), velocity, steps, lossScale };
  step.dispose();
  optimizer.dispose();
  model.dispose();
  return result;
}

test("a scaled loss gives the bits of an unscaled one, in micro-batches too, replayed or not", async () => {
  const batches = [1, 2, 3, 4].map((seed) => batchOf(seed));
  for (const micro of [16, 4]) {
    const plain = await trained(build(null, { micro }), batches);
    for (const replay of [true, false]) {
      const scaled = await trained(build(4096, { micro, replay }), batches);
      expect(scaled.weights).toEqual(plain.weights);
      expect(scaled.velocity).toEqual(plain.velocity);
      expect(scaled.steps).toEqual(plain.steps.map((step) => ({ ...step, lossScale: 4096 })));
      expect(scaled.lossScale).toEqual({ scale: 4096, goodSteps: 4, skippedSteps: 0 });
    }
  }
});

test("a step with a bad loss is skipped, and leaves the weights of a run without it", async () => {
  const [a, b, c] = [1, 2, 3].map((seed) => batchOf(seed)) as [Batch, Batch, Batch];
  for (const micro of [16, 4]) {
    const without = await trained(build(64, { micro }), [a, b, c]);
    const withBad = await trained(build(64, { micro }), [a, batchOf(9, Number.NaN), b, c]);
    expect(withBad.weights).toEqual(without.weights);
    expect(withBad.velocity).toEqual(without.velocity);
    expect(withBad.lossScale).toEqual({ scale: 32, goodSteps: 2, skippedSteps: 1 });
    expect(withBad.steps.map(({ lossScale }) => lossScale)).toEqual([64, 64, 32, 32]);
    expect(withBad.steps[1]!.loss).toBeNaN();
  }
});

test("at the smallest scale, a bad loss is the error of a run without a scale", async () => {
  const { step, optimizer, model } = build(2);
  const bad = batchOf(1, Number.POSITIVE_INFINITY);
  for (let n = 0; n < 3; n++) step.run(bad, { step: n });
  const { badStep, lossScale } = await step.read(0, 3);
  expect(badStep).toBe(1);
  expect(lossScale).toEqual({ scale: 1, goodSteps: 0, skippedSteps: 1 });
  expect(await step.diagnose(bad, 1)).toBeInstanceOf(NonFiniteLossError);
  for (const part of [step, optimizer, model]) part.dispose();
});

type Batch = ReturnType<typeof batchOf>;

test("precision and loss scale are checked", () => {
  const model = new Sequential([new Conv2d(1, 2, 3), new BatchNorm2d(2), new ReLU(), new Flatten(), new Linear(72, 4)]);
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  const common = { model, optimizer, sample: SAMPLE };
  expect(() => new TrainStep({ ...common, precision: "f8" as "f16" })).toThrow(
    "train: precision: expected f32 or f16, got f8",
  );
  expect(() => new TrainStep({ ...common, lossScale: {} })).toThrow(
    "TrainStep: lossScale: expected nothing for precision f32",
  );
  for (const part of [optimizer, model]) part.dispose();
});
