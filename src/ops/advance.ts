// A counter that moves by itself.
import wgsl from "../../shaders/advance.wgsl";
import { kernel, OpError } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";

const advanceKernel = kernel("advance", wgsl);

/**
 * Enqueue step += 1, in place: a replay of a captured step counts on. After 2^32 - 1 comes 0.
 *
 * Shapes    step [] u32.
 * Errors    OpError for anything but one u32.
 */
export function advance(step: Tensor): void {
  if (step.numel !== 1 || step.dtype !== "u32") throw new OpError("advance", "expected one u32", { step });
  advanceKernel.run({ bind: { step }, grid: [1] });
}
