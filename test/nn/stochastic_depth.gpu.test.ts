import { expect, test } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";
import { Dropout, Linear, Module, RandomState, Sequential, StochasticDepth } from "../../src/nn/index.ts";
import { SGD } from "../../src/optim/index.ts";
import { metaTensor, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { TrainStep } from "../../src/train/index.ts";

const ones = (n: number) => tensor(new Float32Array(4 * n).fill(1), [n, 4]);

test("zeroes whole samples in training; in evaluation, with p = 0 and on shapes it is the identity", async () => {
  using _scope = new Scope();
  const random = new RandomState(3);
  const layer = new StochasticDepth(0.5, random);
  const y = [...(await layer.forward(ones(64)).data())];
  const rows = Array.from({ length: 64 }, (_, i) => y.slice(4 * i, 4 * i + 4).join());
  expect(new Set(rows)).toEqual(new Set(["0,0,0,0", "2,2,2,2"]));
  const x = ones(3);
  expect(layer.eval().forward(x)).toBe(x);
  expect(new StochasticDepth(0, random).forward(x)).toBe(x);
  const shape = metaTensor([2, 3]);
  expect(layer.train().forward(shape)).toBe(shape);
  expect(() => new StochasticDepth(1.5, random)).toThrow("StochasticDepth: p: expected a number in [0, 1], got 1.5");
  random.dispose();
});

test("layers of one random state draw different masks, and setStep repeats a draw", async () => {
  using _scope = new Scope();
  const random = new RandomState(1);
  const [a, b] = [new StochasticDepth(0.5, random), new StochasticDepth(0.5, random)];
  const draw = async (layer: Module) => String(await layer.forward(ones(64)).data());
  const first = await draw(a);
  expect(await draw(b)).not.toBe(first);
  random.setStep(1);
  expect(await draw(a)).not.toBe(first);
  random.setStep(0);
  expect(await draw(a)).toBe(first);
  random.dispose();
});

test("a training step advances the model's random state, and the model frees its own one", async () => {
  const { live } = currentGpu().memory();
  const random = new RandomState(9, { owned: true });
  const model = new Sequential([
    new Linear(4, 3),
    new Dropout(0.5, random),
    new (class extends Module {
      readonly depth = new StochasticDepth(0.5, random);
      forward(x: Tensor): Tensor {
        return this.depth.forward(x);
      }
    })(),
  ]);
  expect(model.randomStates()).toEqual([random]);
  const optimizer = new SGD(model.parameters(), { lr: 0 });
  const step = new TrainStep({ model, optimizer, sample: [4] });
  const losses = new Set<number>();
  const batch = { x: new Float32Array(64).fill(1), y: new Int32Array(16), size: 16 };
  for (let k = 0; k < 4; k++) {
    step.run(batch, { step: k, lr: 0 });
    const { steps } = await step.read(k, k + 1);
    losses.add(steps[0]!.loss);
  }
  // The weights stand still: only the lots differ.
  expect(losses.size).toBe(4);
  step.dispose();
  optimizer.dispose();
  model.dispose();
  expect(currentGpu().memory().live).toBe(live);
});
