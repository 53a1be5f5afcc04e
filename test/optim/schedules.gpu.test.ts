// Learning rates and thresholds that move with the steps, without calls between them.
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { Dropout, Linear, manualSeed, RandomState, Sequential } from "../../src/nn/index.ts";
import { crossEntropy, sum } from "../../src/ops/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { makeThresholdSchedule, pruningGroups } from "../../src/prune/index.ts";
import { captureStep, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../support/random.ts";

const STEPS = 6;
const lr = (step: number) => 0.05 * (1 - step / STEPS);
const threshold = makeThresholdSchedule(
  { schedule: "lats", threshold: 0.2 },
  { totalSteps: STEPS, stepsPerEpoch: STEPS, epochs: 1, lr },
);
const x = randomArray(8 * 5, 3);
const y = Int32Array.from({ length: 8 }, (_, i) => i % 4);

function make() {
  manualSeed(1);
  const random = new RandomState(7, { owned: true });
  return new Sequential([new Linear(5, 16), new Dropout(0.5, random), new Linear(16, 4)]);
}

function train(model: Sequential, optimizer: SGD, x: Tensor, y: Tensor): Tensor {
  using tape = new Tape();
  const loss = tape.keep(crossEntropy(model.forward(x), y));
  tape.backward(loss);
  optimizer.step();
  return loss;
}

interface Trained {
  readonly losses: number[];
  readonly weights: Float32Array[];
}

async function result(model: Sequential, optimizer: SGD, losses: number[]): Promise<Trained> {
  const weights = await Promise.all(model.parameters().map(async (p) => (await p.data()) as Float32Array));
  expect(optimizer.stepsDone).toBe(STEPS);
  optimizer.dispose();
  model.dispose();
  return { losses, weights };
}

type Mode = "latent" | "inplace";

/** Each step sets its numbers and its random state. */
async function byHand(mode: Mode): Promise<Trained> {
  const model = make();
  const optimizer = new SGD(pruningGroups(model, { mode }), { lr: lr(0), momentum: 0.9 });
  const losses: number[] = [];
  for (let n = 0; n < STEPS; n++) {
    using _scope = new Scope();
    const numbers = { threshold: threshold.at(n), thresholdNext: threshold.at(n + 1), tau: threshold.increment(n) };
    optimizer.set({ lr: lr(n), ...numbers });
    for (const random of model.randomStates()) random.setStep(n);
    losses.push((await train(model, optimizer, tensor(x, [8, 5]), tensor(y)).item()) as number);
  }
  return result(model, optimizer, losses);
}

async function eager(mode: Mode): Promise<Trained> {
  const model = make();
  const optimizer = new SGD(pruningGroups(model, { mode }), { lr, threshold, momentum: 0.9 });
  const losses: number[] = [];
  for (let n = 0; n < STEPS; n++) {
    using _scope = new Scope();
    losses.push((await train(model, optimizer, tensor(x, [8, 5]), tensor(y)).item()) as number);
  }
  return result(model, optimizer, losses);
}

async function captured(mode: Mode, replay: boolean): Promise<Trained> {
  const model = make();
  const optimizer = new SGD(pruningGroups(model, { mode }), { lr, threshold, momentum: 0.9 });
  using step = captureStep(({ x, y }: { x: Tensor; y: Tensor }) => ({ loss: train(model, optimizer, x, y) }), {
    replay,
  });
  const losses: number[] = [];
  for (let n = 0; n < STEPS; n++) {
    const { loss } = step.run({ x: { data: x, shape: [8, 5] }, y: { data: y, shape: [8] } });
    losses.push((await loss.item()) as number);
  }
  return result(model, optimizer, losses);
}

test.each(["latent", "inplace"] as const)(
  "mode %s: step() alone gives the bits of set() before each step",
  async (mode) => {
    const expected = await byHand(mode);
    // Dropout draws another mask in each step, and thresholds make zeros.
    expect(new Set(expected.losses).size).toBe(STEPS);
    expect(expected.weights[0]!.filter((w) => w === 0).length).toBeGreaterThan(20);
    expect(await eager(mode)).toEqual(expected);
    expect(await captured(mode, true)).toEqual(expected);
    expect(await captured(mode, false)).toEqual(expected);
  },
);

test("a group's own rate and threshold, a constant and a function", async () => {
  const model = make();
  const [a, b] = [model.at(0), model.at(2)];
  const groups = [
    { params: a.parameters().filter((p) => p.prunable), mode: "latent" as const, threshold: 0.1, lr: 0 },
    { params: [...a.parameters().filter((p) => !p.prunable), ...b.parameters()] },
  ];
  const rates: number[] = [];
  const optimizer = new SGD(groups, { lr: (step) => rates.push(step) * 0.01 });
  expect(rates).toEqual([0, 0]);
  expect(optimizer.groups.map((g) => g.values.lr)).toEqual([0, 0.02]);
  expect(optimizer.groups.map((g) => g.values.threshold)).toEqual([0.1, 0]);
  {
    using _scope = new Scope();
    train(model, optimizer, tensor(x, [8, 5]), tensor(y));
  }
  expect(optimizer.groups[1]!.values.lr).toBe(0.03);
  optimizer.stepsDone = 9;
  expect(rates).toEqual([0, 0, 1, 9]);
  optimizer.dispose();
  model.dispose();
});

test("refuses values that a schedule gives, and schedules that do not fit", () => {
  const model = make();
  const weights = model.parameters().filter((p) => p.prunable);
  const latent = new SGD(weights, { lr: () => 0.1, threshold: (n) => n * 0.01, mode: "latent" });
  expect(() => latent.set({ lr: 1 })).toThrow(/^SGD: lr: expected nothing, since the optimizer has a schedule for it$/);
  expect(() => latent.set({ tau: 1 })).toThrow("SGD: tau: expected nothing");
  expect(() => {
    latent.stepsDone = -1;
  }).toThrow("SGD: stepsDone: expected an integer >= 0, got -1");
  latent.dispose();
  expect(() => new SGD(weights, { lr: 0.1, threshold: 0.1 })).toThrow(
    "SGD: threshold: expected nothing without a group of these modes, since it is for modes latent, inplace and fista",
  );
  const own = [{ params: weights, threshold: 0.1 }];
  expect(() => new SGD(own, { lr: 0.1 })).toThrow("SGD: threshold: expected nothing in a group of mode none");
  expect(() => new SGD(weights, { lr: 0.1, mode: "latent", threshold: "x" as never })).toThrow(
    "SGD: threshold: expected a number, a function or a schedule, got string",
  );
  expect(() => new SGD(weights, { lr: 0.1, mode: "inplace", threshold: (n) => 1 - n })).toThrow(
    "SGD: expected 0 <= threshold <= thresholdNext in mode inplace, got 1 and 0",
  );
  expect(() => new SGD(weights, { lr: 0.1, mode: "latent", threshold: (n) => 0.5 - n })).toThrow(
    "SGD: expected thresholds >= 0, got 0.5 and -0.5",
  );
  expect(() => new SGD(weights, { lr: () => Number.NaN })).toThrow("SGD: lr: expected a number >= 0, got NaN");
  model.dispose();
});

test("refuses two scheduled steps in a captured step, and counts two unscheduled ones", () => {
  const model = make();
  const twice = (optimizer: SGD) =>
    captureStep(({ x }: { x: Tensor }) => {
      for (let i = 0; i < 2; i++) {
        using tape = new Tape();
        tape.backward(sum(model.forward(x)));
        optimizer.step();
      }
      return {};
    });
  const input = { x: { data: x, shape: [8, 5] } };
  const fixed = new SGD(model.parameters(), { lr: 0.1 });
  const step = twice(fixed);
  step.run(input);
  step.run(input);
  expect(fixed.stepsDone).toBe(4);
  step.dispose();
  fixed.dispose();
  const moving = new SGD(model.parameters(), { lr });
  expect(() => twice(moving).run(input)).toThrow(
    "SGD: expected one step of an optimizer with schedules in a captured step, got two",
  );
  moving.dispose();
  model.dispose();
});

test.each([true, false])("a schedule may end with the run, replay %s", (replay) => {
  const model = make();
  const rates = [0.1, 0.05];
  const optimizer = new SGD(model.parameters(), { lr: (step) => rates[step]! });
  using step = captureStep(({ x, y }: { x: Tensor; y: Tensor }) => ({ loss: train(model, optimizer, x, y) }), {
    replay,
  });
  const input = { x: { data: x, shape: [8, 5] }, y: { data: y, shape: [8] } };
  step.run(input);
  step.run(input);
  expect(optimizer.stepsDone).toBe(2);
  expect(() => step.run(input)).toThrow("SGD: lr: expected a finite number, got undefined");
  optimizer.stepsDone = 0;
  step.run(input);
  optimizer.dispose();
  model.dispose();
});
