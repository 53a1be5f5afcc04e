// Binary cross entropy of logits.
import { expectOptions } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { elementwiseLoss, type LossReduction } from "./loss/elementwise.ts";

/** Options of `bceWithLogits`. */
export interface BceWithLogitsOptions {
  /** Factor of the loss of positive targets: one value, or axes of x such as [classes]. Default 1. It gets no gradient. */
  readonly posWeight?: Tensor | null;
  /** Default mean, over all elements. */
  readonly reduction?: LossReduction;
}

const OP = "bceWithLogits";
const op = elementwiseLoss(OP, {
  f: "(1.0 - t) * softplus_of(u) + t * w * softplus_of(-u)",
  df: {
    u: "(1.0 - t) * sigmoid(u) - t * w * sigmoid(-u)",
    t: "w * softplus_of(-u) - softplus_of(u)",
  },
});

/**
 * Compute the binary cross entropy of logits: -(1 - t) log(1 - p) - w · t · log p, with p = sigmoid(x), t the target and w =
 * posWeight. It is computed from log(1 + e^x), so that no logit is too large.
 *
 * Shapes    x, target [*] of one shape, posWeight [], [C] for x [*, C], or [C, 1, 1] for x [N, C, H, W] -> [] (mean, sum) or
 *           [*] (none). Targets are probabilities, usually 0 or 1.
 * Backward  dx = ((1 - t) p - w t (1 - p)) · dy, over the number of elements for the mean. posWeight gets none.
 * Errors    OpError for different shapes of x and target, for a posWeight that does not fit, for dtypes other than f32 and f16, for an
 *           unknown reduction.
 *
 * @example
 * const logits = tensor([[2, -1], [0, 3]]);
 * const loss = bceWithLogits(logits, tensor([[1, 0], [0, 1]]), { posWeight: tensor([1, 4]) });
 * console.log(await loss.item()); // 0.332
 */
export function bceWithLogits(x: Tensor, target: Tensor, options: BceWithLogitsOptions = {}): Tensor {
  expectOptions(OP, options, { posWeight: true, reduction: true });
  const { posWeight = null, reduction } = options;
  return op(x, target, posWeight, { reduction });
}
