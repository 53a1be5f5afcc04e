// Powers: a tensor to a number, to a tensor, or a number to a tensor.

import forwardWgsl from "../../shaders/pow.wgsl";
import backwardWgsl from "../../shaders/pow_grad.wgsl";
import { kernel } from "../gpu/index.ts";
import { arithmetic } from "./pointwise/arithmetic.ts";

const KERNELS = { forward: kernel("pow", forwardWgsl), backward: kernel("pow_grad", backwardWgsl) };

/**
 * Compute the power y = base ^ exponent, with NumPy broadcasting. Either may be a number, which a captured step records.
 *
 * Shapes    base, exponent broadcast -> y.
 * Values    whole exponents multiply: exact where the result is, also for negative bases. Others go through log2 and exp2
 *           (error about 1e-7 times |log2 y|); a negative base gives NaN. x^0 is 1, also for NaN.
 * Backward  dbase = dy · exponent · base^(exponent - 1), 0 for exponent 0. dexponent = dy · y · log(base), 0 for base 0 with
 *           exponent >= 0, and NaN for a negative base, as in PyTorch.
 * Errors    OpError if an input is not f32 or f16, the shapes do not broadcast, or a number is NaN or beyond f32.
 * @example
 * const x = tensor([-2, 0, 3]);
 * console.log(await pow(x, 3).data()); // -8, 0, 27
 */
export const pow = arithmetic("pow", KERNELS, {
  f: "power4(u, v)",
  df: { u: "base_slope(u, v)", v: "exponent_slope(u, v)" },
});
