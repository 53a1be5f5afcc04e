// Depthwise convolution has its own kernels, since no channel shares a load with another.

import forwardWgsl from "../../../shaders/depthwise_conv2d.wgsl";
import gradWeightWgsl from "../../../shaders/depthwise_conv2d_grad_weight.wgsl";
import { grid1d, kernel } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { depthwiseSpec } from "./choose.ts";
import type { CorrelationTensors } from "./correlate.ts";
import { type Correlation, correlationParams } from "./correlation.ts";
import { type ConvShape, definitionParams } from "./shape.ts";
import { sliceCount, sumSlices } from "./slices.ts";

const forwardKernel = kernel("depthwise_conv2d", forwardWgsl);
const gradWeightKernel = kernel("depthwise_conv2d_grad_weight", gradWeightWgsl);
const LANES = 64; // invocations per workgroup, as in the shaders
const WORKGROUPS_WANTED = 64;

/** Run a depthwise correlation, like correlate(). Returns false if its rows of taps are too long for these kernels. */
export function depthwiseCorrelate(c: Correlation, { x, w, b, y }: CorrelationTensors): boolean {
  const { pixels, taps, step, spread } = c.columns;
  const spec = depthwiseSpec(pixels, taps, step, spread);
  if (!spec) return false;
  const blocks = c.batch * c.groups * c.written * c.rows.pixels * Math.ceil(pixels / spec.PX);
  const params = correlationParams(c, b !== null);
  forwardKernel.run({ bind: { x, w, b: b ?? w, y }, params, spec, grid: grid1d(blocks) });
  return true;
}

/** Compute dw [O,1,kh,kw] from x and dy. Returns false if rows of taps are too long for this kernel. */
export function depthwiseGradWeight(s: ConvShape, { dw, x, dy }: { dw: Tensor; x: Tensor; dy: Tensor }): boolean {
  const { out, kernel: taps, stride, dilation } = s.columns;
  const spec = depthwiseSpec(out, taps, stride, dilation);
  if (!spec) return false;
  const rows = s.batch * s.rows.out;
  const items = (s.outputs * s.rows.kernel) / LANES;
  const slice = Math.ceil(rows / sliceCount(rows, out, items, WORKGROUPS_WANTED, dw.bytes));
  const slices = Math.ceil(rows / slice);
  sumSlices(dw, slices, (partial) => {
    const params = { ...definitionParams(s), slices, slice };
    const grid = grid1d(s.outputs * s.rows.kernel * slices);
    gradWeightKernel.run({ bind: { x, dy, dw: partial }, params, spec, grid });
  });
  return true;
}
