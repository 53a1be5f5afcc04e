// Matrix product of batches of matrices, with either one transposed.
import { defineOp, expectActivations } from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import { broadcastShapes, empty, numel, type Shape, sameShape, stridesOf, type Tensor } from "../tensor/index.ts";
import { gemm } from "./matmul/gemm.ts";
import { type Matrix, transposed } from "./matmul/matrix.ts";

/** Options of `matmul`. */
export interface MatmulOptions {
  /** a is stored as [..., k, m]. */
  readonly transposeA?: boolean;
  /** b is stored as [..., n, k]. */
  readonly transposeB?: boolean;
}

interface Sizes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Return the batch axes of the result. */
  readonly batch: readonly number[];
}

function sizesOf(a: Shape, b: Shape, { transposeA = false, transposeB = false }: MatmulOptions): Sizes {
  const [a0, a1] = a.slice(-2) as [number, number];
  const [b0, b1] = b.slice(-2) as [number, number];
  const batch = broadcastShapes("matmul", a.slice(0, -2), b.slice(0, -2));
  return { m: transposeA ? a1 : a0, n: transposeB ? b0 : b1, k: transposeA ? a0 : a1, batch };
}

/** Return the strides of a tensor's batch axes within the broadcast batch. */
function batchStrides(shape: Shape, batch: readonly number[]): number[] {
  const strides = stridesOf(shape);
  const lead = batch.length - (shape.length - 2);
  return batch.map((_, i) => (i < lead || shape[i - lead] === 1 ? 0 : strides[i - lead]!));
}

function matrix(t: Tensor, batch: readonly number[], isTransposed: boolean): Matrix {
  const width = t.shape.at(-1)!;
  const plain = { tensor: t, row: width, col: 1, batch: batchStrides(t.shape, batch) };
  return isTransposed ? transposed(plain) : plain;
}

/**
 * With one b for all matrices of a, the rows of a's batch are the rows of one tall matrix, and b's gradient is one
 * product with a long k instead of a sum of products. Returns a's shape as that matrix, or null.
 */
function tall(a: Tensor, b: Tensor, batch: readonly number[], transposeA: boolean): Tensor | null {
  if (transposeA || batch.length === 0 || numel(b.shape.slice(0, -2)) !== 1) return null;
  if (numel(a.shape.slice(0, -2)) !== numel(batch)) return null;
  return a.alias([numel(a.shape.slice(0, -1)), a.shape.at(-1)!]);
}

/**
 * Compute the matrix product y = a b over the last two axes, with NumPy broadcasting of the axes before them.
 *
 * Shapes    a [..., m, k], b [..., k, n] -> y [..., m, n]. Rank 2 to 5. transposeA: a [..., k, m]; transposeB: b [..., n, k].
 * Dtypes    a and b f32, or a f16 with b f16 or f32: y has the dtype of a. Sums are f32.
 * Backward  da = dy bᵀ, db = aᵀ dy (transposed where the input was), summed over broadcast axes.
 * Errors    OpError for a rank outside 2..5, differing k, batch axes that do not broadcast, or other dtypes.
 * @example
 * const a = tensor([[1, 2], [3, 4]]);
 * console.log(await matmul(a, tensor([[1], [1]])).data()); // 3, 7
 */
export const matmul = defineOp({
  name: "matmul",
  options: ["transposeA", "transposeB"],
  infer([a, b]: [a: Tensor, b: Tensor], options: MatmulOptions) {
    // Weights stay f32 beside activations of f16.
    expectActivations("matmul", b.dtype === "f32" ? { a } : { a, b });
    for (const [name, t] of Object.entries({ a, b })) {
      if (t.shape.length < 2 || t.shape.length > 5)
        throw new OpError("matmul", `${name}: expected 2 to 5 axes, got ${t.shape.length}`, { a, b });
    }
    const { m, n, k, batch } = sizesOf(a.shape, b.shape, options);
    const other = b.shape.at(options.transposeB ? -1 : -2)!;
    if (k !== other) throw new OpError("matmul", `expected equal k, got ${k} in a and ${other} in b`, { a, b });
    return { shape: [...batch, m, n], dtype: a.dtype };
  },
  forward(y, [a, b], options) {
    const { transposeA = false, transposeB = false } = options;
    const { m, n, k, batch } = sizesOf(a.shape, b.shape, options);
    const rows = tall(a, b, batch, transposeA);
    if (rows) {
      const left = matrix(rows, [], false);
      gemm({ a: left, b: matrix(b, [], transposeB), y, m: rows.shape[0]!, n, k });
    } else gemm({ a: matrix(a, batch, transposeA), b: matrix(b, batch, transposeB), y, m, n, k, batch });
    return [a, b];
  },
  backward(dy, [a, b], { options, needs, out }) {
    const { transposeA = false, transposeB = false } = options;
    const { m, n, k, batch } = sizesOf(a.shape, b.shape, options);
    const rows = tall(a, b, batch, transposeA);
    if (rows) {
      const height = rows.shape[0]!;
      const left = matrix(rows, [], false);
      const right = matrix(b, [], transposeB);
      const up = matrix(dy.alias([height, n]), [], false);
      const da = needs[0] ? out(0) : null;
      if (da) gemm({ a: up, b: transposed(right), y: da, m: height, n: k, k: n });
      const db = needs[1] ? out(1) : null;
      if (db && transposeB) gemm({ a: transposed(up), b: left, y: db, m: n, n: k, k: height });
      else if (db) gemm({ a: transposed(left), b: up, y: db, m: k, n, k: height });
      return [da, db];
    }
    const left = matrix(a, batch, transposeA);
    const right = matrix(b, batch, transposeB);
    const up = matrix(dy, batch, false);
    // A broadcast input gets one gradient per use; the tape sums them.
    const target = (i: 0 | 1, t: Tensor): Tensor => {
      const shape = [...batch, ...t.shape.slice(-2)];
      return sameShape(shape, t.shape) ? out(i) : empty(shape, t.dtype);
    };
    const da = needs[0] ? target(0, a) : null;
    if (da && transposeA) gemm({ a: right, b: transposed(up), y: da, m: k, n: m, k: n, batch });
    else if (da) gemm({ a: up, b: transposed(right), y: da, m, n: k, k: n, batch });
    const db = needs[1] ? target(1, b) : null;
    if (db && transposeB) gemm({ a: transposed(up), b: left, y: db, m: n, n: k, k: m, batch });
    else if (db) gemm({ a: transposed(left), b: up, y: db, m: k, n, k: m, batch });
    return [da, db];
  },
});
