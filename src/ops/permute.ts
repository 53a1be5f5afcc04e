// Reorders axes: permute and transpose.
import { defineOp } from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import { formatShape, normalizeAxis, type Shape, type Tensor } from "../tensor/index.ts";
import { permuteAxes } from "./indexing/permute_axes.ts";

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
    permuteAxes("permute", x, y, orderOf(x, options));
    return [];
  },
  backward(dy, _saved, { options, out }) {
    const dx = out(0);
    const order = orderOf(dx, options);
    permuteAxes(
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
