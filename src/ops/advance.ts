// A counter that advances on the GPU.
import wgsl from "../../shaders/advance.wgsl";
import { kernel, OpError } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";

const advanceKernel = kernel("advance", wgsl);

/**
 * Enqueue step += 1, in place, so that a replay of a captured step continues the count. 2^32 - 1 wraps to 0.
 *
 * Shapes    step [] u32.
 * Errors    OpError for anything but one u32.
 */
export function advance(step: Tensor): void {
  if (step.numel !== 1 || step.dtype !== "u32") throw new OpError("advance", "expected one u32", { step });
  advanceKernel.run({ bind: { step }, grid: [1] });
}
