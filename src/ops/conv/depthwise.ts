// Depthwise convolution has its own kernels, since no channel shares a load with another.

import forwardWgsl from "../../../shaders/depthwise_conv2d.wgsl";
import gradWeightWgsl from "../../../shaders/depthwise_conv2d_grad_weight.wgsl";
import { currentGpu, grid1d, kernel, type Spec } from "../../gpu/index.ts";
import { actSpec, type Tensor } from "../../tensor/index.ts";
import { depthwiseSpec } from "./choose.ts";
import { type Correlation, correlationParams } from "./correlation.ts";
import { type ConvShape, definitionParams } from "./shape.ts";
import { sliceCount, sumSlices } from "./slices.ts";
import type { CorrelationTensors } from "./ways.ts";

const forwardKernel = kernel("depthwise_conv2d", forwardWgsl);
const gradWeightKernel = kernel("depthwise_conv2d_grad_weight", gradWeightWgsl);
const LANES = 64; // invocations per workgroup, as in the shaders
const WORKGROUPS_WANTED = 2048;
const WORKGROUPS_WANTED_SOFTWARE = 64;

/** Rows of taps that hardware loads together. A CPU gains nothing from it, and twice the patch leaves its registers. */
const MOST_ROWS = 3;

/** Return the constants that let an invocation read rows of x, and write rows of y, by quads where they are whole quads. */
function rowLayout({ columns, rows }: Correlation, PX: number, act: Tensor): Spec {
  const { source, start, step, plane, planeStart, planeStep, pixels } = columns;
  const reads = source % 4 === 0 && PX % 4 === 0 && (PX * step) % 4 === 0;
  const writes = PX % 4 === 0 && planeStep === 1 && planeStart === 0 && pixels === plane && plane % 4 === 0;
  return {
    BLOCK: rows.taps <= MOST_ROWS && !currentGpu().adapter.software ? rows.taps : 1,
    ...actSpec(act),
    ...(reads && { EACH: 4, SKIP: ((start % 4) + 4) % 4, In: "vec4<Act>", Lane: "vec4<f32>" }),
    ...(writes && { EACH_Y: 4, Out: "vec4<Act>", written: "Out(v)" }),
  };
}

/** Run a depthwise correlation, like correlate(). Returns false if its rows of taps are too long for these kernels. */
export function depthwiseCorrelate(c: Correlation, { x, w, b, y }: CorrelationTensors): boolean {
  const { pixels, taps, step, spread } = c.columns;
  const row = depthwiseSpec(pixels, taps, step, spread, c.columns.source % 4 === 0);
  if (!row) return false;
  const spec = { ...row, ...rowLayout(c, row.PX, x) };
  const blocks = c.batch * c.groups * c.written * c.rows.pixels * Math.ceil(pixels / row.PX);
  const params = correlationParams(c, b !== null);
  forwardKernel.run({ bind: { x, w, b: b ?? w, y }, params, spec, grid: grid1d(blocks) });
  return true;
}

/** Compute dw [O,1,kh,kw] from x and dy. Returns false if rows of taps are too long for this kernel. */
export function depthwiseGradWeight(s: ConvShape, { dw, x, dy }: { dw: Tensor; x: Tensor; dy: Tensor }): boolean {
  const { out, size, kernel: taps, stride, dilation, padding } = s.columns;
  const quads = size % 4 === 0 && out % 4 === 0;
  const row = depthwiseSpec(out, taps, stride, dilation, quads);
  if (!row) return false;
  const reads = quads && row.PX % 4 === 0;
  const wide = { EACH: 4, SKIP: (4 - (padding % 4)) % 4, In: "vec4<Act>", Lane: "vec4<f32>" };
  const spec = { ...row, ...actSpec(x), ...(reads && wide) };
  const rows = s.batch * s.rows.out;
  const blocks = Math.ceil(out / row.PX);
  const wanted = currentGpu().adapter.software ? WORKGROUPS_WANTED_SOFTWARE : WORKGROUPS_WANTED;
  const items = (s.outputs * s.rows.kernel * blocks) / LANES;
  const slice = Math.ceil(rows / sliceCount(rows, row.PX, items, wanted, dw.bytes * blocks));
  const slices = Math.ceil(rows / slice) * blocks;
  sumSlices(dw, slices, (partial) => {
    const params = { ...definitionParams(s), slices, slice };
    const grid = grid1d(s.outputs * s.rows.kernel * slices);
    gradWeightKernel.run({ bind: { x, dy, dw: partial }, params, spec, grid });
  });
  return true;
}
