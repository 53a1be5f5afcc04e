// Batches taken in parts: the same gradient, the memory of a part, and what sees the parts.
import { describe, expect, test, vi } from "vitest";
import { noGrad } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { buildModel } from "../../src/models/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  Flatten,
  Linear,
  type Module,
  manualSeed,
  RandomState,
  ReLU,
  Sequential,
} from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { Scope, tensor } from "../../src/tensor/index.ts";
import {
  evaluationBatch,
  GradientSum,
  planTraining,
  type RunConfig,
  Session,
  TrainStep,
} from "../../src/train/index.ts";
import { expectClose, maxAbs } from "../support/close.ts";
import { randomArray, randomInts } from "../support/random.ts";
import { squares } from "../support/shapes.ts";
import { differing, finish, type TinyPrune, tensorOf, tinyConfig, tinyModel } from "../support/tiny_session.ts";

// 70 images: batches of 16, the last of 6, which is 4 and 2.
const data = { train: squares(70, 8, 1), test: squares(60, 8, 9) };

/** No batch norm and no dropout: nothing in it sees which images stand together. */
const independent = (): Module =>
  new Sequential([
    new Conv2d(1, 6, 3, { stride: 2, padding: 1 }),
    new ReLU(),
    new Conv2d(6, 12, 3, { stride: 2, padding: 1, bias: false }),
    new ReLU(),
    new Flatten(),
    new Linear(48, 4),
  ]);

function open(
  microBatch: number | undefined,
  {
    build = independent,
    prune = { threshold: 0.05 } as TinyPrune,
    more = {} as Partial<RunConfig>,
    replay = true,
  } = {},
) {
  const config = tinyConfig(prune, { epochs: 2, microBatch, ...more });
  manualSeed(config.seed);
  return new Session({ model: build(), data, config, replay });
}

describe("without layers that depend on the batch", () => {
  test.each([1, 4, 8])(
    "parts of %i: losses, accuracy and weights of whole batches, to rounding",
    async (microBatch) => {
      const whole = await finish(open(undefined));
      const parts = await finish(open(microBatch));
      expect(parts.steps.map(({ step, lr, threshold }) => [step, lr, threshold])).toEqual(
        whole.steps.map(({ step, lr, threshold }) => [step, lr, threshold]),
      );
      // Sums of f32 in another order, over ten steps whose errors add up: about 1e-7 each, and none of them amplified much.
      const close = { rtol: 2e-5, atol: 1e-6 };
      for (const key of ["loss", "accuracy"] as const) {
        const pick = (run: typeof whole) => run.steps.map((s) => s[key]);
        expectClose(pick(parts), pick(whole), close, key);
      }
      for (const name of ["model.0.weight", "model.0.bias", "model.2.weight", "model.5.weight"]) {
        for (const key of [name, name.replace("model", "momentum")]) {
          const want = tensorOf(whole.bytes, key);
          expect(maxAbs(want), key).toBeGreaterThan(1e-3);
          expectClose(tensorOf(parts.bytes, key), want, close, key);
        }
      }
    },
  );

  test("a part as large as the batch gives the bits of the batch", async () => {
    const [whole, one] = [await finish(open(undefined)), await finish(open(16))];
    expect(differing(one.bytes, whole.bytes)).toEqual([]);
  });
});

test("the same config, the same bits: again, eagerly, and resumed in mid-epoch", async () => {
  const live = currentGpu().memory().live;
  const build = tinyModel;
  const whole = await finish(open(4, { build }), 7);
  expect(differing((await finish(open(4, { build }))).bytes, whole.bytes)).toEqual([]);
  expect(differing((await finish(open(4, { build, replay: false }))).bytes, whole.bytes)).toEqual([]);
  const saved = whole.saved.get(7)!;
  expect(saved.position).toEqual({ step: 7, epoch: 1, batch: 2 });
  const second = open(4, { build });
  second.load(saved.bytes, "checkpoint");
  expect(differing((await finish(second)).bytes, whole.bytes)).toEqual([]);
  expect(currentGpu().memory().live).toBe(live);
});

test.each(["str", "ltp"] as const)(
  "learned thresholds (%s) take the sum of the gradients, replayed or not",
  async (method) => {
    const settings = { build: tinyModel, prune: { method }, more: { epochs: 1 } };
    const replayed = await finish(open(4, settings));
    expect(differing((await finish(open(4, { ...settings, replay: false }))).bytes, replayed.bytes)).toEqual([]);
    expect(differing((await finish(open(8, settings))).bytes, replayed.bytes)).not.toEqual([]);
  },
);

/** Make a step on ten random images of 8x8, four at a time. */
function stepOf(model: Module, random?: RandomState) {
  const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
  const micro = new GradientSum(optimizer, { batchSize: 12, microBatch: 4 });
  const step = new TrainStep({ model, optimizer, sample: [1, 8, 8], micro, ...(random ? { random } : {}) });
  const batch = { x: randomArray(640, 1), y: randomInts(10, 4, 2), size: 10 };
  const dispose = () => {
    for (const part of [step, optimizer, model]) part.dispose();
  };
  return { step, batch, dispose };
}

