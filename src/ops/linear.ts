// The fully connected layer: y = x Wᵀ + b. A weight that exceeds one binding (AlexNet's and VGG's first one, if the
// limit is 128 MiB) is used in parts: groups of its rows, which are columns of y.
import {
  accumulate,
  convertInto,
  defineOp,
  expectActivations,
  expectFloat,
  expectRank,
  sumAxesInto,
} from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import { bindableParts, copyBytes, empty, numel, type Part, partOf, stretch, type Tensor } from "../tensor/index.ts";
import { gemm } from "./matmul/gemm.ts";
import { type Matrix, transposed } from "./matmul/matrix.ts";

const dense = (tensor: Matrix["tensor"], columns: number): Matrix => ({ tensor, row: columns, col: 1 });

/** Return the parts of a weight. The columns of `y` that belong to each can be bound too. */
const partsOf = (weight: Tensor, y: Tensor): Part[] => {
  const [outputs, inputs] = weight.shape as [number, number];
  return bindableParts(outputs, 4 * inputs, weight.describe(), y.dtype === "f16" ? 2 : 4);
};

/** Return the columns of a dense [m, part.of] matrix that belong to a part, without a copy. */
const columnsOf = (t: Tensor, m: number, { first, rows, of }: Part): Matrix =>
  dense({ view: stretch(t, first, (m - 1) * of + rows).view, dtype: t.dtype }, of);

/** Write a dense [m, part.rows] matrix into the columns of `target`, [m, part.of], that belong to a part. */
function putColumns(target: Tensor, source: Tensor, m: number, { first, rows, of }: Part): void {
  for (let row = 0; row < m; row++) {
    copyBytes(stretch(target, row * of + first, rows), stretch(source, row * rows, rows));
  }
}

/** Compute dx, the sum of the products of dy's and the weight's parts. Sums of several parts are f32 before they are rounded. */
function gradInput(dx: Tensor, dy: Tensor, weight: Tensor, parts: readonly Part[]): void {
  const [outputs, inputs] = weight.shape as [number, number];
  const rows = dy.numel / outputs;
  const sum = parts.length > 1 && dx.dtype !== "f32" ? empty(dx.shape) : dx;
  for (const part of parts) {
    const more = part.first > 0 ? empty(dx.shape) : null;
    const [a, b] = [columnsOf(dy, rows, part), dense(partOf(weight, part), inputs)];
    gemm({ a, b, y: more ?? sum, m: rows, n: inputs, k: part.rows });
    if (!more) continue;
    accumulate(sum, more);
    more.dispose();
  }
  if (sum === dx) return;
  convertInto(dx, sum);
  sum.dispose();
}

/**
 * Compute the linear map y = x Wᵀ + bias of the last axis.
 *
 * Shapes    x [*, in], weight [out, in], bias [out] or null -> y [*, out].
 * Dtypes    x f32 or f16, weight and bias f32: y and dx have the dtype of x, dW and dbias are f32. Sums are f32.
 * Backward  dx = dy W, dW = dyᵀ x (both summed over all leading axes of x), dbias = sum of dy over them.
 * Parts     if the weight exceeds a binding, dx is a sum over its parts, in order: each sum of `out` terms is cut there, so
 *           its last bits may differ from those of an adapter that binds it whole. y, dW and dbias are not cut.
 * Errors    OpError if x has no axis, or if sizes or dtypes do not fit. MemoryError if 64 rows of the weight are more
 *           than the adapter binds at once.
 * @example
 * const y = linear(tensor([[1, 2]]), tensor([[1, 1], [0, 3]]), tensor([0, 10]));
 * console.log(await y.data()); // 3, 16
 */
export const linear = defineOp({
  name: "linear",
  options: [],
  infer([x, weight, bias]: [x: Tensor, weight: Tensor, bias: Tensor | null]) {
    expectActivations("linear", { x });
    expectFloat("linear", { weight, bias });
    expectRank("linear", "weight", weight, 2);
    const [outputs, inputs] = weight.shape as [number, number];
    const last = x.shape.at(-1);
    if (last === undefined) throw new OpError("linear", "x: expected at least one axis", { x });
    if (last !== inputs)
      throw new OpError("linear", `weight: expected ${last} inputs as in x, got ${inputs}`, { x, weight });
    if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outputs))
      throw new OpError("linear", `bias: expected [${outputs}]`, { weight, bias });
    return { shape: [...x.shape.slice(0, -1), outputs], dtype: x.dtype };
  },
  forward(y, [x, weight, bias]) {
    const [outputs, inputs] = weight.shape as [number, number];
    const m = x.numel / inputs;
    const parts = partsOf(weight, y);
    // Copies into columns move whole words: those of f16 are collected in f32.
    const whole = parts.length > 1 && y.dtype !== "f32" ? empty(y.shape) : y;
    for (const part of parts) {
      const n = part.rows;
      const some = n < outputs ? empty([m, n]) : null;
      const b = transposed(dense(partOf(weight, part), inputs));
      gemm({ a: dense(x, inputs), b, y: some ?? whole, m, n, k: inputs, bias: bias && partOf(bias, part) });
      if (!some) continue;
      putColumns(whole, some, m, part);
      some.dispose();
    }
    if (whole !== y) {
      convertInto(y, whole);
      whole.dispose();
    }
    return [x, weight];
  },
  backward(dy, [x, weight], { needs, out }) {
    const [outputs, inputs] = weight.shape as [number, number];
    const rows = numel(dy.shape) / outputs;
    const parts = partsOf(weight, dy);
    const dx = needs[0] ? out(0) : null;
    if (dx) gradInput(dx, dy, weight, parts);
    const dw = needs[1] ? out(1) : null;
    if (dw) {
      for (const part of parts) {
        const a = transposed(columnsOf(dy, rows, part));
        gemm({ a, b: dense(x, inputs), y: partOf(dw, part), m: part.rows, n: inputs, k: rows });
      }
    }
    const db = needs[2] ? out(2) : null;
    if (db) {
      const leading = dy.shape.map((_, axis) => axis).slice(0, -1);
      sumAxesInto("linear", db, dy, leading);
    }
    return [dx, dw, db];
  },
});
