// Counts correct predictions, for the accuracy.
import forwardWgsl from "../../shaders/count_correct.wgsl";
import { defineOp, expectActivations } from "../autograd/index.ts";
import { currentGpu, kernel, OpError } from "../gpu/index.ts";
import { actSpec, type Tensor } from "../tensor/index.ts";

const forwardKernel = kernel("count_correct", forwardWgsl);
const nan = 0x7fc00000;

/** Write the count. `software`: as for a CPU, whose lanes take a row each; default: for the current adapter. */
export function countInto(y: Tensor, logits: Tensor, target: Tensor, software = currentGpu().adapter.software): void {
  const [rows, classes] = logits.shape as [number, number];
  const shared = !software && classes >= 64;
  forwardKernel.run({
    bind: { logits, labels: target, correct: y },
    params: { rows, classes, nan },
    spec: {
      ...(shared ? { LANES: 64, SIZE: 256, TURNS: 4 } : { LANES: 1, SIZE: 64, TURNS: classes < 64 ? 1 : 4 }),
      ...actSpec(logits),
    },
    grid: [1],
  });
}

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
