// Average pooling over two spatial axes.

import forwardWgsl from "../../shaders/avg_pool2d.wgsl";
import backwardWgsl from "../../shaders/avg_pool2d_grad.wgsl";
import { defineOp } from "../autograd/index.ts";
import { grid1d, kernel } from "../gpu/index.ts";
import { metaTensor, type Tensor } from "../tensor/index.ts";
import { type PoolOptions, planPool, poolVariant } from "./pool/plan.ts";

const forwardKernel = kernel("avg_pool2d", forwardWgsl);
const backwardKernel = kernel("avg_pool2d_grad", backwardWgsl);

/** Options of `avgPool2d`. */
export interface AvgPoolOptions extends PoolOptions {
  /** True if padding counts in the divisor. Default true. */
  countIncludePad?: boolean;
}

/**
 * Compute the mean of each window.
 *
 * Shapes    x [N,C,H,W] -> y [N,C,H',W'], sizes as maxPool2d. In ceil mode a window that overhangs is cut at the padded edge.
 * Backward  each element of a window gets dy over the divisor.
 * Errors    as maxPool2d.
 */
export const avgPool2d = defineOp({
  name: "avgPool2d",
  options: ["kernel", "stride", "padding", "ceilMode", "countIncludePad"],
  infer([x]: [x: Tensor], options: AvgPoolOptions) {
    const { out_size } = planPool("avgPool2d", x, options);
    return { shape: [x.shape[0]!, x.shape[1]!, ...out_size], dtype: x.dtype };
  },
  forward(y, [x], options) {
    const { spec: window, sizes, each } = poolVariant(planPool("avgPool2d", x, options), "y", x);
    const spec = { ...window, COUNT_PADDING: options.countIncludePad ?? true };
    const n = y.numel / each;
    forwardKernel.run({ bind: { x, y }, params: { n, ...sizes }, spec, grid: grid1d(n) });
    return [];
  },
  backward(dy, _saved, { options, shapes, out }) {
    const dx = out(0);
    const { spec: window, sizes, each } = poolVariant(planPool("avgPool2d", metaTensor(shapes[0]!), options), "dx", dy);
    const spec = { ...window, COUNT_PADDING: options.countIncludePad ?? true };
    const n = dx.numel / each;
    backwardKernel.run({ bind: { dy, dx }, params: { n, ...sizes }, spec, grid: grid1d(n) });
    return [dx];
  },
});
