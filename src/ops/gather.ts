// Picks elements along an axis by index.
import { defineOp, expectActivations } from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import { normalizeAxis, numel, type Shape, type Tensor } from "../tensor/index.ts";
import { expectIndex, gatherRows, type Rows, scatterRows } from "./indexing/gather_rows.ts";
import { narrow } from "./slice.ts";

interface GatherOptions {
  readonly dim: number;
}

const rowsOf = (x: Shape, index: Shape, dim: number): Rows => {
  const axis = normalizeAxis("gather", dim, x.length);
  return { rows: x[axis]!, length: index[axis]!, inner: numel(index.slice(axis + 1)), shared: false };
};

const pick = defineOp({
  name: "gather",
  options: ["dim"],
  // The function below has checked and cut x.
  infer: ([x, index]: [x: Tensor, index: Tensor], _options: GatherOptions) => ({ shape: index.shape, dtype: x.dtype }),
  forward(y, [x, index], { dim }) {
    gatherRows(x, index, y, rowsOf(x.shape, index.shape, dim));
    return [index];
  },
  backward(dy, [index], { options: { dim }, out, shapes }) {
    const dx = out(0);
    scatterRows(dy, index, dx, rowsOf(shapes[0]!, index.shape, dim));
    return [dx, null];
  },
});

/**
 * Pick elements along an axis: for dim 1, y[i][j][k] = x[i][index[i][j][k]][k]. PyTorch's gather.
 *
 * Shapes    x [..., d, ...], index i32 of the same rank, on other axes at most as long as x -> y [index].
 * Backward  dx = the sum of dy over the positions that name an element, added in their order: the same bits in every run. Its
 *           cost grows with the square of the index's length along the axis.
 * Errors    OpError for another rank, dtype or size. An index out of range gives NaN and no gradient: the host cannot check it
 *           without waiting. Negative indices are out of range.
 * @example
 * const x = tensor([[1, 2, 3], [4, 5, 6]]);
 * const index = tensor(Int32Array.of(2, 0), [2, 1]);
 * console.log(await gather(x, 1, index).data()); // 3, 4
 */
export function gather(x: Tensor, dim: number, index: Tensor): Tensor {
  expectActivations("gather", { x });
  expectIndex("gather", index);
  if (index.shape.length !== x.shape.length)
    throw new OpError("gather", `index: expected ${x.shape.length} axes, got ${index.shape.length}`, { x, index });
  const along = normalizeAxis("gather", dim, x.shape.length);
  let cut = x;
  index.shape.forEach((length, axis) => {
    if (axis === along || length === x.shape[axis]) return;
    if (length > x.shape[axis]!) {
      const problem = `index: expected at most ${x.shape[axis]} entries of axis ${axis}, got ${length}`;
      throw new OpError("gather", problem, { x, index });
    }
    cut = narrow(cut, { axis, start: 0, length });
  });
  return pick(cut, index, { dim: along });
}
