// The passes of batch norm: statistics, apply, the sums of backward and the gradients from them. Their last argument,
// `software`, cuts channels as for that kind of adapter; default: as for the current one.
import applyWgsl from "../../../shaders/batch_norm_apply.wgsl";
import gradApplyWgsl from "../../../shaders/batch_norm_grad_apply.wgsl";
import gradMergeWgsl from "../../../shaders/batch_norm_grad_merge.wgsl";
import gradSumsWgsl from "../../../shaders/batch_norm_grad_sums.wgsl";
import mergeWgsl from "../../../shaders/batch_norm_merge.wgsl";
import runningWgsl from "../../../shaders/batch_norm_running.wgsl";
import slicesWgsl from "../../../shaders/batch_norm_slices.wgsl";
import statsWgsl from "../../../shaders/batch_norm_stats.wgsl";
import { grid1d, groups1d, kernel } from "../../gpu/index.ts";
import { actSpec, empty, type Tensor } from "../../tensor/index.ts";
import { channelLayout, mappedSlices, reducedSlices, walkSpec } from "./layout.ts";

const statsKernel = kernel("batch_norm_stats", statsWgsl);
const slicesKernel = kernel("batch_norm_slices", slicesWgsl);
const mergeKernel = kernel("batch_norm_merge", mergeWgsl);
const runningKernel = kernel("batch_norm_running", runningWgsl);
const applyKernel = kernel("batch_norm_apply", applyWgsl);
const gradSumsKernel = kernel("batch_norm_grad_sums", gradSumsWgsl);
const gradMergeKernel = kernel("batch_norm_grad_merge", gradMergeWgsl);
const gradApplyKernel = kernel("batch_norm_grad_apply", gradApplyWgsl);

/** Operations after the affine map in the same pass: constants of the shaders. */
export const AFTER = {
  nothing: { RELU: false, RESIDUAL: false },
  relu: { RELU: true, RESIDUAL: false },
  addRelu: { RELU: true, RESIDUAL: true },
} as const;
export type After = (typeof AFTER)[keyof typeof AFTER];

/** weight and bias [C], both or none. */
interface Affine {
  readonly weight: Tensor | null;
  readonly bias: Tensor | null;
}

interface Running {
  readonly mean: Tensor;
  readonly variance: Tensor;
}

/** Compute statistics of the batch, stats [6, C] (shaders/lib/batch_statistics.wgsl). Updates the running ones. */
export function batchStatistics(
  x: Tensor,
  { weight, bias }: Affine,
  running: Running | null,
  { eps, momentum }: { readonly eps: number; readonly momentum: number },
  software?: boolean,
): Tensor {
  const layout = channelLayout(x.shape, software);
  const { channels, walk, plane } = layout;
  const stats = empty([6, channels]);
  // WebGPU requires every declared binding, so a variant binds a dummy to those it does not use.
  const bind = {
    x,
    weight: weight ?? x,
    bias: bias ?? x,
    stats,
    running_mean: running?.mean ?? empty([1]),
    running_var: running?.variance ?? empty([1]),
  };
  const spec = { TRACK: running !== null, AFFINE: weight !== null };
  const grid = groups1d(channels);
  const cut = reducedSlices(layout);
  if (cut.slices === 1) {
    statsKernel.run({
      bind,
      params: { ...walk, rounds: cut.rounds, eps, momentum },
      spec: { ...walkSpec(layout, cut, x), ...spec },
      grid,
    });
    return stats;
  }
  const partial = empty([channels, cut.slices, 3]);
  slicesKernel.run({
    bind: { x, partial },
    params: { ...walk, ...cut },
    spec: walkSpec(layout, cut, x),
    grid: groups1d(channels * cut.slices),
  });
  const params = { channels, plane, slices: cut.slices, eps, momentum };
  mergeKernel.run({ bind: { ...bind, partial }, params, spec: { ...spec, ...actSpec(x) }, grid });
  return stats;
}

/** Return running statistics in the form of batchStatistics. */
export function runningStatistics({ weight, bias }: Affine, { mean, variance }: Running, eps: number): Tensor {
  const [channels] = mean.shape as readonly [number];
  const stats = empty([6, channels]);
  runningKernel.run({
    bind: { running_mean: mean, running_var: variance, weight: weight ?? mean, bias: bias ?? mean, stats },
    params: { channels, eps },
    spec: { AFFINE: weight !== null },
    grid: grid1d(channels),
  });
  return stats;
}

/** Write y. `residual` is set with AFTER.addRelu. */
export function apply(
  y: Tensor,
  x: Tensor,
  residual: Tensor | null,
  stats: Tensor,
  after: After,
  software?: boolean,
): void {
  const layout = channelLayout(x.shape, software);
  const cut = mappedSlices(layout);
  applyKernel.run({
    bind: { x, residual: residual ?? x, stats, y },
    params: { ...layout.walk, ...cut },
    spec: { ...walkSpec(layout, cut, x), ...after },
    grid: groups1d(layout.channels * cut.slices),
  });
}

/** Inputs of backward. y, the output, only with AFTER.addRelu: otherwise it is recomputed from x. */
export interface Saved {
  readonly x: Tensor;
  readonly stats: Tensor;
  readonly y: Tensor | null;
  readonly after: After;
}

/** Write the sums of dy · xhat and of dy over each channel, with dy gated by the ReLU. */
export function gradientSums(
  { x, stats, y, after }: Saved,
  dy: Tensor,
  dweight: Tensor,
  dbias: Tensor,
  software?: boolean,
): void {
  const layout = channelLayout(x.shape, software);
  const { channels, walk } = layout;
  const cut = reducedSlices(layout);
  const whole = cut.slices === 1;
  const [dweights, dbiases] = whole ? [dweight, dbias] : [empty([channels, cut.slices]), empty([channels, cut.slices])];
  gradSumsKernel.run({
    bind: { x, dy, y: y ?? x, stats, dweight: dweights, dbias: dbiases },
    params: { ...walk, ...cut },
    spec: { ...walkSpec(layout, cut, x), ...after },
    grid: groups1d(channels * cut.slices),
  });
  if (whole) return;
  const bind = { dweights, dbiases, dweight, dbias };
  gradMergeKernel.run({ bind, params: { channels, slices: cut.slices }, grid: groups1d(channels) });
}

/** Write dx and, with AFTER.addRelu, the residual's gradient. Without `sums` the statistics are constants. */
export function gradientApply(
  { x, stats, y, after }: Saved,
  dy: Tensor,
  sums: { readonly dweight: Tensor; readonly dbias: Tensor } | null,
  dx: Tensor,
  dresidual: Tensor | null,
  software?: boolean,
): void {
  const layout = channelLayout(x.shape, software);
  const cut = mappedSlices(layout);
  gradApplyKernel.run({
    bind: {
      x,
      dy,
      y: y ?? x,
      stats,
      dweight: sums?.dweight ?? stats,
      dbias: sums?.dbias ?? stats,
      dx,
      dresidual: dresidual ?? empty([4]),
    },
    params: { ...layout.walk, ...cut, count: layout.count },
    spec: { ...walkSpec(layout, cut, x), ...after, TRAINING: sums !== null },
    grid: groups1d(layout.channels * cut.slices),
  });
}
