import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import {
  BatchNorm2d,
  Conv2d,
  Flatten,
  foldTime,
  LIFNode,
  Linear,
  type Module,
  manualSeed,
  ParametricLIFNode,
  SeqToANNContainer,
  unfoldTime,
} from "../../src/nn/index.ts";
import { metaTensor, readAll, Scope, tensor } from "../../src/tensor/index.ts";
import { expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";

const keys = (m: Module) => [...m.namedState()].map(([name]) => name);

test("folding and unfolding share memory, and are inverse", async () => {
  using _scope = new Scope();
  const x = tensor(randomArray(24, 1), [2, 3, 4]);
  const folded = foldTime(x);
  expect(folded.shape).toEqual([6, 4]);
  expect(folded.view.buffer).toBe(x.view.buffer);
  const back = unfoldTime(folded, 2);
  expect(back.shape).toEqual([2, 3, 4]);
  expect(await back.data()).toEqual(await x.data());
  expect(foldTime(metaTensor([3, 5])).shape).toEqual([15]);
  expect(unfoldTime(metaTensor([6, 1, 2]), 6).shape).toEqual([6, 1, 1, 2]);
});

test("errors", () => {
  expect(() => foldTime(metaTensor([3]))).toThrow("foldTime: expected x [T, N, ...]");
  for (const steps of [4, 0, 1.5, -2]) {
    expect(() => unfoldTime(metaTensor([6, 2]), steps)).toThrow(
      `unfoldTime: timeSteps: expected a divisor of the first axis, got ${steps}`,
    );
  }
  expect(() => new SeqToANNContainer()).toThrow("SeqToANNContainer: expected at least one module, got none");
});

test("names of one module and of several are SpikingJelly's", () => {
  expect(keys(new SeqToANNContainer(new Linear(3, 2)))).toEqual(["module.weight", "module.bias"]);
  const two = new SeqToANNContainer(new Conv2d(1, 2, 3, { bias: false }), new BatchNorm2d(2));
  expect(keys(two)).toEqual([
    "module.0.weight",
    "module.1.weight",
    "module.1.bias",
    "module.1.running_mean",
    "module.1.running_var",
  ]);
});

test("applies the same layer to every step", async () => {
  using _scope = new Scope();
  manualSeed(1);
  const fc = new Linear(12, 5);
  const container = new SeqToANNContainer(new Flatten(), fc);
  const data = randomArray(3 * 2 * 12, 1);
  const y = container.forward(tensor(data, [3, 2, 3, 4]));
  expect(y.shape).toEqual([3, 2, 5]);
  const apart = [0, 1, 2].map((t) => fc.forward(tensor(data.slice(t * 24, (t + 1) * 24), [2, 12])));
  expectClose(
    await y.data(),
    (await readAll(...apart)).flatMap((a) => [...a]),
    { rtol: 1e-6, atol: 1e-6 },
  );
  expect(container.forward(metaTensor([7, 1, 3, 4])).shape).toEqual([7, 1, 5]);
  container.dispose();
});

test.each(["conv and norm", "norm alone", "no norm"])("forwardInto, %s: equals the separate layers", async (what) => {
  const modules = {
    "conv and norm": () => [new Conv2d(2, 4, 3, { padding: 1, bias: false }), new BatchNorm2d(4)],
    "norm alone": () => [new BatchNorm2d(2)],
    "no norm": () => [new Conv2d(2, 4, 3, { padding: 1 })],
  }[what] as () => Module[];
  const results: Map<string, Float32Array>[] = [];
  for (const fused of [true, false]) {
    using _scope = new Scope();
    manualSeed(2);
    const [container, node] = [new SeqToANNContainer(...modules()), new ParametricLIFNode({ surrogate: "atan" })];
    const x = tensor(
      randomArray(3 * 2 * 2 * 16, 1).map((v) => 2 * v + 1),
      [3, 2, 2, 4, 4],
    );
    x.requiresGrad = true;
    const parameters = [...container.parameters(), node.w];
    {
      using tape = new Tape();
      const y = tape.keep(fused ? container.forwardInto(node, x) : node.forward(container.forward(x)));
      tape.backward(y, tensor(randomArray(y.numel, 3), y.shape));
      const read = await readAll(y, x.grad!, ...parameters.map((p) => p.grad!));
      const state = [...(await container.stateDict())].map(([k, v]) => [k, v.data as Float32Array] as const);
      results.push(new Map([...read.map((a, i) => [`${i}`, a as Float32Array] as const), ...state]));
      expect(new Set(read[0])).toEqual(new Set([0, 1]));
    }
    for (const t of [x, ...parameters]) t.grad?.dispose();
    container.dispose();
    node.dispose();
  }
  const [got, want] = results as [Map<string, Float32Array>, Map<string, Float32Array>];
  expect(got.get("0")).toEqual(want.get("0"));
  for (const [name, a] of want) expectClose(got.get(name)!, a, { rtol: 1e-5, atol: 1e-6 }, name);
});

test("forwardInto on shapes alone", () => {
  const container = new SeqToANNContainer(new Conv2d(2, 4, 3, { stride: 2, padding: 1 }), new BatchNorm2d(4));
  expect(container.forwardInto(new LIFNode(), metaTensor([3, 2, 2, 8, 8])).shape).toEqual([3, 2, 4, 4, 4]);
});
