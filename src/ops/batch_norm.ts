// Batch normalisation, plain and fused with ReLU: one reduction and one pass each way.
import applyWgsl from "../../shaders/batch_norm_apply.wgsl";
import gradApplyWgsl from "../../shaders/batch_norm_grad_apply.wgsl";
import gradSumsWgsl from "../../shaders/batch_norm_grad_sums.wgsl";
import runningWgsl from "../../shaders/batch_norm_running.wgsl";
import statsWgsl from "../../shaders/batch_norm_stats.wgsl";
import { defineOp, expectFloat } from "../autograd/index.ts";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import { copyInto, empty, type Shape, Tensor } from "../tensor/index.ts";

const statsKernel = kernel("batch_norm_stats", statsWgsl);
const runningKernel = kernel("batch_norm_running", runningWgsl);
const applyKernel = kernel("batch_norm_apply", applyWgsl);
const gradSumsKernel = kernel("batch_norm_grad_sums", gradSumsWgsl);
const gradApplyKernel = kernel("batch_norm_grad_apply", gradApplyWgsl);

export interface BatchNormOptions {
  /** Batch statistics (and running ones updated) or running statistics. Default false. */
  training?: boolean;
  /** running = (1 - momentum) running + momentum batch. Default 0.1. */
  momentum?: number;
  /** Default 1e-5. */
  eps?: number;
  /** Tensors [C] that receive the statistics used. */
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

function define(name: string, RELU: boolean) {
  return defineOp({
    name,
    infer(
      [x, weight, bias, runningMean, runningVar]: Inputs,
      { training = false, momentum = 0.1, eps = 1e-5, stats }: BatchNormOptions,
    ) {
      expectFloat(name, { x, weight, bias });
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
      const at = layout(x.shape);
      const { batch, channels, area, groups_per_plane, planes } = at;
      const stats = empty([2, channels]);
      if (training) {
        const track = runningMean !== null;
        const unused = track ? [] : [empty([1]), empty([1])];
        statsKernel.run({
          bind: {
            x,
            stats,
            running_mean: runningMean ?? (unused[0] as Tensor),
            running_var: runningVar ?? (unused[1] as Tensor),
          },
          params: { batch, channels, area, eps, momentum },
          spec: { TRACK: track },
          grid: grid1d(channels, 1),
        });
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
      const dweight = needs[1] ? out(1) : empty([channels]);
      const dbias = needs[2] ? out(2) : empty([channels]);
      gradSumsKernel.run({
        bind: { x, dy, stats, y: y ?? x, dweight, dbias },
        params: { batch, channels, area },
        spec: { RELU },
        grid: grid1d(channels, 1),
      });
      if (!needs[0]) return [null, dweight, dbias, null, null];
      const dx = out(0);
      // The sums may lie in one arena buffer with the weight's gradient slot; they are only read here.
      gradApplyKernel.run({
        bind: { x, dy, y: y ?? x, stats, weight: weight ?? stats, dweight, dbias, dx },
        params: { channels, area, groups_per_plane, planes, count: batch * area },
        spec: { RELU, AFFINE: weight !== null, TRAINING: training },
        grid: grid1d(planes * groups_per_plane, 1),
      });
      return [dx, dweight, dbias, null, null];
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
