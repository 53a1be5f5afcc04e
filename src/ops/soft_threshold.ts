// Soft threshold, the shrinkage at the heart of the pruning methods.

import forwardWgsl from "../../shaders/soft_threshold.wgsl";
import backwardWgsl from "../../shaders/soft_threshold_grad.wgsl";
import { defineOp, expectFloat, expectScalar, outputLike } from "../autograd/index.ts";
import { grid1d, kernel } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";

const forwardKernel = kernel("soft_threshold", forwardWgsl);
const backwardKernel = kernel("soft_threshold_grad", backwardWgsl);

/**
 * Shrink towards zero by d: y = x - clamp(x, -d, d), that is sign(x) · max(|x| - d, 0).
 *
 * Shapes    x [*], d [] -> y [*].  d >= 0, in the units of x.
 * Backward  dx = dy where |x| > d, else 0.  straightThrough: dx = dy everywhere, so that pruned weights may regrow.
 *           d is scheduled, not learned: no gradient (strThreshold and ltpThreshold learn theirs).
 * Errors    OpError when d has more than one element or x is not f32.
 * Source    Donoho 1995 (shrinkage); straight-through as in LATS and STDS, true sub-gradient as in STR.
 * @example
 * const w = tensor([-0.5, 0.1, 0.3]);
 * console.log(await softThreshold(w, scalar(0.2)).data()); // -0.3, 0, 0.1
 */
export const softThreshold = defineOp({
  name: "softThreshold",
  options: ["straightThrough"],
  infer([x, d]: [x: Tensor, d: Tensor], _options: { straightThrough?: boolean }) {
    expectFloat("softThreshold", { x, d });
    expectScalar("softThreshold", { d });
    return outputLike(x);
  },
  forward(y, [x, d]) {
    forwardKernel.run({ bind: { x, d, y }, params: { n: x.numel }, grid: grid1d(x.numel) });
    return [x, d];
  },
  backward(dy, [x, d], { options: { straightThrough = false }, out }) {
    if (straightThrough) return [dy, null];
    const dx = out(0);
    backwardKernel.run({ bind: { x, d, dy, dx }, params: { n: x.numel }, grid: grid1d(x.numel) });
    return [dx, null];
  },
});
