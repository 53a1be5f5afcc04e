// Counts correct predictions, for the accuracy.
import { defineOp, expectActivations } from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { countInto } from "./loss/count_into.ts";

/**
 * Count the rows whose largest logit is the target's; among equal ones the first counts. NaN if any logit is NaN, so that an
 * accuracy computed from it is NaN too.
 *
 * Shapes    logits [N, C] f32 or f16, target [N] i32 -> [] f32, exact up to 2^24.
 * Backward  none.
 * Errors    OpError for other shapes or dtypes.
 */
export const countCorrect = defineOp({
  name: "countCorrect",
  options: [],
  infer([logits, target]: [logits: Tensor, target: Tensor], _options: object) {
    if (logits.shape.length !== 2 || target.numel !== logits.shape[0] || target.dtype !== "i32")
      throw new OpError("countCorrect", "expected logits [N, C] and target [N] i32", { logits, target });
    expectActivations("countCorrect", { logits });
    return { shape: [], dtype: "f32" };
  },
  forward(y, [logits, target]) {
    countInto(y, logits, target);
    return [];
  },
});
