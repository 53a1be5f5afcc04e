// ONNX export of modules with several inputs and outputs, and of ops with rules from outside.
import { fromBinary } from "@bufbuild/protobuf";
import { ModelProtoSchema, TensorProto_DataType } from "onnx-buf";
import { describe, expect, test } from "vitest";
import { defineOp, outputLike } from "../../src/autograd/index.ts";
import { exportOnnx, type OnnxRule } from "../../src/export/index.ts";
import { grid1d, kernel } from "../../src/gpu/index.ts";
import { Linear, Module, Sequential } from "../../src/nn/index.ts";
import { add, mul, neg, relu } from "../../src/ops/index.ts";
import { metaTensor, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../support/random.ts";
import { loadOnnx, relativeError } from "./onnx_runtime.ts";

const snakeKernel = kernel(
  "snake",
  `struct Params { n: u32, rate: f32 }
   @group(0) @binding(0) var<storage, read> x: array<f32>;
   @group(0) @binding(1) var<storage, read_write> y: array<f32>;
   @group(0) @binding(2) var<uniform> params: Params;
   @compute @workgroup_size(64) fn main(@builtin(global_invocation_id) id: vec3<u32>) {
     if (id.x < params.n) { let s = sin(params.rate * x[id.x]); y[id.x] = x[id.x] + s * s / params.rate; }
   }`,
);

/** x + sin²(rate · x) / rate. */
const snake = defineOp({
  name: "snake",
  infer: ([x]: [x: Tensor], _options: { rate?: number }) => outputLike(x),
  forward(y, [x], { rate = 1 }) {
    snakeKernel.run({ bind: { x, y }, params: { n: x.numel, rate }, grid: grid1d(x.numel) });
    return [];
  },
});

const snakeRule: OnnxRule = (op) => {
  const { rate = 1 } = op.options<{ rate?: number }>();
  const sine = op.add("Sin", [op.add("Mul", [op.x, op.scalar(rate)])]);
  const bump = op.add("Div", [op.add("Mul", [sine, sine]), op.scalar(rate)]);
  op.end("Add", [op.x, bump]);
};

class Snakes extends Module {
  readonly fc = new Linear(3, 5);
  forward(x: Tensor): Tensor {
    return snake(snake(this.fc.forward(x)), { rate: 2 });
  }
}

class Of extends Module {
  readonly fn: (...inputs: Tensor[]) => unknown;
  constructor(fn: (...inputs: Tensor[]) => unknown) {
    super();
    this.fn = fn;
  }
  forward(...inputs: Tensor[]): unknown {
    return this.fn(...inputs);
  }
}

const weights = new Map();

describe("a rule for an op of the user", () => {
  test("exports values as the op computes them", async () => {
    using _scope = new Scope();
    const model = new Snakes();
    const x = randomArray(6);
    const runtime = await loadOnnx(
      exportOnnx(model, { input: [3], weights: await model.stateDict(), rules: { snake: snakeRule } }),
    );
    const { logits } = await runtime.run({ input: { data: x, shape: [2, 3] } });
    const y = await model.forward(tensor(x, [2, 3])).data();
    expect(relativeError(logits!.data, y as Float32Array)).toBeLessThan(1e-5);
    await runtime.release();
    model.dispose();
  });

  test("is what the error for an op without a rule names", () => {
    const model = new Sequential([new Of((x) => snake(x!))]);
    expect(() => exportOnnx(model, { input: [3], weights })).toThrow(
      "exportOnnx: snake in 0 has no ONNX rule; write one: exportOnnx(model, { rules: { snake: (op) => ... } })",
    );
  });

  test("replaces the built-in rule of the same name", async () => {
    const model = new Of((x) => relu(x!));
    const rules = { relu: ((op) => op.end("Neg", op.inputs)) satisfies OnnxRule };
    const runtime = await loadOnnx(exportOnnx(model, { input: [2], weights, rules }));
    const { logits } = await runtime.run({ input: { data: Float32Array.of(1, -2), shape: [1, 2] } });
    expect([...logits!.data]).toEqual([-1, 2]);
    await runtime.release();
  });

  test("reads shapes, and may write integers, arrays and reshapes", async () => {
    const model = new Of((x) => relu(x!));
    const rule: OnnxRule = (op) => {
      expect([op.name, op.module, op.inputShape(), op.fixed(op.outputShape, 1)]).toEqual([
        "relu",
        "",
        [{ batches: 1 }, 2, 2],
        2,
      ]);
      const ones = op.numbers("ones", Float32Array.of(1, 2), [2]);
      const sum = op.add("ReduceSum", [op.add("Add", [op.x, ones]), op.integers([2])], { keepdims: { int: 1 } });
      op.reshape(op.add("Concat", [sum, sum], { axis: { int: 2 } }), op.outputShape, op.output);
    };
    const runtime = await loadOnnx(exportOnnx(model, { input: [2, 2], weights, rules: { relu: rule } }));
    const { logits } = await runtime.run({ input: { data: Float32Array.of(1, 2, 3, 4), shape: [1, 2, 2] } });
    expect([...logits!.data]).toEqual([6, 6, 10, 10]);
    await runtime.release();
  });

  test.each<[string, unknown, string]>([
    ["is no function", "Relu", "rules: relu: expected a function that writes the op's nodes, got string"],
    ["does not end", () => {}, "relu in the model itself: expected the rule to call end, which adds the last node"],
    [
      "ends twice",
      ((op) => {
        op.end("Relu", op.inputs);
        op.end("Relu", op.inputs);
      }) satisfies OnnxRule,
      "relu in the model itself: expected one call of end, got two",
    ],
    [
      "reads an unknown value",
      ((op) => op.end("Add", [op.x, "b"])) satisfies OnnxRule,
      'relu in the model itself: Add: expected names of values in the graph, got "b"',
    ],
    [
      "reads its own output",
      ((op) => op.end("Relu", [op.output])) satisfies OnnxRule,
      "Relu: expected names of values",
    ],
    [
      "has a bare attribute",
      ((op) => op.end("Elu", [op.x], { alpha: 1 as never })) satisfies OnnxRule,
      "Elu: attribute alpha: expected { int }, { float }, { ints } or { text }, got 1",
    ],
    ["names no operator", ((op) => op.end("", [op.x])) satisfies OnnxRule, 'the name of an ONNX operator, got ""'],
    [
      "reads a missing input",
      ((op) => void op.inputShape(1)) satisfies OnnxRule,
      "input 1: expected a tensor, got none",
    ],
  ])("is refused if it %s", (_, rule, message) => {
    const model = new Of((x) => relu(x!));
    expect(() => exportOnnx(model, { input: [2], weights, rules: { relu: rule as OnnxRule } })).toThrow(message);
  });

  test("must be in an object", () => {
    expect(() => exportOnnx(new Of((x) => x), { input: [2], weights, rules: [] as never })).toThrow(
      "rules: expected an object of functions by op name",
    );
  });
});

describe("several inputs and outputs", () => {
  const pair = new Of((a, b) => [add(a!, b!), mul(a!, b!)]);
  const feeds = (...names: string[]) =>
    Object.fromEntries(names.map((name, i) => [name, { data: Float32Array.of(2 + i, 3), shape: [1, 2] }]));

  test("are numbered in arrays", async () => {
    const runtime = await loadOnnx(exportOnnx(pair, { input: [[2], [2]], weights }));
    expect([runtime.inputs, runtime.outputs]).toEqual([
      ["input0", "input1"],
      ["output0", "output1"],
    ]);
    const { output0, output1 } = await runtime.run(feeds("input0", "input1"));
    expect([[...output0!.data], [...output1!.data]]).toEqual([
      [5, 6],
      [6, 9],
    ]);
    await runtime.release();
  });

  test("are named in objects; one tensor may be two outputs, or an input too", async () => {
    const model = new Of((a, b) => {
      const total = add(a!, b!);
      return { total, again: total, negative: neg(total), same: b };
    });
    const runtime = await loadOnnx(exportOnnx(model, { input: { image: [2], mask: [2] }, weights }));
    expect([runtime.inputs, runtime.outputs]).toEqual([
      ["image", "mask"],
      ["total", "again", "negative", "same"],
    ]);
    const out = await runtime.run(feeds("image", "mask"));
    expect(Object.values(out).map(({ data }) => [...data])).toEqual([
      [5, 6],
      [5, 6],
      [-5, -6],
      [3, 3],
    ]);
    await runtime.release();
  });

  test("may be one argument that is an object, and integers", () => {
    const model = new Of((batch) => relu((batch as unknown as { x: Tensor }).x));
    const input = [{ x: [2], labels: metaTensor([], "i32") }];
    const { graph } = fromBinary(ModelProtoSchema, exportOnnx(model, { input, weights, batch: 3 }));
    const types = graph!.input.map(({ name, type }) => [
      name,
      type?.value.case === "tensorType" ? type.value.value.elemType : 0,
    ]);
    expect(types).toEqual([
      ["x", TensorProto_DataType.FLOAT],
      ["labels", TensorProto_DataType.INT32],
    ]);
  });

  test("refuses a name for two values, and a result without tensors", () => {
    const model = new Of((x) => ({ x: relu(x!) }));
    expect(() => exportOnnx(model, { input: { x: [2] }, weights })).toThrow(
      "exportOnnx: output x: expected a name that no other input, output or parameter has",
    );
    expect(() => exportOnnx(new Of(() => 3), { input: [2], weights })).toThrow(
      "exportOnnx: expected forward to return a tensor, got number",
    );
  });
});