test("running statistics are updated once per part, with its statistics", async () => {
  const build = () => {
    manualSeed(3);
    return new Sequential([new BatchNorm2d(1), new Flatten(), new Linear(64, 4)]);
  };
  const model = build();
  const { step, batch, dispose } = stepOf(model);
  step.run(batch, { step: 0, lr: 0.1 });
  const got = await model.stateDict();
  const want = build();
  {
    using _scope = new Scope();
    for (const [from, size] of [
      [0, 4],
      [4, 4],
      [8, 2],
    ] as const) {
      noGrad(() => want.forward(tensor(batch.x.slice(from * 64, (from + size) * 64), [size, 1, 8, 8])));
    }
  }
  const state = await want.stateDict();
  for (const name of ["0.running_mean", "0.running_var"]) {
    expect(state.get(name)!.data).not.toEqual(new Float32Array([name.endsWith("var") ? 1 : 0]));
    expect(got.get(name)!.data, name).toEqual(state.get(name)!.data);
  }
  want.dispose();
  dispose();
});

test("a step's metrics cover all parts, and each part has its own draws", async () => {
  const random = new RandomState(1);
  const moves = vi.spyOn(random, "setStep");
  const { step, batch, dispose } = stepOf(
    new Sequential([new Flatten(), new Linear(64, 4), new Dropout(0.5, random)]),
    random,
  );
  for (const n of [0, 1]) step.run(batch, { step: n, lr: 0 });
  const { steps, badStep } = await step.read(0, 2);
  expect(badStep).toBeNull();
  expect(steps.map((s) => s.samples)).toEqual([10, 10]);
  for (const { correct } of steps) expect(correct === Math.floor(correct) && correct >= 0 && correct <= 10).toBe(true);
  // Three parts a step, though the last batch of an epoch may have fewer.
  expect(moves.mock.calls.flat()).toEqual([0, 1, 2, 3, 4, 5]);
  expect(steps[1]!.loss).not.toBe(steps[0]!.loss);
  dispose();
  random.dispose();
});

test("a bad part stops the update of its step", async () => {
  const model = independent();
  const { step, batch, dispose } = stepOf(model);
  step.run(batch, { step: 0, lr: 0.1 });
  const before = await model.stateDict();
  const y = batch.y.slice();
  y[5] = 7; // of the second part, and of no class
  step.run({ ...batch, y }, { step: 1, lr: 0.1 });
  step.run(batch, { step: 2, lr: 0.1 });
  expect((await step.read(0, 3)).badStep).toBe(1);
  const after = await model.stateDict();
  for (const [name, { data: values }] of before) expect(after.get(name)!.data, name).toEqual(values);
  expect((await step.diagnose({ ...batch, y }, 1)).message).toMatch(
    /loss of step 1 is not finite: first bad op crossEntropy/,
  );
  expect(() => step.run({ x: new Float32Array(13 * 64), y: new Int32Array(13), size: 13 }, { step: 3, lr: 0 })).toThrow(
    "train: batch: expected at most 12 images, got 13",
  );
  dispose();
});

test("memory is that of one part", () => {
  const sample = [3, 32, 32] as const;
  const build = () => buildModel("resnet-8", { channels: 3, size: 32, classes: 10 });
  const plan = (batchSize: number, microBatch?: number) =>
    planTraining({ build, sample, classes: 10, config: tinyConfig({ threshold: 0.05 }, { batchSize, microBatch }) });
  const [small, parts, whole] = [plan(16), plan(128, 16), plan(128)];
  console.info(
    `resnet-8: arena of batch 16 ${small.step.arenaBytes}, of 128 in parts of 16 ${parts.step.arenaBytes}, of 128 ${whole.step.arenaBytes}`,
  );
  // A part's weight gradients are made beside the sum that they join, one at a time.
  expect(parts.step.arenaBytes / small.step.arenaBytes).toBeLessThan(1.05);
  expect(whole.step.arenaBytes / parts.step.arenaBytes).toBeGreaterThan(7);
  expect(parts.inputs).toBe(small.inputs);
  expect(parts.peak / small.peak).toBeLessThan(1.05);
});

test("a run takes the planned memory", async () => {
  const config = tinyConfig({ threshold: 0.05 }, { epochs: 1, microBatch: 4 });
  const plan = planTraining({
    build: tinyModel,
    sample: [1, 8, 8],
    classes: 4,
    config,
    trainImages: 70,
    testImages: 60,
    adapter: currentGpu().adapter,
  });
  const session = new Session({ model: tinyModel(), data, config });
  const [first] = session.rehearse();
  expect(first).toEqual(plan.step);
  await currentGpu().wait();
  session.dispose();
});

test("refuses settings that give no parts", () => {
  for (const microBatch of [0, 3, 32, 2.5, Number.NaN]) {
    expect(() => open(microBatch)).toThrow(
      `microBatch: expected an integer that divides batchSize 16, got ${microBatch}`,
    );
  }
  expect(evaluationBatch({ batchSize: 256 })).toBe(256);
  expect(evaluationBatch({ batchSize: 256, microBatch: 8 })).toBe(8);
});
