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

/** Bits of minus infinity. */
const lowest = 0xff800000;

function runForward(op: string, x: Tensor, y: Tensor, winner: Tensor, options: PoolOptions): void {
  const { spec, sizes, each } = poolVariant(planPool(op, x, options), "y", x);
  const n = y.numel / each;
  const places = each === 4 ? { Place: "vec4<i32>", placed: "v" } : {};
  const params = { n, ...sizes, lowest };
  forwardKernel.run({ bind: { x, y, winner }, params, spec: { ...spec, ...places }, grid: grid1d(n) });
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
    return { shape: shapeOf(x, planPool("maxPool2d", x, options).out_size), dtype: x.dtype };
  },
  forward(y, [x], options) {
    const winner = empty(y.shape, "i32");
    runForward("maxPool2d", x, y, winner, options);
    return [winner, x];
  },
  backward(dy, [winner, x], { options, out }) {
    const dx = out(0);
    const { spec, sizes, each } = poolVariant(planPool("maxPool2d", x, options), "dx", x);
    const n = x.numel / each;
    backwardKernel.run({ bind: { dy, winner, dx }, params: { n, ...sizes }, spec, grid: grid1d(n) });
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
    runForward("maxPool2dIndices", x, empty(winner.shape, x.dtype), winner, options);
    return [];
  },
});
