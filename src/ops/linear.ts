// The fully connected layer: y = x Wᵀ + b. A weight that exceeds one binding (AlexNet's and VGG's first one, if the
// limit is 128 MiB) is used in parts: groups of its rows, which are columns of y.
import { accumulate, defineOp, expectFloat, expectRank, sumAxesInto } from "../autograd/index.ts";
import { type Bindable, OpError } from "../gpu/index.ts";
import { bindableParts, copyBytes, empty, numel, type Part, partOf, stretch, type Tensor } from "../tensor/index.ts";
import { gemm } from "./matmul/gemm.ts";
import { type Matrix, transposed } from "./matmul/matrix.ts";

const dense = (tensor: Bindable, columns: number): Matrix => ({ tensor, row: columns, col: 1 });

const partsOf = (weight: Tensor): Part[] => {
  const [outputs, inputs] = weight.shape as [number, number];
  return bindableParts(outputs, 4 * inputs, weight.describe());
};

/** Return the columns of a dense [m, part.of] matrix that belong to a part, without a copy. */
const columnsOf = (t: Tensor, m: number, { first, rows, of }: Part): Matrix =>
  dense(stretch(t, first, (m - 1) * of + rows), of);

/** Write a dense [m, part.rows] matrix into the columns of `target`, [m, part.of], that belong to a part. */
function putColumns(target: Tensor, source: Tensor, m: number, { first, rows, of }: Part): void {
  for (let row = 0; row < m; row++) {
    copyBytes(stretch(target, row * of + first, rows), stretch(source, row * rows, rows));
  }
}

/**
 * Compute the linear map y = x Wᵀ + bias of the last axis.
 *
 * Shapes    x [*, in], weight [out, in], bias [out] or null -> y [*, out].
 * Backward  dx = dy W, dW = dyᵀ x (both summed over all leading axes of x), dbias = sum of dy over them.
 * Parts     if the weight exceeds a binding, dx is a sum over its parts, in order: each sum of `out` terms is cut there, so
 *           its last bits may differ from those of an adapter that binds it whole. y, dW and dbias are not cut.
 * Errors    OpError if x has no axis, sizes differ, or a dtype is not f32. MemoryError if 64 rows of the weight are more
 *           than the adapter binds at once.
 * @example
 * const y = linear(tensor([[1, 2]]), tensor([[1, 1], [0, 3]]), tensor([0, 10]));
 * console.log(await y.data()); // 3, 16
 */
export const linear = defineOp({
  name: "linear",
  options: [],
  infer([x, weight, bias]: [x: Tensor, weight: Tensor, bias: Tensor | null]) {
    expectFloat("linear", { x, weight, bias });
    expectRank("linear", "weight", weight, 2);
    const [outputs, inputs] = weight.shape as [number, number];
    const last = x.shape.at(-1);
    if (last === undefined) throw new OpError("linear", "x: expected at least one axis", { x });
    if (last !== inputs)
      throw new OpError("linear", `weight: expected ${last} inputs as in x, got ${inputs}`, { x, weight });
    if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outputs))
      throw new OpError("linear", `bias: expected [${outputs}]`, { weight, bias });
    return { shape: [...x.shape.slice(0, -1), outputs], dtype: "f32" };
  },
  forward(y, [x, weight, bias]) {
    const [outputs, inputs] = weight.shape as [number, number];
    const m = x.numel / inputs;
    for (const part of partsOf(weight)) {
      const n = part.rows;
      const some = n < outputs ? empty([m, n]) : null;
      const b = transposed(dense(partOf(weight, part), inputs));
      gemm({ a: dense(x, inputs), b, y: some ?? y, m, n, k: inputs, bias: bias && partOf(bias, part) });
      if (!some) continue;
      putColumns(y, some, m, part);
      some.dispose();
    }
    return [x, weight];
  },
  backward(dy, [x, weight], { needs, out }) {
    const [outputs, inputs] = weight.shape as [number, number];
    const rows = numel(dy.shape) / outputs;
    const parts = partsOf(weight);
    const dx = needs[0] ? out(0) : null;
    if (dx) {
      for (const part of parts) {
        const more = part.first > 0 ? empty(dx.shape) : null;
        const [a, b] = [columnsOf(dy, rows, part), dense(partOf(weight, part), inputs)];
        gemm({ a, b, y: more ?? dx, m: rows, n: inputs, k: part.rows });
        if (!more) continue;
        accumulate(dx, more);
        more.dispose();
      }
    }
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
