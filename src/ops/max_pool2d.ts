// Max pooling over two spatial axes.

import forwardWgsl from "../../shaders/max_pool2d.wgsl";
import backwardWgsl from "../../shaders/max_pool2d_grad.wgsl";
import { defineOp } from "../autograd/index.ts";
import { grid1d, kernel } from "../gpu/index.ts";
import { empty, type Tensor } from "../tensor/index.ts";
import { type PoolOptions, planPool, poolVariant } from "./pool/plan.ts";

const forwardKernel = kernel("max_pool2d", forwardWgsl);
const backwardKernel = kernel("max_pool2d_grad", backwardWgsl);

function shapeOf(x: Tensor, out: readonly [number, number]): number[] {
  return [x.shape[0]!, x.shape[1]!, ...out];
}

/**
 * Return the largest value of each window.
 *
 * Shapes    x [N,C,H,W] -> y [N,C,H',W'], H' = floor or ceil((H + 2 padding - kernel) / stride) + 1.
 * Backward  dy goes to the first largest element of its window, in row-major order. Padding never wins.
 * Errors    OpError for another rank, padding beyond half the kernel, a kernel larger than the padded input.
 */
export const maxPool2d = defineOp({
  name: "maxPool2d",
  options: ["kernel", "stride", "padding", "ceilMode"],
  infer([x]: [x: Tensor], options: PoolOptions) {
    return { shape: shapeOf(x, planPool("maxPool2d", x, options).out_size), dtype: "f32" };
  },
  forward(y, [x], options) {
    const winner = empty(y.shape, "i32");
    const { spec, sizes } = poolVariant(planPool("maxPool2d", x, options));
    forwardKernel.run({ bind: { x, y, winner }, params: { n: y.numel, ...sizes }, spec, grid: grid1d(y.numel) });
    return [winner, x];
  },
  backward(dy, [winner, x], { options, out }) {
    const dx = out(0);
    const { spec, sizes } = poolVariant(planPool("maxPool2d", x, options));
    backwardKernel.run({ bind: { dy, winner, dx }, params: { n: x.numel, ...sizes }, spec, grid: grid1d(x.numel) });
    return [dx];
  },
});

/** Index of each window's maximum: flat h·W + w in the unpadded plane, i32. Shapes as maxPool2d; no gradient. */
export const maxPool2dIndices = defineOp({
  name: "maxPool2dIndices",
  options: ["kernel", "stride", "padding", "ceilMode"],
  infer([x]: [x: Tensor], options: PoolOptions) {
    return { shape: shapeOf(x, planPool("maxPool2dIndices", x, options).out_size), dtype: "i32" };
  },
  forward(winner, [x], options) {
    const y = empty(winner.shape);
    const { spec, sizes } = poolVariant(planPool("maxPool2dIndices", x, options));
    forwardKernel.run({ bind: { x, y, winner }, params: { n: y.numel, ...sizes }, spec, grid: grid1d(y.numel) });
    return [];
  },
});
