import { expect, test } from "vitest";
import { noGrad, Tape } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { LeNetBN } from "../../src/models/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  Dropout,
  Identity,
  manualSeed,
  RandomState,
  ReLU,
  Sequential,
} from "../../src/nn/index.ts";
import { captureStep, type HostArray, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";

const small = () => new LeNetBN({ size: 8, classes: 3 });
const image = () => tensor(randomArray(2 * 64, 4), [2, 1, 8, 8]);

test("parameters take memory at first use, with the values of their initializer", async () => {
  const { live } = currentGpu().memory();
  manualSeed(3);
  const model = small();
  expect(currentGpu().memory().live).toBe(live);
  const state = await model.stateDict();
  for (const [name, t] of model.namedState()) expect(state.get(name)?.data).toEqual(t.initialValues());
  expect(currentGpu().memory().live).toBeGreaterThan(live);
  model.dispose();
  expect(currentGpu().memory().live).toBe(live);
});

test("values set before the first use replace the initializer; refuses too few values", async () => {
  const asked: string[] = [];
  const watched = (shape: readonly number[]) => {
    asked.push(String(shape));
    return new Float32Array(shape.reduce((a, b) => a * b, 1));
  };
  const conv = new Conv2d(1, 2, 1, { init: watched, biasInit: watched });
  conv.weight.set(Float32Array.of(3, 4));
  expect([...(await conv.weight.data())]).toEqual([3, 4]);
  conv.weight.set(Float32Array.of(5, 6));
  expect([...(await conv.weight.data())]).toEqual([5, 6]);
  expect(asked).toEqual([]);
  expect(() => conv.bias?.set(Float32Array.of(1))).toThrow("set: expected 2 values, got 1");
  conv.dispose();
});

test("a state dict round-trips: another model gives the same outputs", async () => {
  using _scope = new Scope();
  manualSeed(1);
  const a = small();
  manualSeed(2);
  const b = small();
  const x = image();
  noGrad(() => a.forward(x)); // moves the running statistics
  const state = await a.stateDict();
  b.loadStateDict(state);
  expect(await b.stateDict()).toEqual(state);
  const [ya, yb] = await readAll(a.eval().forward(x), b.eval().forward(x));
  expect(ya).toEqual(yb);
  a.dispose();
  b.dispose();
});

test("PyTorch's bookkeeping keys are skipped", async () => {
  const model = new BatchNorm2d(2);
  const state = await model.stateDict();
  state.set("num_batches_tracked", { data: Int32Array.of(7), shape: [] });
  model.loadStateDict(state);
  model.dispose();
});

test("refuses a state dict that does not fit, with every reason, before writing", async () => {
  const model = new Sequential([new Conv2d(1, 2, 3), new BatchNorm2d(2)]);
  const before = await model.stateDict();
  const state = new Map<string, HostArray>(before);
  state.set("0.weight", { data: new Float32Array(4), shape: [2, 2] });
  state.delete("1.running_mean");
  state.set("1.bias", { data: new Int32Array(2), shape: [2] });
  state.set("fc.weight", { data: new Float32Array(1), shape: [1] });
  expect(() => model.loadStateDict(state)).toThrow(
    "loadStateDict: 0.weight: expected [2,1,3,3], got [2,2]; 1.bias: expected float32 values; 1.running_mean is missing; fc.weight is unknown",
  );
  expect(await model.stateDict()).toEqual(before);
  model.dispose();
});

test("batch norm and ReLU fused in a Sequential equal the separate layers, forward and backward", async () => {
  using _scope = new Scope();
  manualSeed(5);
  const layers = [new Conv2d(1, 3, 3), new BatchNorm2d(3), new ReLU()];
  const x = image();
  const run = async (fuse: boolean) => {
    const model = new Sequential(layers, { fuse });
    using tape = new Tape();
    const y = tape.keep(model.forward(x));
    tape.backward(y, tensor(randomArray(y.numel, 8), y.shape));
    const values = await readAll(y, ...model.parameters().map((p) => p.grad!));
    for (const p of model.parameters()) {
      p.grad?.dispose();
      p.grad = null;
      p.gradArrived = false;
    }
    return values;
  };
  const [fused, apart] = [await run(true), await run(false)];
  // Sums over 2 x 36 normalised values in f32, in two orders.
  fused.forEach((v, i) => {
    expectClose(v, apart[i] as Float32Array, { rtol: 1e-5, atol: 1e-5 });
  });
  for (const m of layers) m.dispose();
});

test("Identity returns the tensor itself", () => {
  using _scope = new Scope();
  const x = image();
  expect(new Identity().forward(x)).toBe(x);
});

const ones = (n: number) => tensor(new Float32Array(n).fill(1));
const zeros = (v: ArrayLike<number>) => Array.from(v).filter((e) => e === 0).length;

test("dropout: the step decides the mask; layers and seeds differ; evaluation changes nothing", async () => {
  using _scope = new Scope();
  const random = new RandomState(9);
  const [a, b] = [new Dropout(0.5, random), new Dropout(0.5, random)];
  const other = new RandomState(10);
  const c = new Dropout(0.5, other);
  const x = ones(2000);
  random.setStep(3);
  const first = await readAll(a.forward(x), a.forward(x), b.forward(x), c.forward(x));
  expect(first[0]).toEqual(first[1]);
  expect(first[0]).not.toEqual(first[2]);
  expect(first[0]).not.toEqual(first[3]);
  // 2000 draws: five standard deviations are 112.
  for (const v of first) expect(Math.abs(zeros(v) - 1000)).toBeLessThan(112);
  expect(new Set(first[0])).toEqual(new Set([0, 2]));
  random.setStep(4);
  expect(await a.forward(x).data()).not.toEqual(first[0]);
  random.setStep(3);
  expect(await a.forward(x).data()).toEqual(first[0]);
  expect(a.eval().forward(x)).toBe(x);
  random.dispose();
  other.dispose();
});

test("dropout: a step set before the first layer exists counts", async () => {
  using _scope = new Scope();
  const draw = async (early: boolean) => {
    const random = new RandomState(9);
    if (early) random.setStep(5);
    const layer = new Dropout(0.5, random);
    if (!early) random.setStep(5);
    const y = await layer.forward(ones(500)).data();
    random.dispose();
    return y;
  };
  expect(await draw(true)).toEqual(await draw(false));
});

test("dropout: a replayed step draws the masks of its steps", async () => {
  const { live } = currentGpu().memory();
  const random = new RandomState(2);
  const layer = new Dropout(0.3, random);
  const masks = async (replay: boolean) => {
    using step = captureStep(({ x }: { x: Tensor }) => ({ y: layer.forward(x) }), { replay });
    const out: unknown[] = [];
    for (let i = 0; i < 4; i++) {
      random.setStep(i);
      step.run({ x: { data: new Float32Array(100).fill(1), shape: [100] } });
      out.push(await step.outputs.y.data());
    }
    return out;
  };
  const replayed = await masks(true);
  expect(replayed).toEqual(await masks(false));
  expect(new Set(replayed.map(String)).size).toBe(4);
  random.dispose();
  expect(currentGpu().memory().live).toBe(live);
});
