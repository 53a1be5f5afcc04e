// Arithmetic of two tensors, or of a tensor and a number, with NumPy broadcasting.
import forwardWgsl from "../../shaders/binary.wgsl";
import backwardWgsl from "../../shaders/binary_grad.wgsl";
import { kernel } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { arithmetic, runPair, runPairGrad } from "./pointwise/arithmetic.ts";

const KERNELS = { forward: kernel("binary", forwardWgsl), backward: kernel("binary_grad", backwardWgsl) };

/** Write result = f of two tensors that broadcast to its shape. */
export const runBinary = (name: string, f: string, a: Tensor, b: Tensor, result: Tensor): void =>
  runPair(KERNELS.forward, name, f, a, b, result);

/** Write result = dy · df, in the shape of dy. `flat`: 0 where df is, whatever dy is. */
export const runBinaryGrad = (
  name: string,
  df: string,
  operands: readonly [Tensor, Tensor],
  dy: Tensor,
  result: Tensor,
  flat = false,
): void => runPairGrad(KERNELS.backward, name, { df, flat }, operands, dy, result);

/**
 * Compute a + b, with NumPy broadcasting.
 *
 * Shapes    a, b broadcast -> y. One of them may be a number. f16 and f32 give f32. So for all functions of this file.
 * Backward  gradients are summed over the axes along which an input was broadcast; a number has none.
 * Errors    OpError if a or b is not f32 or f16, the shapes do not broadcast, or a number is NaN or beyond f32.
 * Capture   a number is part of the recording: one that changes between steps must be a scalar tensor.
 * @example
 * const x = tensor([1, 2, 3]);
 * console.log(await add(x, 2).data()); // 3, 4, 5
 */
export const add = arithmetic("add", KERNELS, { f: "u + v" });
/**
 * Compute a - b, with NumPy broadcasting. One of them may be a number: `sub(1, x)`. Shapes, errors and gradients: see `add`.
 * Throws OpError.
 */
export const sub = arithmetic("sub", KERNELS, { f: "u - v", negates: true });
/**
 * Compute a · b, element by element, with NumPy broadcasting. One of them may be a number. Shapes, errors and gradients: see
 * `add`.
 *
 * Errors    OpError, as `add`.
 * @example
 * const rows = mul(tensor([[1], [10]]), tensor([1, 2, 3]));
 * console.log(rows.shape); // 2, 3
 * console.log(await rows.data()); // 1, 2, 3, 10, 20, 30
 */
export const mul = arithmetic("mul", KERNELS, { f: "u * v", df: { u: "v", v: "u" } });
/**
 * Compute a / b, with NumPy broadcasting. One of them may be a number. Shapes, errors and gradients: see `add`. Throws OpError.
 */
// Not u / v² for v: that overflows before the quotient does.
export const div = arithmetic("div", KERNELS, { f: "u / v", df: { u: "1.0 / v", v: "-(u / v) / v" } });
/**
 * Compute the larger of a and b; equal ones share the gradient. One of them may be a number. Shapes and errors: see `add`.
 * Throws OpError.
 */
export const maximum = arithmetic("maximum", KERNELS, {
  f: "carried4(carried4(max(u, v), u), v)",
  df: { u: "share_of(u > v, u, v)", v: "share_of(v > u, v, u)" },
  flat: true,
});
/**
 * Compute the smaller of a and b; equal ones share the gradient. One of them may be a number. Shapes and errors: see `add`.
 * Throws OpError.
 */
export const minimum = arithmetic("minimum", KERNELS, {
  f: "carried4(carried4(min(u, v), u), v)",
  df: { u: "share_of(u < v, u, v)", v: "share_of(v < u, v, u)" },
  flat: true,
});
