// Exports ops that take integers, and compares them with the engine's kernels.
import { expect, test } from "vitest";
import { exportOnnx } from "../../src/export/index.ts";
import { Embedding, Module } from "../../src/nn/index.ts";
import { constantInit } from "../../src/nn/init.ts";
import { Parameter } from "../../src/nn/parameter.ts";
import { add, gather, mean, mul, sub } from "../../src/ops/index.ts";
import { metaTensor, Scope, type Shape, type Tensor, tensor } from "../../src/tensor/index.ts";
import { randomArray, randomInts } from "../support/random.ts";
import { loadOnnx } from "./onnx_runtime.ts";

/** Picks from its own table. */
class Picker extends Module {
  readonly table: Parameter;
  private readonly dim: number;

  constructor(shape: Shape, dim: number) {
    super();
    this.table = new Parameter(shape, constantInit(0));
    this.dim = dim;
  }

  forward(index: Tensor): Tensor {
    return gather(this.table, this.dim, index);
  }
}

test.each<[name: string, make: () => Module, rows: number, sample: Shape]>([
  ["an embedding", () => new Embedding(11, 6, { paddingIdx: 3 }), 11, [4]],
  ["an embedding of single indices", () => new Embedding(5, 3), 5, []],
  ["gather along the first axis", () => new Picker([7, 5], 0), 7, [5]],
  ["gather from a part of the other axes", () => new Picker([7, 5, 4], 0), 7, [3, 4]],
])("%s", async (_name, make, rows, sample) => {
  using _scope = new Scope();
  const model = make();
  const [[key, weight]] = [...model.namedParameters()] as [[string, Parameter]];
  model.loadStateDict(new Map([[key, { data: randomArray(weight.numel, 1), shape: weight.shape }]]));
  const bytes = exportOnnx(model, { input: metaTensor(sample, "i32"), weights: await model.stateDict() });
  const runtime = await loadOnnx(bytes);
  for (const batch of [1, 3]) {
    const shape = [batch, ...sample];
    const data = randomInts(
      shape.reduce((a, b) => a * b, 1),
      rows,
      batch,
    );
    const y = model.forward(tensor(data, shape));
    const { logits } = await runtime.run({ input: { data, shape } });
    expect(logits!.shape).toEqual(y.shape);
    expect(logits!.data).toEqual(await y.data());
  }
  await runtime.release();
  model.dispose();
});

/** Centres its weights in every pass. */
class Centred extends Module {
  readonly weight = new Parameter([3, 4], constantInit(0));

  forward(x: Tensor): Tensor {
    const centred = sub(this.weight, mean(this.weight, { axes: [1], keepdims: true }));
    return add(mul(x, mul(2, centred)), 1);
  }
}

test("ops of parameters and numbers alone are part of the graph", async () => {
  using _scope = new Scope();
  const model = new Centred();
  model.loadStateDict(new Map([["weight", { data: randomArray(12, 2), shape: [3, 4] }]]));
  const runtime = await loadOnnx(exportOnnx(model, { input: [3, 4], weights: await model.stateDict() }));
  const data = randomArray(24, 3);
  const { logits } = await runtime.run({ input: { data, shape: [2, 3, 4] } });
  const y = await model.forward(tensor(data, [2, 3, 4])).data();
  logits!.data.forEach((v, i) => {
    expect(Math.abs(v - y[i]!)).toBeLessThan(1e-6);
  });
  await runtime.release();
  model.dispose();
});
