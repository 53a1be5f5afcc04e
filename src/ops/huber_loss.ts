// Huber loss: squared near the target, linear far from it.
import { expectOptions, OpError } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { elementwiseLoss, type LossReduction } from "./loss/elementwise.ts";

/** Options of `huberLoss`. */
export interface HuberLossOptions {
  /** Distance at which the loss becomes linear, in the units of x. Default 1. */
  readonly delta?: number;
  /** Default mean, over all elements. */
  readonly reduction?: LossReduction;
}

const OP = "huberLoss";
const op = elementwiseLoss(OP, {
  f: "let d = u - t; return carried(select(k * (abs(d) - 0.5 * k), 0.5 * d * d, abs(d) <= k), d);",
  df: { u: "carried(clamp(u - t, -k, k), u - t)", t: "carried(clamp(t - u, -k, k), u - t)" },
});

/**
 * Compute the Huber loss: d² / 2 for |d| <= delta, else delta (|d| - delta / 2), with d = x - target.
 *
 * Shapes    x, target [*] of one shape -> [] (mean, sum) or [*] (none).
 * Backward  dx = d, limited to ±delta, times dy, over the number of elements for the mean; dtarget = -dx.
 * Errors    OpError for different shapes (nothing is broadcast), for dtypes other than f32 and f16, for delta <= 0, for an unknown
 *           reduction.
 * Source    Huber 1964, "Robust estimation of a location parameter".
 *
 * @example
 * const loss = huberLoss(tensor([0.5, 4]), tensor([0, 0]), { reduction: "sum" });
 * console.log(await loss.item()); // 3.625
 */
export function huberLoss(x: Tensor, target: Tensor, options: HuberLossOptions = {}): Tensor {
  expectOptions(OP, options, { delta: true, reduction: true });
  const { delta = 1, reduction } = options;
  if (!(Number.isFinite(delta) && delta > 0)) throw new OpError(OP, `delta: expected a number > 0, got ${delta}`);
  return op(x, target, null, { reduction, delta });
}
