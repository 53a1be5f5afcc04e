// The pass that counts the rows of logits whose largest is the target's.
import forwardWgsl from "../../../shaders/count_correct.wgsl";
import { currentGpu, kernel } from "../../gpu/index.ts";
import { actSpec, type Tensor } from "../../tensor/index.ts";

const forwardKernel = kernel("count_correct", forwardWgsl);
/** Bits of a quiet NaN. */
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
