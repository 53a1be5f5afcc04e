// Batch normalisation, plain and fused with ReLU: one reduction and one pass each way; long channels reduce in slices.
import applyWgsl from "../../shaders/batch_norm_apply.wgsl";
import gradApplyWgsl from "../../shaders/batch_norm_grad_apply.wgsl";
import gradMergeWgsl from "../../shaders/batch_norm_grad_merge.wgsl";
import gradSumsWgsl from "../../shaders/batch_norm_grad_sums.wgsl";
import mergeWgsl from "../../shaders/batch_norm_merge.wgsl";
import runningWgsl from "../../shaders/batch_norm_running.wgsl";
import slicesWgsl from "../../shaders/batch_norm_slices.wgsl";
import statsWgsl from "../../shaders/batch_norm_stats.wgsl";
import { defineOp, expectFloat } from "../autograd/index.ts";
import { currentGpu, grid1d, kernel, OpError } from "../gpu/index.ts";
import { copyInto, empty, type Shape, Tensor } from "../tensor/index.ts";

const statsKernel = kernel("batch_norm_stats", statsWgsl);
const slicesKernel = kernel("batch_norm_slices", slicesWgsl);
const mergeKernel = kernel("batch_norm_merge", mergeWgsl);
const runningKernel = kernel("batch_norm_running", runningWgsl);
const applyKernel = kernel("batch_norm_apply", applyWgsl);
const gradSumsKernel = kernel("batch_norm_grad_sums", gradSumsWgsl);
const gradMergeKernel = kernel("batch_norm_grad_merge", gradMergeWgsl);
const gradApplyKernel = kernel("batch_norm_grad_apply", gradApplyWgsl);

export interface BatchNormOptions {
  /** Batch statistics (and running ones updated) or running statistics. Default false. */
  training?: boolean;
  /** running = (1 - momentum) running + momentum batch. Default 0.1. */
  momentum?: number;
  /** Default 1e-5. */
  eps?: number;
  /** Tensors [C] that receive the statistics used: the mean and 1/sqrt(var + eps). */
  stats?: { mean: Tensor; invstd: Tensor };
}

type Inputs = [
  x: Tensor,
  weight: Tensor | null,
  bias: Tensor | null,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
];

const PER_GROUP = 512;

function layout(shape: Shape) {
  const [batch = 1, channels = 1] = shape;
  const area = shape.slice(2).reduce((a, b) => a * b, 1);
  const groupsPerPlane = Math.ceil(area / PER_GROUP);
  return { batch, channels, area, groups_per_plane: groupsPerPlane, planes: batch * channels };
}

/** Channels up to this long are one workgroup's work. */
const LONGEST_SINGLE = 16384;
/** Below this many workgroups a device is partly idle; a CPU pays more for a workgroup than it gains by another. */
const BUSY_HARDWARE = 1024;
const BUSY_SOFTWARE = 8;
/** Terms that make a workgroup's start worth it. */
const LEAST_SLICE = 4096;

/** How each channel is cut up: [slices, terms of each]. */
function slicing(channels: number, count: number): [slices: number, terms: number] {
  if (count <= LONGEST_SINGLE) return [1, count];
  const busy = currentGpu().adapter.software ? BUSY_SOFTWARE : BUSY_HARDWARE;
  const wanted = Math.min(Math.ceil(count / LEAST_SLICE), Math.ceil(busy / channels));
  const terms = Math.ceil(count / wanted);
  return [Math.ceil(count / terms), terms];
}

/** Fills stats [4, C], see lib/batch_statistics.wgsl, and moves the running ones. */
function batchStatistics(
  x: Tensor,
  stats: Tensor,
  running: readonly [Tensor, Tensor] | null,
  eps: number,
  momentum: number,
): void {
  const { batch, channels, area } = layout(x.shape);
  const [running_mean, running_var] = running ?? [empty([1]), empty([1])];
  const spec = { TRACK: running !== null };
  const [slices, slice_terms] = slicing(channels, batch * area);
  if (slices === 1) {
    const params = { batch, channels, area, eps, momentum };
    statsKernel.run({ bind: { x, stats, running_mean, running_var }, params, spec, grid: grid1d(channels, 1) });
    return;
  }
  const partial = empty([channels, slices, 3]);
  slicesKernel.run({
    bind: { x, partial },
    params: { batch, channels, area, slices, slice_terms },
    grid: grid1d(channels * slices, 1),
  });
  mergeKernel.run({
    bind: { x, partial, stats, running_mean, running_var },
    params: { channels, area, slices, eps, momentum },
    spec,
    grid: grid1d(channels, 1),
  });
}

/** Writes the sums of dy · xhat and of dy over each channel. y, where given, gates dy as ReLU does. */
function gradientSums(x: Tensor, dy: Tensor, stats: Tensor, y: Tensor | null, dweight: Tensor, dbias: Tensor): void {
  const { batch, channels, area } = layout(x.shape);
  const [slices, slice_terms] = slicing(channels, batch * area);
  const whole = slices === 1;
  const [dweights, dbiases] = whole ? [dweight, dbias] : [empty([channels, slices]), empty([channels, slices])];
  gradSumsKernel.run({
    bind: { x, dy, stats, y: y ?? x, dweight: dweights, dbias: dbiases },
    params: { batch, channels, area, slices, slice_terms },
    spec: { RELU: y !== null },
    grid: grid1d(channels * slices, 1),
  });
  if (whole) return;
  const bind = { dweights, dbiases, dweight, dbias };
  gradMergeKernel.run({ bind, params: { channels, slices }, grid: grid1d(channels, 1) });
}

