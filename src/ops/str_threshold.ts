// Soft threshold with a learned threshold (STR).

import forwardWgsl from "../../shaders/str_threshold.wgsl";
import backwardWgsl from "../../shaders/str_threshold_grad.wgsl";
import { defineOp, expectFloat, expectScalar, outputLike, sumAxesInto } from "../autograd/index.ts";
import { grid1d, kernel } from "../gpu/index.ts";
import { empty, type Tensor } from "../tensor/index.ts";

const forwardKernel = kernel("str_threshold", forwardWgsl);
const backwardKernel = kernel("str_threshold_grad", backwardWgsl);

/**
 * Shrink towards zero by d = sigmoid(s): w = sign(x) · max(|x| - d, 0).
 *
 * Shapes    x [*], s one element -> w [*].
 * Backward  dx = dy where |x| > d, else 0 (the true sub-gradient: pruned weights get none).
 *           ds = -d (1 - d) Σ dy sign(x) over |x| > d.
 * Errors    OpError when s has more than one element.
 * Source    Kusupati et al. 2020 (STR). s may start at -3200: sigmoid then is exactly 0, and so is its gradient.
 */
export const strThreshold = defineOp({
  name: "strThreshold",
  options: [],
  infer([x, s]: [x: Tensor, s: Tensor], _options: object) {
    expectFloat("strThreshold", { x, s });
    expectScalar("strThreshold", { s });
    return outputLike(x);
  },
  forward(y, [x, s]) {
    forwardKernel.run({ bind: { x, s, y }, params: { n: x.numel }, grid: grid1d(x.numel) });
    return [x, s];
  },
  backward(dy, [x, s], { needs, out }) {
    const dx = out(0);
    const share = empty([x.numel]);
    backwardKernel.run({ bind: { x, s, dy, dx, share }, params: { n: x.numel }, grid: grid1d(x.numel) });
    if (!needs[1]) return [dx, null];
    const ds = out(1);
    sumAxesInto("strThreshold", ds, share, [0]);
    return [dx, ds];
  },
});
