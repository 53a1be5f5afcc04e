// Mean squared error.
import { expectOptions } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { elementwiseLoss, type LossReduction } from "./loss/elementwise.ts";

/** Options of `mseLoss`. */
export interface MseLossOptions {
  /** Default mean, over all elements. */
  readonly reduction?: LossReduction;
}

const op = elementwiseLoss("mseLoss", {
  f: "(u - t) * (u - t)",
  df: { u: "2.0 * (u - t)", t: "2.0 * (t - u)" },
});

/**
 * Compute the mean squared error: the mean of (x - target)².
 *
 * Shapes    x, target [*] of one shape -> [] (mean, sum) or [*] (none).
 * Backward  dx = 2 (x - target) · dy, over the number of elements for the mean; dtarget = -dx.
 * Errors    OpError for different shapes (nothing is broadcast), for dtypes other than f32 and f16, for an unknown reduction.
 *
 * @example
 * const loss = mseLoss(tensor([1, 2, 3]), tensor([1, 0, 0]));
 * console.log(await loss.item()); // (0 + 4 + 9) / 3
 */
export function mseLoss(x: Tensor, target: Tensor, options: MseLossOptions = {}): Tensor {
  expectOptions("mseLoss", options, { reduction: true });
  return op(x, target, null, { reduction: options.reduction });
}
