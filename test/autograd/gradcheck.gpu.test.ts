// The gradient check for ops of users: accepts right gradients, and names the worst element of wrong ones.
import { describe, expect, test } from "vitest";
import { defineOp, gradcheck, outputLike, Tape } from "../../src/autograd/index.ts";
import { currentGpu, grid1d, kernel } from "../../src/gpu/index.ts";
import { Linear, Parameter } from "../../src/nn/index.ts";
import * as ops from "../../src/ops/index.ts";
import { metaTensor, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../support/random.ts";

const values = (shape: number[], seed = 1) =>
  tensor(
    randomArray(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    shape,
  );

const doubled = kernel(
  "doubled",
  `struct Params { n: u32, factor: f32 }
   @group(0) @binding(0) var<storage, read> x: array<f32>;
   @group(0) @binding(1) var<storage, read_write> y: array<f32>;
   @group(0) @binding(2) var<uniform> params: Params;
   @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
     if (id.x < params.n) { y[id.x] = params.factor * x[id.x]; }
   }`,
);
const times = (x: Tensor, y: Tensor, factor: number) =>
  doubled.run({ bind: { x, y }, params: { n: x.numel, factor }, grid: grid1d(x.numel) });

/** y = 2 x with a gradient of `slope`. */
const twice = (slope: number) =>
  defineOp({
    name: "twice",
    infer: ([x]: [x: Tensor]) => outputLike(x),
    forward(y, [x]) {
      times(x, y, 2);
      return [];
    },
    backward(dy, _saved, { out }) {
      const dx = out(0);
      times(dy, dx, slope);
      return [dx];
    },
  });

test("accepts an op with a right gradient, and reports the worst element of each input", async () => {
  using _scope = new Scope();
  const [x, w] = [values([3, 4]), values([2, 4], 2)];
  const report = await gradcheck((a, b) => ops.tanh(ops.linear(a!, b!, null)), [x, w]);
  expect(report.checked).toBe(20);
  expect(report.worst.map(({ input }) => input)).toEqual(["input 0", "input 1"]);
  for (const { error, limit } of report.worst) expect(error).toBeLessThan(limit / 3);
});

test("names the worst element of a wrong gradient", async () => {
  using _scope = new Scope();
  const check = gradcheck((x) => twice(2.5)(x!), [values([5])], { names: ["x"] });
  await expect(check).rejects.toThrow(
    /^gradcheck: x \[5\]: element \d: expected the gradient -?[\d.]+, got -?[\d.]+, off by [\d.]+, limit [\d.]+; 5 of 5 checked elements off$/,
  );
  await gradcheck((x) => twice(2)(x!), [values([5])]);
});

test("compares with a float64 reference", async () => {
  using _scope = new Scope();
  const reference = (x: Float64Array) => x.map(Math.tanh);
  const { worst } = await gradcheck((x) => ops.tanh(x!), [values([100])], { reference, tolerance: 1e-6, samples: 25 });
  expect(worst[0]!.error).toBeLessThan(1e-6);
  const wrong = (x: Float64Array) => x.map(Math.sin);
  await expect(gradcheck((x) => ops.tanh(x!), [values([100])], { reference: wrong })).rejects.toThrow("input 0 [100]");
});

test("checks functions with several outputs", async () => {
  using _scope = new Scope();
  const both = (x: Tensor) => ({ sum: ops.sum(x), rows: [ops.exp(x), ops.square(x)] });
  const { checked } = await gradcheck((x) => both(x!), [values([2, 3])]);
  expect(checked).toBe(6);
});

test("checks inputs with requiresGrad only, and restores values, gradients and flags", async () => {
  using _scope = new Scope();
  const [x, scale] = [values([4]), values([4], 2)];
  x.requiresGrad = true;
  {
    using tape = new Tape();
    tape.backward(ops.sum(ops.mul(x, scale)));
  }
  const before = x.grad;
  const { worst } = await gradcheck((a, b) => ops.mul(a!, b!), [x, scale]);
  expect(worst.map(({ input }) => input)).toEqual(["input 0"]);
  expect([x.grad === before, x.gradArrived, x.requiresGrad, scale.requiresGrad]).toEqual([true, true, true, false]);
  expect(await x.data()).toEqual(randomArray(4));
  expect(await x.grad!.data()).toEqual(randomArray(4, 2));
  x.grad!.dispose();
});

test("checks a parameter that the function reads by closure", async () => {
  using _scope = new Scope();
  const layer = new Linear(3, 2);
  const x = values([4, 3]);
  const { checked } = await gradcheck(() => layer.forward(x), layer.parameters());
  expect(checked).toBe(8);
  expect(layer.weight.grad).toBeNull();
  layer.dispose();
});

test("frees everything", async () => {
  const x = values([6]);
  const { live } = currentGpu().memory();
  await gradcheck((a) => ops.square(a!), [x]);
  expect(currentGpu().memory().live).toBe(live);
  x.dispose();
});

describe("refuses", () => {
  test.each<[string, () => Promise<unknown>, string | RegExp]>([
    [
      "no function",
      () => gradcheck(3 as never, [values([1])]),
      "gradcheck: expected a function of tensors, got number",
    ],
    ["no inputs", () => gradcheck((x) => x!, []), "gradcheck: inputs: expected an array of tensors"],
    ["an input that is no tensor", () => gradcheck((x) => x!, [1 as never]), "expected a tensor at [0], got number"],
    [
      "a shape without data",
      () => gradcheck((x) => x!, [metaTensor([2])]),
      "expected a tensor with data at [0] (input [2])",
    ],
    ["integers alone", () => gradcheck((x) => x!, [tensor(Int32Array.of(1))]), "inputs: expected at least one of f32"],
    ["a step of 0", () => gradcheck((x) => x!, [values([1])], { eps: 0 }), "eps: expected a number > 0, got 0"],
    ["a negative tolerance", () => gradcheck((x) => x!, [values([1])], { tolerance: -1 }), "tolerance: expected"],
    [
      "0 samples",
      () => gradcheck((x) => x!, [values([1])], { samples: 0 }),
      "samples: expected an integer >= 1, got 0",
    ],
    ["unknown options", () => gradcheck((x) => x!, [values([1])], { step: 1 } as never), "unknown option step"],
    ["a function without a result", () => gradcheck(() => null as never, [values([1])]), "return a tensor, got null"],
    [
      "a result of integers",
      () => gradcheck(() => tensor(Int32Array.of(1)), [values([1])]),
      "expected outputs of f32, got i32",
    ],
    [
      "a result without a gradient",
      () => gradcheck(() => tensor([1]), [values([1])]),
      "output 0: expected a result of ops with gradients on the inputs",
    ],
    [
      "an input without a gradient",
      () => gradcheck((x) => ops.square(x!), [values([2]), values([2])]),
      "input 1: expected a gradient, got none",
    ],
    [
      "a function that draws random numbers",
      () => {
        let calls = 0;
        return gradcheck((x) => ops.mul(x!, tensor([++calls])), [values([2])]);
      },
      "expected the function to return the same values each time",
    ],
  ])("%s", async (_, run, message) => {
    using _scope = new Scope();
    await expect((async () => run())()).rejects.toThrow(message);
  });

  test("a parameter that belongs to nothing in the function", async () => {
    const p = new Parameter([2], () => Float32Array.of(1, 2));
    using x = values([2]);
    await expect(gradcheck((a) => ops.square(a!), [x, p])).rejects.toThrow("gradcheck: ");
    p.dispose();
  });
});
