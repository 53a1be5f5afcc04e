// The fully connected layer: y = x Wᵀ + b.
import { defineOp, expectFloat, expectRank, sumAxesInto } from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import { numel, type Tensor } from "../tensor/index.ts";
import { gemm, type Matrix, transposed } from "./matmul/gemm.ts";

const dense = (tensor: Tensor, columns: number): Matrix => ({ tensor, row: columns, col: 1 });

/**
 * Linear map of the last axis: y = x Wᵀ + bias.
 *
 * Shapes    x [*, in], weight [out, in], bias [out] or null -> y [*, out].
 * Backward  dx = dy W, dW = dyᵀ x (both summed over all leading axes of x), dbias = sum of dy over them.
 * Errors    OpError when x has no axis, sizes differ, or a dtype is not f32.
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
    gemm({ a: dense(x, inputs), b: transposed(dense(weight, inputs)), y, m: rows, n: outputs, k: inputs, bias });
    return [x, weight];
  },
  backward(dy, [x, weight], { needs, out }) {
    const [outputs, inputs] = weight.shape as [number, number];
    const rows = numel(dy.shape) / outputs;
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
