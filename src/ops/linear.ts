// The fully connected layer: y = x Wᵀ + b.
import { defineOp, expectFloat, expectRank, sumAxesInto } from "../autograd/index.ts";
import { currentGpu, MemoryError, OpError } from "../gpu/index.ts";
import { empty, numel, type Tensor } from "../tensor/index.ts";
import { gemm, type Matrix, transposed } from "./matmul/gemm.ts";

const dense = (tensor: Tensor, columns: number): Matrix => ({ tensor, row: columns, col: 1 });

const bindable = () => currentGpu().adapter.limits.maxStorageBufferBindingSize;

/**
 * y = x Wᵀ + b for a weight that no kernel can bind whole (AlexNet's and VGG's first one where 128 MiB is the limit): groups
 * of its rows one after another, each giving some columns of y.
 */
function forwardInParts(y: Tensor, x: Tensor, weight: Tensor, bias: Tensor | null): void {
  const [outputs, inputs] = weight.shape as [number, number];
  // In 64s, so that the parts of weight and bias begin where a binding may.
  const most = Math.floor(bindable() / (256 * inputs)) * 64;
  if (most === 0) throw new MemoryError(`linear: 64 rows of ${weight.describe()} are more than this adapter binds`);
  const m = x.numel / inputs;
  for (let first = 0; first < outputs; first += most) {
    const n = Math.min(most, outputs - first);
    const part = empty([m, n]);
    const rows = dense(weight.alias([n, inputs], true, first * inputs), inputs);
    gemm({
      a: dense(x, inputs),
      b: transposed(rows),
      y: part,
      m,
      n,
      k: inputs,
      bias: bias?.alias([n], true, first) ?? null,
    });
    const [from, to] = [part.view, y.view];
    for (let row = 0; row < m; row++) {
      currentGpu().stream.enqueue({
        kind: "copy",
        source: from.buffer,
        sourceOffset: from.offset + 4 * row * n,
        target: to.buffer,
        targetOffset: to.offset + 4 * (row * outputs + first),
        bytes: 4 * n,
      });
    }
  }
}

/**
 * Linear map of the last axis: y = x Wᵀ + bias.
 *
 * Shapes    x [*, in], weight [out, in], bias [out] or null -> y [*, out].
 * Backward  dx = dy W, dW = dyᵀ x (both summed over all leading axes of x), dbias = sum of dy over them.
 * Errors    OpError when x has no axis, sizes differ, or a dtype is not f32. MemoryError in backward when the adapter cannot
 *           bind the weight whole; forward then takes it in parts.
 */
export const linear = defineOp({
  name: "linear",
  infer([x, weight, bias]: [x: Tensor, weight: Tensor, bias: Tensor | null]) {
    expectFloat("linear", { x, weight, bias });
    expectRank("linear", "weight", weight, 2);
    const [outputs, inputs] = weight.shape as [number, number];
    if (x.shape.at(-1) !== inputs)
      throw new OpError("linear", `weight wants ${inputs} inputs, x has ${x.shape.at(-1) ?? "no axis"}`, { x, weight });
    if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outputs))
      throw new OpError("linear", `bias wants [${outputs}]`, { weight, bias });
    return { shape: [...x.shape.slice(0, -1), outputs], dtype: "f32" };
  },
  forward(y, [x, weight, bias]) {
    const [outputs, inputs] = weight.shape as [number, number];
    const rows = x.numel / inputs;
    if (weight.bytes > bindable()) forwardInParts(y, x, weight, bias);
    else gemm({ a: dense(x, inputs), b: transposed(dense(weight, inputs)), y, m: rows, n: outputs, k: inputs, bias });
    return [x, weight];
  },
  backward(dy, [x, weight], { needs, out }) {
    const [outputs, inputs] = weight.shape as [number, number];
    const rows = numel(dy.shape) / outputs;
    if (weight.bytes > bindable())
      throw new MemoryError(`linear: ${weight.describe()} is more than this adapter binds: no gradient`);
    const up = dense(dy, outputs);
    const dx = needs[0] ? out(0) : null;
    if (dx) gemm({ a: up, b: dense(weight, inputs), y: dx, m: rows, n: inputs, k: outputs });
    const dw = needs[1] ? out(1) : null;
    if (dw) gemm({ a: transposed(up), b: dense(x, inputs), y: dw, m: outputs, n: inputs, k: rows });
    const db = needs[2] ? out(2) : null;
    if (db) {
      const leading = dy.shape.map((_, axis) => axis).slice(0, -1);
      sumAxesInto("linear", db, dy, leading);
    }
    return [dx, dw, db];
  },
});
