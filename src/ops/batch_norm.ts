// Batch normalisation, plain and fused with a following ReLU, or with a residual's addition and ReLU.
import {
  type BackwardContext,
  computeOnce,
  defineOp,
  expectActivations,
  expectFloat,
  outputLike,
} from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import { copyInto, type DType, empty, type Shape, sameShape, Tensor } from "../tensor/index.ts";
import {
  AFTER,
  type After,
  apply,
  batchStatistics,
  gradientApply,
  gradientSums,
  runningStatistics,
  type Saved,
} from "./norm/passes.ts";

/** Options of `batchNorm`. */
export interface BatchNormOptions {
  /** True: batch statistics, and running ones are updated. False: running statistics. Default false. */
  training?: boolean;
  /** running = (1 - momentum) running + momentum batch. Default 0.1. */
  momentum?: number;
  /** Default 1e-5. */
  eps?: number;
  /** Tensors [C] that receive the statistics used: the mean and 1/sqrt(var + eps). */
  stats?: { mean: Tensor; invstd: Tensor };
}

type PerChannel = [weight: Tensor | null, bias: Tensor | null, runningMean: Tensor | null, runningVar: Tensor | null];

/** Check shapes for batch norm and the ops that contain it. Throws OpError. */
export function inferBatchNorm(
  name: string,
  x: Tensor,
  [weight, bias, runningMean, runningVar]: PerChannel,
  { training = false, momentum = 0.1, eps = 1e-5, stats }: BatchNormOptions,
): { shape: Shape; dtype: DType } {
  expectActivations(name, { x });
  expectFloat(name, { weight, bias, runningMean, runningVar });
  if (x.shape.length < 2 || x.shape.length > 5) throw new OpError(name, "x: expected 2 to 5 axes, [N, C, ...]", { x });
  const channels = x.shape[1]!;
  const perChannel = { weight, bias, runningMean, runningVar, mean: stats?.mean, invstd: stats?.invstd };
  for (const [part, t] of Object.entries(perChannel)) {
    if (t && (t.shape.length !== 1 || t.shape[0] !== channels))
      throw new OpError(name, `${part}: expected [${channels}], one value per channel`, { x, [part]: t });
  }
  if ((weight === null) !== (bias === null))
    throw new OpError(name, "expected weight and bias, or neither", { weight, bias });
  if ((runningMean === null) !== (runningVar === null))
    throw new OpError(name, "expected both running statistics, or neither");
  if (!training && !runningMean) throw new OpError(name, "evaluation: expected running statistics");
  if (training && x.numel < 2 * channels)
    throw new OpError(name, "training: expected more than one value per channel", { x });
  if (!(eps > 0)) throw new OpError(name, `eps: expected a number > 0, got ${eps}`);
  if (!(momentum >= 0 && momentum <= 1)) throw new OpError(name, `momentum: expected 0 to 1, got ${momentum}`);
  return outputLike(x);
}

/** Copy row i of stats [6, C] into a tensor [C]. */
function copyRow(target: Tensor, stats: Tensor, i: number): void {
  const { buffer, offset } = stats.view;
  const [channels] = target.shape as readonly [number];
  const storage = buffer.retain();
  copyInto(target, new Tensor({ shape: [channels], dtype: "f32", storage, offset: offset + i * channels * 4 }));
}

/** Return stats [6, C] of the batch, or the running ones. In training the running ones are updated. */
export function batchNormStatistics(
  x: Tensor,
  [weight, bias, mean, variance]: PerChannel,
  { training = false, momentum = 0.1, eps = 1e-5 }: BatchNormOptions,
): Tensor {
  const affine = { weight, bias };
  const running = mean && variance ? { mean, variance } : null;
  return running && !training
    ? runningStatistics(affine, running, eps)
    : batchStatistics(x, affine, running, { eps, momentum });
}

/** Write y and return the tensors that backward reads. */
function forward(
  after: After,
  y: Tensor,
  x: Tensor,
  residual: Tensor | null,
  perChannel: PerChannel,
  options: BatchNormOptions,
): [x: Tensor, stats: Tensor, y: Tensor | null] {
  // Once, also in a checkpoint's second run: the running statistics must not be updated twice.
  const stats = computeOnce(() => batchNormStatistics(x, perChannel, options));
  const { stats: wanted } = options;
  if (wanted) {
    copyRow(wanted.mean, stats, 0);
    copyRow(wanted.invstd, stats, 1);
  }
  apply(y, x, residual, stats, after);
  return [x, stats, after === AFTER.addRelu ? y : null];
}

/** Indices of the inputs in an op's list. */
interface Places {
  readonly x: number;
  readonly residual: number | null;
  readonly weight: number;
  readonly bias: number;
}

