// Reorders axes: permute and transpose.
import permuteWgsl from "../../shaders/permute.wgsl";
import transposeWgsl from "../../shaders/transpose.wgsl";
import { defineOp } from "../autograd/index.ts";
import { grid1d, groups1d, kernel, OpError } from "../gpu/index.ts";
import { copyInto, formatShape, normalizeAxis, type Shape, stridesOf, type Tensor } from "../tensor/index.ts";
import { mergeAxes } from "./pointwise/merge_axes.ts";

const permuteKernel = kernel("permute", permuteWgsl);
const transposeKernel = kernel("transpose", transposeWgsl);

/** Axes that the kernel walks, and edge of a tile of the transposing one. */
const [AXES, TILE] = [8, 16];

/** Write y [batch, columns, rows] = x [batch, rows, columns]. */
function transposeTiles(x: Tensor, y: Tensor, [batch, rows, columns]: readonly [number, number, number]): void {
  const [tiles_down, tiles_across] = [Math.ceil(rows / TILE), Math.ceil(columns / TILE)];
  transposeKernel.run({
    bind: { x, y },
    params: { batch, rows, columns, tiles_down, tiles_across },
    grid: groups1d(batch * tiles_down * tiles_across),
  });
}

/** Write y = x with axis dims[i] of x as axis i. */
function runPermute(name: string, x: Tensor, y: Tensor, dims: readonly number[]): void {
  const strides = stridesOf(x.shape);
  const from = dims.map((axis) => strides[axis]!);
  const sizes = dims.map((axis) => x.shape[axis]!);
  const axes = mergeAxes(sizes, from, from, AXES);
  if (!axes) throw new OpError(name, `expected an order with at most ${AXES} groups of axes, got [${dims.join(",")}]`);
  const moved = axes.filter(({ size }) => size > 1);
  if (moved.length < 2) {
    copyInto(y, x);
    return;
  }
  // Innermost pair swapped, behind at most one batch axis.
  const [columns, rows] = [moved.at(-2)!, moved.at(-1)!];
  if (moved.length <= 3 && columns.a === 1 && Math.min(rows.size, columns.size) >= TILE) {
    const batch = moved.length === 3 ? moved[0]!.size : 1;
    const isBatched = batch === 1 || moved[0]!.a === rows.size * columns.size;
    if (isBatched && rows.a === columns.size) {
      transposeTiles(x, y, [batch, rows.size, columns.size]);
      return;
    }
  }
  permuteKernel.run({
    bind: { x, y },
    params: {
      n: x.numel,
      size0: axes.slice(0, 4).map(({ size }) => size),
      size1: axes.slice(4).map(({ size }) => size),
      stride0: axes.slice(0, 4).map(({ a }) => a),
      stride1: axes.slice(4).map(({ a }) => a),
    },
    grid: grid1d(x.numel),
  });
}

interface PermuteOptions {
  readonly dims: readonly number[];
}

function orderOf({ shape }: Tensor, { dims }: PermuteOptions): number[] {
  const rank = shape.length;
  const order = Array.isArray(dims) ? dims.map((axis) => (axis < 0 ? axis + rank : axis)) : [];
  const isOrder = order.length === rank && [...order].sort((a, b) => a - b).every((axis, i) => axis === i);
  if (!isOrder)
    throw new OpError("permute", `dims: expected each axis of ${formatShape(shape)} once, got ${JSON.stringify(dims)}`);
  return order;
}

const reorder = defineOp({
  name: "permute",
  options: ["dims"],
  infer([x]: [x: Tensor], options: PermuteOptions) {
    const shape: Shape = orderOf(x, options).map((axis) => x.shape[axis]!);
    return { shape, dtype: x.dtype };
  },
  forward(y, [x], options) {
    runPermute("permute", x, y, orderOf(x, options));
    return [];
  },
  backward(dy, _saved, { options, out }) {
    const dx = out(0);
    const order = orderOf(dx, options);
    runPermute(
      "permute",
      dy,
      dx,
      order.map((_, axis) => order.indexOf(axis)),
    );
    return [dx];
  },
});

/**
 * Reorder the axes: axis i of y is axis dims[i] of x. Copies.
 *
 * Shapes    x [d0, d1, ...] -> y [d_dims[0], d_dims[1], ...]; any dtype.
 * Backward  the inverse order of dy.
 * Errors    OpError unless dims names each axis once (negative ones count from the end), or if more than eight groups of axes
 *           remain after neighbours that stay together are merged.
 * @example
 * const images = zeros([8, 32, 32, 3]); // NHWC
 * console.log(permute(images, [0, 3, 1, 2]).shape); // 8, 3, 32, 32
 */
export function permute(x: Tensor, dims: readonly number[]): Tensor {
  return reorder(x, { dims });
}

/**
 * Swap two axes. Copies.
 *
 * Shapes    x [..., a, ..., b, ...] -> y [..., b, ..., a, ...]; any dtype.
 * Backward  dx = dy with the same axes swapped.
 * Errors    OpError if an axis is out of range; negative ones count from the end.
 * @example
 * const x = tensor([[1, 2, 3], [4, 5, 6]]);
 * console.log(await transpose(x, 0, 1).data()); // 1, 4, 2, 5, 3, 6
 */
export function transpose(x: Tensor, dim0: number, dim1: number): Tensor {
  const rank = x.shape.length;
  const [a, b] = [normalizeAxis("transpose", dim0, rank), normalizeAxis("transpose", dim1, rank)];
  const dims = x.shape.map((_, axis) => axis);
  [dims[a], dims[b]] = [b, a];
  return reorder(x, { dims });
}
