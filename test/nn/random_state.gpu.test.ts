// Masks change in every loop: with or without a tape, eager or replayed, and in an activation checkpoint.
import { describe, expect, test } from "vitest";
import { activationCheckpoint, noGrad, Tape } from "../../src/autograd/index.ts";
import {
  Dropout,
  Linear,
  type Module,
  manualSeed,
  PoissonEncoder,
  RandomState,
  Sequential,
  StochasticDepth,
} from "../../src/nn/index.ts";
import { sum } from "../../src/ops/index.ts";
import { captureStep, Scope, tensor, tidy } from "../../src/tensor/index.ts";

const N = 64;
/** True if a draw without a tape advances the step too. */
const ALONE = new Set(["dropout", "stochastic depth"]);
const layers: [string, (random: RandomState) => Module][] = [
  ["dropout", (random) => new Dropout(0.5, random)],
  ["stochastic depth", (random) => new StochasticDepth(0.5, random)],
  ["Poisson spikes", (random) => new PoissonEncoder({ timeSteps: 2 }, random)],
];
const input = () => new Float32Array(N).fill(0.5);
const key = (values: ArrayLike<number>) => Array.from(values, (v) => (v === 0 ? "0" : "1")).join("");

describe.each(layers)("%s", (name, make) => {
  test("draws a new mask in every step of a plain loop", async () => {
    const random = new RandomState(3);
    const model = make(random);
    const masks: string[] = [];
    for (let i = 0; i < 5; i++) {
      using _scope = new Scope();
      const x = tensor(input(), [N, 1]);
      x.requiresGrad = true;
      using tape = new Tape();
      const y = tape.keep(model.forward(x));
      if (y.requiresGrad) tape.backward(sum(y));
      masks.push(key(await y.data()));
    }
    expect(new Set(masks).size).toBe(5);
    expect(await random.step.item()).toBe(5);
    random.dispose();
  });

  test("draws a new mask without a tape, and in a replayed step", async () => {
    const random = new RandomState(3);
    const model = make(random);
    const masks: string[] = [];
    for (let i = 0; i < 3; i++) {
      using _scope = new Scope();
      masks.push(key(await noGrad(() => model.forward(tensor(input(), [N, 1]))).data()));
    }
    using step = captureStep(({ x }: Record<"x", ReturnType<typeof tensor>>) => {
      using tape = new Tape();
      return { y: tape.keep(model.forward(x)) };
    });
    for (let i = 0; i < 4; i++) masks.push(key(await step.run({ x: { data: input(), shape: [N, 1] } }).y.data()));
    expect(new Set(masks).size).toBe(ALONE.has(name) ? 7 : 4);
    // Who sets the step has the masks of that step, as before.
    random.setStep(0);
    expect(key(await step.run({ x: { data: input(), shape: [N, 1] } }).y.data())).toBe(masks[0]);
    random.dispose();
  });

  test("draws nothing in evaluation", async () => {
    const random = new RandomState(3);
    const model = make(random).eval();
    using _scope = new Scope();
    for (let i = 0; i < 2; i++) noGrad(() => model.forward(tensor(input(), [N, 1])));
    expect(await random.step.item()).toBe(0);
    random.dispose();
  });

  test("draws the same mask without a tape after setStep", async () => {
    const random = new RandomState(3);
    const model = make(random);
    random.setStep(7);
    using _scope = new Scope();
    const draw = async () => key(await model.forward(tensor(input(), [N, 1])).data());
    expect(await draw()).toBe(await draw());
    random.dispose();
  });
});

test("layers of one step draw from one step, also in an activation checkpoint, which advances it once", async () => {
  const masks: string[] = [];
  for (const checkpointed of [false, true]) {
    const random = new RandomState(9);
    const [first, second] = [new Dropout(0.5, random), new Dropout(0.5, random)];
    const block = new Sequential([first, second]);
    const run = checkpointed
      ? activationCheckpoint((x: ReturnType<typeof tensor>) => block.forward(x))
      : (x: ReturnType<typeof tensor>) => block.forward(x);
    for (let i = 0; i < 3; i++) {
      using _scope = new Scope();
      const x = tensor(input(), [N, 1]);
      x.requiresGrad = true;
      using tape = new Tape();
      const y = run(x);
      tape.backward(sum(second.forward(y)));
      masks.push(key(await x.grad!.data()));
      x.grad!.dispose();
    }
    expect(await random.step.item()).toBe(3);
    random.dispose();
  }
  expect(masks.slice(3)).toEqual(masks.slice(0, 3));
  expect(new Set(masks).size).toBe(3);
});

describe("layers without a random state", () => {
  const ones = () => tensor(new Float32Array(64).fill(1));
  const masks = async (seed: number, steps = 1): Promise<string[]> => {
    manualSeed(seed);
    const layers = new Sequential([new Dropout(0.5), new Dropout(0.5)]);
    const found: string[] = [];
    for (let step = 0; step < steps; step++) {
      using _scope = new Scope();
      for (const layer of [layers.at(0), layers.at(1)]) found.push((await layer.forward(ones()).data()).join());
    }
    expect(layers.randomStates()).toHaveLength(2);
    layers.dispose();
    return found;
  };

  test("draw different masks in each layer and step, which follow from the seed of manualSeed", async () => {
    const first = await masks(5, 3);
    expect(new Set(first).size).toBe(6);
    expect(await masks(5, 3)).toEqual(first);
    expect(await masks(6, 3)).not.toEqual(first);
  });

  test("draw other masks than layers with a state of the same seed", async () => {
    using _scope = new Scope();
    const random = new RandomState(5);
    const [own] = await masks(5);
    expect((await new Dropout(0.5, random).forward(ones()).data()).join()).not.toBe(own);
    random.dispose();
  });
});

describe("tapes that are never disposed", () => {
  const step = (model: Module) => {
    const tape = new Tape();
    const x = tensor(input(), [N, 1]);
    x.requiresGrad = true;
    const y = tape.keep(sum(model.forward(x)));
    tape.backward(y);
    return y;
  };

  test("end at backward: masks change in a plain loop and in replayed steps", async () => {
    const model = new Sequential([new Linear(1, 4), new Dropout(0.5), new Dropout(0.5)]);
    const sums: number[] = [];
    for (let i = 0; i < 4; i++) sums.push(await tidy(() => step(model)).item());
    using captured = captureStep(({ x }: Record<"x", ReturnType<typeof tensor>>) => {
      const tape = new Tape();
      const y = tape.keep(sum(model.forward(x)));
      tape.backward(y);
      return { y };
    });
    for (let i = 0; i < 4; i++) sums.push(await captured.run({ x: { data: input(), shape: [N, 1] } }).y.item());
    expect(new Set(sums).size).toBe(8);
    model.dispose();
  });
});
