// Looks up rows of a table by index.
import { defineOp, expectFloat, expectRank } from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { expectIndex, gatherRows } from "./indexing/gather_rows.ts";
import { sumRows } from "./indexing/sum_rows.ts";

/** Options of `embedding`. */
export interface EmbeddingOptions {
  /** Row without a gradient, for padded positions; negative ones count from the end. Absent: every row has one. */
  readonly paddingIdx?: number | undefined;
}

/** Return paddingIdx as a row >= 0; -1 for none. Throws OpError if it is out of range. */
export function paddingRow(op: string, paddingIdx: number | undefined, rows: number): number {
  if (paddingIdx === undefined) return -1;
  const row = paddingIdx < 0 ? paddingIdx + rows : paddingIdx;
  if (Number.isInteger(row) && row >= 0 && row < rows) return row;
  throw new OpError(op, `paddingIdx: expected an integer from ${-rows} to ${rows - 1}, got ${paddingIdx}`);
}

/**
 * Look up rows: y[...] = weight[index[...]]. PyTorch's F.embedding.
 *
 * Shapes    index [*] i32, weight [V, D] -> y [*, D].
 * Backward  dweight = the sum of dy over the positions of each row, added in their order: the same bits in every run; 0 for the
 *           row `paddingIdx`. Its cost grows with the number of indices, and with the square of how often one row occurs.
 * Errors    OpError for other shapes or dtypes, or paddingIdx out of range. An index out of range gives NaN and no gradient: the
 *           host cannot check it without waiting.
 * @example
 * const weight = tensor([[0, 1], [2, 3], [4, 5]]);
 * console.log(await embedding(tensor(Int32Array.of(2, 0)), weight).data()); // 4, 5, 0, 1
 */
export const embedding = defineOp({
  name: "embedding",
  options: ["paddingIdx"],
  infer([index, weight]: [index: Tensor, weight: Tensor], { paddingIdx }: EmbeddingOptions) {
    expectIndex("embedding", index);
    if (!weight) throw new OpError("embedding", "weight: expected a tensor, got none");
    expectFloat("embedding", { weight });
    expectRank("embedding", "weight", weight, 2);
    paddingRow("embedding", paddingIdx, weight.shape[0]!);
    return { shape: [...index.shape, weight.shape[1]!], dtype: "f32" };
  },
  forward(y, [index, weight]) {
    const [rows, inner] = weight.shape as [number, number];
    gatherRows(weight, index, y, { rows, length: index.numel, inner, shared: true });
    return [index];
  },
  backward(dy, [index], { options: { paddingIdx }, shapes, out }) {
    const dweight = out(1);
    sumRows(dy, index, dweight, paddingRow("embedding", paddingIdx, shapes[1]![0]!));
    return [null, dweight];
  },
});
