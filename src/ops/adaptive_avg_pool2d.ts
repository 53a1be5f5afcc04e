// Average pooling to a given output size.

import forwardWgsl from "../../shaders/adaptive_avg_pool2d.wgsl";
import backwardWgsl from "../../shaders/adaptive_avg_pool2d_grad.wgsl";
import { defineOp, expectActivations, expectRank, sumAxesInto } from "../autograd/index.ts";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import { actSpec, type Shape, type Tensor } from "../tensor/index.ts";
import type { Pair } from "./conv/shape.ts";
import { expandInto } from "./pointwise/expand_into.ts";

const forwardKernel = kernel("adaptive_avg_pool2d", forwardWgsl);
const backwardKernel = kernel("adaptive_avg_pool2d_grad", backwardWgsl);

/** Options of `adaptiveAvgPool2d`. */
export interface AdaptivePoolOptions {
  /** Height and width of the result; one number for both. */
  readonly outputSize: Pair;
}

const pair = (v: Pair): [number, number] => (typeof v === "number" ? [v, v] : [v[0], v[1]]);
const isSize = (v: number) => Number.isInteger(v) && v >= 1;
const plane = (shape: Shape): [number, number] => [shape[2]!, shape[3]!];

/**
 * Compute the means over bins that split the plane evenly; 1 is global average pooling.
 *
 * Shapes    x [N,C,H,W] -> y [N,C,H',W'] with outputSize H' or [H', W'], which may be larger than the input.
 *           Row i is the mean of rows floor(i H / H') to ceil((i+1) H / H') - 1.
 * Errors    OpError for another rank or sizes that are not integers >= 1.
 */
export const adaptiveAvgPool2d = defineOp({
  name: "adaptiveAvgPool2d",
  options: ["outputSize"],
  infer([x]: [x: Tensor], { outputSize }: AdaptivePoolOptions) {
    expectActivations("adaptiveAvgPool2d", { x });
    expectRank("adaptiveAvgPool2d", "x", x, 4);
    const legal =
      typeof outputSize === "number" ? isSize(outputSize) : outputSize?.length === 2 && outputSize.every(isSize);
    if (!legal) throw new OpError("adaptiveAvgPool2d", `outputSize: expected integers >= 1, got ${outputSize}`, { x });
    return { shape: [x.shape[0]!, x.shape[1]!, ...pair(outputSize)], dtype: x.dtype };
  },
  forward(y, [x], { outputSize }) {
    const [oh, ow] = pair(outputSize);
    if (oh === 1 && ow === 1) {
      sumAxesInto("adaptiveAvgPool2d", y, x, [2, 3], y.numel / x.numel);
      return [];
    }
    const params = { n: y.numel, in_size: plane(x.shape), out_size: [oh, ow] };
    forwardKernel.run({ bind: { x, y }, params, spec: actSpec(x), grid: grid1d(y.numel) });
    return [];
  },
  backward(dy, _saved, { shapes, out }) {
    const dx = out(0);
    if (dy.shape[2] === 1 && dy.shape[3] === 1) {
      expandInto(dx, dy, dy.numel / dx.numel);
      return [dx];
    }
    const params = { n: dx.numel, in_size: plane(shapes[0]!), out_size: plane(dy.shape) };
    backwardKernel.run({ bind: { dy, dx }, params, spec: actSpec(dx), grid: grid1d(dx.numel) });
    return [dx];
  },
});