function define(name: string, RELU: boolean) {
  return defineOp({
    name,
    infer(
      [x, weight, bias, runningMean, runningVar]: Inputs,
      { training = false, momentum = 0.1, eps = 1e-5, stats }: BatchNormOptions,
    ) {
      expectFloat(name, { x, weight, bias, runningMean, runningVar });
      if (x.shape.length < 2 || x.shape.length > 5) throw new OpError(name, "x wants 2 to 5 axes, [N, C, ...]", { x });
      const { batch, channels, area } = layout(x.shape);
      const perChannel = { weight, bias, runningMean, runningVar, mean: stats?.mean, invstd: stats?.invstd };
      for (const [part, t] of Object.entries(perChannel)) {
        if (t && (t.shape.length !== 1 || t.shape[0] !== channels)) {
          throw new OpError(name, `${part} wants [${channels}], one value per channel`, { x, [part]: t });
        }
      }
      if ((weight === null) !== (bias === null))
        throw new OpError(name, "wants weight and bias, or neither", { weight, bias });
      if ((runningMean === null) !== (runningVar === null))
        throw new OpError(name, "wants both running statistics, or neither");
      if (!training && !runningMean) throw new OpError(name, "evaluation wants running statistics");
      if (training && batch * area < 2)
        throw new OpError(name, "training wants more than one value per channel", { x });
      if (!(eps > 0)) throw new OpError(name, `eps wants a number > 0, was given ${eps}`);
      if (!(momentum >= 0 && momentum <= 1)) throw new OpError(name, `momentum wants 0 to 1, was given ${momentum}`);
      return { shape: x.shape, dtype: "f32" };
    },
    forward(
      y,
      [x, weight, bias, runningMean, runningVar],
      { training = false, momentum = 0.1, eps = 1e-5, stats: wanted },
    ) {
      const { channels, area, groups_per_plane, planes } = layout(x.shape);
      const stats = empty([4, channels]);
      if (training) {
        batchStatistics(x, stats, runningMean && runningVar ? [runningMean, runningVar] : null, eps, momentum);
      } else {
        runningKernel.run({
          bind: { running_mean: runningMean as Tensor, running_var: runningVar as Tensor, stats },
          params: { channels, eps },
          grid: [Math.ceil(channels / 64)],
        });
      }
      if (wanted) {
        const { buffer, offset } = stats.view;
        for (const [i, t] of [wanted.mean, wanted.invstd].entries()) {
          copyInto(
            t,
            new Tensor({
              shape: [channels],
              dtype: "f32",
              storage: buffer.retain(),
              offset: offset + i * channels * 4,
            }),
          );
        }
      }
      applyKernel.run({
        bind: { x, stats, weight: weight ?? stats, bias: bias ?? stats, y },
        params: { channels, area, groups_per_plane, planes },
        spec: { RELU, AFFINE: weight !== null },
        grid: grid1d(planes * groups_per_plane, 1),
      });
      return [x, weight, stats, RELU ? y : null];
    },
    backward(dy, [x, weight, stats, y], { options: { training = false }, needs, out }) {
      const { batch, channels, area, groups_per_plane, planes } = layout(x.shape);
      // In training dx is made of the sums too; with constant statistics only weight and bias want them.
      const sums = training || needs[1] || needs[2];
      const dweight = !sums ? stats : needs[1] ? out(1) : empty([channels]);
      const dbias = !sums ? stats : needs[2] ? out(2) : empty([channels]);
      if (sums) gradientSums(x, dy, stats, y, dweight, dbias);
      if (!needs[0]) return [null, dweight, dbias];
      // Where x is a parameter, its slot may lie in one buffer with the weight's, which this kernel reads.
      const slot = out(0);
      const shared = [dweight, dbias].some((t) => t.view.buffer === slot.view.buffer);
      const dx = shared ? empty(x.shape) : slot;
      gradApplyKernel.run({
        bind: { x, dy, y: y ?? x, stats, weight: weight ?? stats, dweight, dbias, dx },
        params: { channels, area, groups_per_plane, planes, count: batch * area },
        spec: { RELU, AFFINE: weight !== null, TRAINING: training },
        grid: grid1d(planes * groups_per_plane, 1),
      });
      return [dx, dweight, dbias];
    },
  });
}

/**
 * Batch norm: y = (x - mean) / sqrt(var + eps) · weight + bias, per channel over batch and space.
 *
 * Shapes    x [N, C, ...] (2 to 5 axes), weight, bias, runningMean, runningVar [C] or null -> y like x.
 * State     training: running statistics move towards the batch's (unbiased variance), in place.
 * Backward  to x, weight and bias; in training through the statistics too.
 * Errors    OpError for other shapes, one value per channel in training, missing running statistics in evaluation.
 * Source    Ioffe & Szegedy 2015.
 */
export const batchNorm = define("batchNorm", false);

/** relu(batchNorm(...)) in the same number of passes: what nn.Sequential uses when a ReLU follows. */
export const batchNormRelu = define("batchNormRelu", true);
