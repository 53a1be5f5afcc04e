// The ONNX rules of losses: graphs of two inputs, compared with the engine's kernels.
import { expect, test } from "vitest";
import { exportOnnx } from "../../src/export/index.ts";
import { Module, StateBuffer } from "../../src/nn/index.ts";
import { bceWithLogits, huberLoss, mseLoss } from "../../src/ops/index.ts";
import { Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../support/random.ts";
import { loadOnnx, relativeError } from "./onnx_runtime.ts";

class Loss extends Module {
  readonly fn: (x: Tensor, target: Tensor) => Tensor;
  constructor(fn: (x: Tensor, target: Tensor) => Tensor) {
    super();
    this.fn = fn;
  }
  forward(x: Tensor, target: Tensor): Tensor {
    return this.fn(x, target);
  }
}

class Weighted extends Module {
  readonly weight = new StateBuffer([5], () => Float32Array.of(1, 2, 3, 0.5, 4));
  forward(x: Tensor, target: Tensor): Tensor {
    return bceWithLogits(x, target, { posWeight: this.weight });
  }
}

const cases: Record<string, (x: Tensor, target: Tensor) => Tensor> = {
  "squared error": (x, t) => mseLoss(x, t),
  "sum of squared errors": (x, t) => mseLoss(x, t, { reduction: "sum" }),
  "squared error of each element": (x, t) => mseLoss(x, t, { reduction: "none" }),
  Huber: (x, t) => huberLoss(x, t, { delta: 0.7 }),
  "binary cross entropy": (x, t) => bceWithLogits(x, t),
  "binary cross entropy of each element": (x, t) => bceWithLogits(x, t, { reduction: "none" }),
};

const models: Record<string, Module<[x: Tensor, target: Tensor], Tensor>> = {
  ...Object.fromEntries(Object.entries(cases).map(([name, fn]) => [name, new Loss(fn)])),
  "binary cross entropy with weights": new Weighted(),
};

test.each(Object.keys(models))("%s", async (name) => {
  using _scope = new Scope();
  const model = models[name]!;
  const shape = [4, 5];
  const [x, target] = [randomArray(20, 1, 2), randomArray(20, 2).map((v) => Number(v > 0))];
  const runtime = await loadOnnx(
    exportOnnx(model, { input: { x: [5], target: [5] }, weights: await model.stateDict() }),
  );
  const { logits } = await runtime.run({ x: { data: x, shape }, target: { data: target, shape } });
  const y = model.forward(tensor(x, shape), tensor(target, shape));
  expect(logits!.shape).toEqual(y.shape);
  expect(relativeError(logits!.data, (await y.data()) as Float32Array)).toBeLessThan(1e-5);
  await runtime.release();
  model.dispose();
});
