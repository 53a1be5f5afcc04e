// Stochastic depth: skips a residual branch for random samples.

import wgsl from "../../shaders/stochastic_depth.wgsl";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import { actSpec, type Tensor } from "../tensor/index.ts";
import { streams } from "../tensor/philox.ts";
import { type DropoutOptions, defineDraw, drawParams } from "./pointwise/random_draw.ts";
import { vec4 } from "./pointwise/vec4.ts";

const drawKernel = kernel("stochastic_depth", wgsl);

function draw(x: Tensor, y: Tensor, step: Tensor, options: DropoutOptions): void {
  const row = x.numel / x.shape[0]!;
  drawKernel.run({
    bind: { x: vec4(x), step, result: vec4(y) },
    params: { n: x.numel, row, ...drawParams(options) },
    spec: { STREAM: streams.dropout, WHOLE: row % 4 === 0, ...actSpec(x) },
    grid: grid1d(x.numel),
  });
}

/**
 * Zero each sample with probability p and scale the rest by 1/(1-p). Sample i stays where `dropout` would not zero element i
 * with the same options.
 *
 * Shapes    x [N, *], step [] u32 -> y [N, *].
 * Backward  dx = dy of the samples that stayed, scaled alike; 0 for the others.
 * Errors    OpError if x has no axis, p is outside 0..1, seed or stream is out of range or the step is no u32.
 * Source    Huang et al. 2016; sample by sample as in EfficientNet (Tan and Le 2019) and torchvision's mode "row".
 */
export const stochasticDepth = defineDraw("stochasticDepth", draw, (x) => {
  if (x.shape.length === 0) throw new OpError("stochasticDepth", "x: expected a batch axis", { x });
});
