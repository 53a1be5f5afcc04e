// Dropout: zeroes random elements during training. The mask is drawn on the GPU from a counter, or given.

import drawWgsl from "../../shaders/dropout.wgsl";
import maskWgsl from "../../shaders/masked_scale.wgsl";
import { defineOp, expectActivations, outputLike } from "../autograd/index.ts";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import { actSpec, sameShape, type Tensor } from "../tensor/index.ts";
import { streams } from "../tensor/philox.ts";
import { checkP, type DropoutOptions, defineDraw, drawParams, scaleFor } from "./pointwise/random_draw.ts";

export type { DropoutOptions } from "./pointwise/random_draw.ts";

import { vec4 } from "./pointwise/vec4.ts";

const drawKernel = kernel("dropout", drawWgsl);
const maskKernel = kernel("masked_scale", maskWgsl);

function draw(x: Tensor, y: Tensor, step: Tensor, options: DropoutOptions): void {
  drawKernel.run({
    bind: { x: vec4(x), step, result: vec4(y) },
    params: { n: x.numel, ...drawParams(options) },
    spec: { STREAM: streams.dropout, ...actSpec(x) },
    grid: grid1d(x.numel),
  });
}

/**
 * Zero each element with probability p and scale the rest by 1/(1-p). Element i stays if number i % 4 of
 * philox4x32 at counter (i/4, step, stream, high word of the seed), key (low word, streams.dropout), is at least p.
 *
 * Shapes    x [*], step [] u32 -> y [*].
 * Backward  dx = dy with the same mask, drawn again.
 * Errors    OpError when p is outside 0..1, seed or stream is out of range or the step is no u32.
 * Source    Srivastava et al. 2014; Philox4x32-10 of Salmon et al. 2011.
 */
export const dropout = defineDraw("dropout", draw);

function applyMask(x: Tensor, mask: Tensor, y: Tensor, p: number): Tensor {
  const params = { n: x.numel, scale: scaleFor(p) };
  const bind = { x: vec4(x), mask: vec4(mask), result: vec4(y) };
  const spec = { ...actSpec(x), ...(mask.dtype === "f16" && { Mask: "f16" }) };
  maskKernel.run({ bind, params, spec, grid: grid1d(x.numel) });
  return y;
}

/**
 * y = x · mask / (1 - p) for a mask of zeros and ones; all zeros at p = 1.
 *
 * Shapes    x, mask [*] -> y [*].
 * Backward  dx = dy · mask / (1 - p); none to the mask.
 * Errors    OpError when the shapes differ or p is outside 0..1.
 */
export const dropoutWithMask = defineOp({
  name: "dropoutWithMask",
  options: ["p"],
  infer([x, mask]: [x: Tensor, mask: Tensor], { p }: { p: number }) {
    expectActivations("dropoutWithMask", { x });
    expectActivations("dropoutWithMask", { mask });
    checkP("dropoutWithMask", p);
    if (!sameShape(x.shape, mask.shape)) throw new OpError("dropoutWithMask", "mask: expected x's shape", { x, mask });
    return outputLike(x);
  },
  forward(y, [x, mask], { p }) {
    applyMask(x, mask, y, p);
    return [mask];
  },
  backward: (dy, [mask], { options: { p }, out }) => [applyMask(dy, mask, out(0), p), null],
});
