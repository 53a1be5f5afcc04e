// Naive twins that only the benchmarks use: one element per invocation, one dispatch per step of the definition.
import { grid1d, kernel } from "../../src/gpu/index.ts";
import { empty, type Shape, type Tensor } from "../../src/tensor/index.ts";
import applyWgsl from "../shaders/batch_norm_apply_naive.wgsl";
import gradApplyWgsl from "../shaders/batch_norm_grad_apply_naive.wgsl";
import gradSumsWgsl from "../shaders/batch_norm_grad_sums_naive.wgsl";
import statsWgsl from "../shaders/batch_norm_stats_naive.wgsl";
import elementwiseWgsl from "../shaders/elementwise_naive.wgsl";
import gatherWgsl from "../shaders/gather_naive.wgsl";
import sumWgsl from "../shaders/sum_naive.wgsl";

const elementwiseKernel = kernel("elementwise_naive", elementwiseWgsl);
const statsKernel = kernel("batch_norm_stats_naive", statsWgsl);
const applyKernel = kernel("batch_norm_apply_naive", applyWgsl);
const gradSumsKernel = kernel("batch_norm_grad_sums_naive", gradSumsWgsl);
const gradApplyKernel = kernel("batch_norm_grad_apply_naive", gradApplyWgsl);
const sumKernel = kernel("sum_naive", sumWgsl);
const gatherKernel = kernel("gather_naive", gatherWgsl);

const CODES = { copy: 0, relu: 1, add: 2, mul: 3, reluGrad: 4 } as const;

/** Run one of the elementwise functions. Element i of `a` is paired with b[i / every % size of b]. */
export function naiveElementwise(name: keyof typeof CODES, a: Tensor, b: Tensor | null = null, every = 1): Tensor {
  const y = empty(a.shape);
  elementwiseKernel.run({
    bind: { a, b: b ?? a, y },
    params: { n: a.numel, b_every: every, b_size: (b ?? a).numel },
    spec: { OP: CODES[name] },
    grid: grid1d(a.numel),
  });
  return y;
}

/** Per-channel tensors [C] of a batch norm. */
interface Channels {
  readonly mean: Tensor;
  readonly invstd: Tensor;
  readonly weight: Tensor;
  readonly bias: Tensor;
}

const layout = ([batch = 1, channels = 1, ...plane]: Shape) => ({
  batch,
  channels,
  area: plane.reduce((a, b) => a * b, 1),
});

/** Compute mean and 1/sqrt(var + eps) of x [N, C, ...]. */
export function naiveStatistics(x: Tensor, eps = 1e-5): Pick<Channels, "mean" | "invstd"> {
  const params = { ...layout(x.shape), eps };
  const mean = empty([params.channels]);
  const invstd = empty([params.channels]);
  statsKernel.run({ bind: { x, mean, invstd }, params, grid: grid1d(params.channels) });
  return { mean, invstd };
}

/** Compute the affine map of batch norm, without ReLU. */
export function naiveApply(x: Tensor, { mean, invstd, weight, bias }: Channels): Tensor {
  const { channels, area } = layout(x.shape);
  const y = empty(x.shape);
  const params = { n: x.numel, channels, area };
  applyKernel.run({ bind: { x, mean, invstd, weight, bias, y }, params, grid: grid1d(x.numel) });
  return y;
}

/** Compute the gradients of batch norm in training from dy, already gated by ReLU: [dx, dweight, dbias]. */
export function naiveBatchNormGradients(x: Tensor, dy: Tensor, { mean, invstd, weight }: Channels): Tensor[] {
  const { batch, channels, area } = layout(x.shape);
  const dweight = empty([channels]);
  const dbias = empty([channels]);
  const dx = empty(x.shape);
  gradSumsKernel.run({
    bind: { x, dy, mean, invstd, dweight, dbias },
    params: { batch, channels, area },
    grid: grid1d(channels),
  });
  gradApplyKernel.run({
    bind: { x, dy, mean, invstd, weight, dweight, dbias, dx },
    params: { n: x.numel, channels, area, count: batch * area },
    grid: grid1d(x.numel),
  });
  return [dx, dweight, dbias];
}

/** Sum x, viewed as [a, b, c, d], over a and c. */
export function naiveSum(x: Tensor, size: readonly [number, number, number, number]): Tensor {
  const outputs = size[1] * size[3];
  const y = empty([outputs]);
  sumKernel.run({ bind: { x, y }, params: { n: outputs, size }, grid: grid1d(outputs) });
  return y;
}

/** Return -values[row, labels[row]] of values [rows, classes]. */
export function naiveNegativePick(values: Tensor, labels: Tensor): Tensor {
  const [rows, classes] = values.shape as [number, number];
  const losses = empty([rows]);
  gatherKernel.run({ bind: { values, labels, losses }, params: { rows, classes }, grid: grid1d(rows) });
  return losses;
}