/** Compute the gradients of all inputs of an op that contains batch norm, by their indices; null if not needed. */
export function batchNormBackward(
  saved: Saved,
  dy: Tensor,
  at: Places,
  { options: { training = false }, needs, out }: BackwardContext<Omit<BatchNormOptions, "stats">>,
): (Tensor | null)[] {
  const { x } = saved;
  const channel = [x.shape[1]!];
  const wants = (i: number | null) => i !== null && needs[i] === true;
  const gradients: (Tensor | null)[] = needs.map(() => null);
  const wantsData = wants(at.x) || wants(at.residual);
  // In training dx needs the sums too; with constant statistics only weight and bias need them.
  let sums: { dweight: Tensor; dbias: Tensor } | null = null;
  if (wants(at.weight) || wants(at.bias) || (training && wants(at.x))) {
    const dweight = wants(at.weight) ? out(at.weight) : empty(channel);
    const dbias = wants(at.bias) ? out(at.bias) : empty(channel);
    sums = { dweight, dbias };
    gradientSums(saved, dy, dweight, dbias);
    gradients[at.weight] = dweight;
    gradients[at.bias] = dbias;
  }
  if (!wantsData) return gradients;
  // If x is a parameter, its slot may share a buffer with the weight's, which the kernel reads.
  const place = (i: number | null) => {
    if (i === null || !wants(i)) return empty(x.shape, x.dtype);
    const slot = out(i);
    const shared = sums && [sums.dweight, sums.dbias].some((t) => t.view.buffer === slot.view.buffer);
    const made = shared ? empty(x.shape, x.dtype) : slot;
    gradients[i] = made;
    return made;
  };
  const dx = place(at.x);
  const dresidual = at.residual === null ? null : place(at.residual);
  gradientApply(saved, dy, training ? sums : null, dx, dresidual);
  return gradients;
}

type Inputs = [x: Tensor, ...PerChannel];

function define(name: string, after: typeof AFTER.nothing | typeof AFTER.relu) {
  return defineOp({
    name,
    options: ["training", "momentum", "eps", "stats"],
    infer: ([x, ...perChannel]: Inputs, options: BatchNormOptions) => inferBatchNorm(name, x, perChannel, options),
    forward: (y, [x, ...perChannel], options) => forward(after, y, x, null, perChannel, options),
    backward: (dy, [x, stats, y], context) =>
      batchNormBackward({ x, stats, y, after }, dy, { x: 0, residual: null, weight: 1, bias: 2 }, context),
  });
}

/**
 * Normalise each channel over batch and space: y = (x - mean) / sqrt(var + eps) · weight + bias.
 *
 * Shapes    x [N, C, ...] (2 to 5 axes) f32 or f16, weight, bias, runningMean, runningVar [C] f32 or null -> y like x.
 * State     training: running statistics move towards the batch's (unbiased variance), in place.
 * Backward  to x, weight and bias; in training through the statistics too.
 * Errors    OpError for other shapes, one value per channel in training, missing running statistics in evaluation.
 * Source    Ioffe & Szegedy 2015.
 */
export const batchNorm = define("batchNorm", AFTER.nothing);

/** relu(batchNorm(...)) in the same number of passes. nn.Sequential uses it for a batch norm before a ReLU. */
export const batchNormRelu = define("batchNormRelu", AFTER.relu);

const ADD_RELU = "batchNormAddRelu";

/**
 * relu(batchNorm(x, ...) + residual) in the same number of passes: the end of a residual block.
 *
 * Shapes    residual like x; the rest as for batchNorm.
 * Backward  to x, residual, weight and bias; in training through the statistics too.
 * Errors    those of batchNorm; OpError for a residual of another shape.
 * Source    He et al. 2016, figure 2.
 */
export const batchNormAddRelu = defineOp({
  name: ADD_RELU,
  options: ["training", "momentum", "eps", "stats"],
  infer([x, residual, ...perChannel]: [x: Tensor, residual: Tensor, ...PerChannel], options: BatchNormOptions) {
    expectActivations(ADD_RELU, { x, residual });
    if (!sameShape(residual.shape, x.shape))
      throw new OpError(ADD_RELU, "residual: expected x's shape", { x, residual });
    return inferBatchNorm(ADD_RELU, x, perChannel, options);
  },
  forward: (y, [x, residual, ...perChannel], options) => forward(AFTER.addRelu, y, x, residual, perChannel, options),
  backward: (dy, [x, stats, y], context) =>
    batchNormBackward({ x, stats, y, after: AFTER.addRelu }, dy, { x: 0, residual: 1, weight: 2, bias: 3 }, context),
});
