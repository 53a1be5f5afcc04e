// Group normalisation: statistics over groups of channels, for each sample.
import { defineOp, outputLike } from "../autograd/index.ts";
import { expectOptions, OpError } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { expectNorm, type NormInputs, normaliseRows, type RowLayout, rowGradients } from "./norm/rows.ts";

/** Options of `groupNorm`. */
export interface GroupNormOptions {
  /** Factor of each channel, [C]. Default none. */
  readonly weight?: Tensor | null;
  /** Sum of each channel, [C]. Default none. */
  readonly bias?: Tensor | null;
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
}

/** Options of the traced op, whose weights are inputs. */
export interface GroupNormSettings {
  readonly groups: number;
  readonly eps?: number | undefined;
}

const OP = "groupNorm";
const EPS = 1e-5;

function layoutOf(x: Tensor, groups: number): RowLayout {
  const [batch, channels] = x.shape as readonly [number, number];
  const plane = x.numel / (batch * channels);
  const per_group = channels / groups;
  return { rows: batch * groups, length: per_group * plane, plane, groups, per_group };
}

const op = defineOp({
  name: OP,
  infer(inputs: NormInputs, { groups, eps = EPS }: GroupNormSettings) {
    const [x] = inputs;
    if (x.shape.length < 2) throw new OpError(OP, "x: expected at least 2 axes, [N, C, ...]", { x });
    const channels = x.shape[1]!;
    if (!(Number.isInteger(groups) && groups >= 1 && channels % groups === 0))
      throw new OpError(OP, `groups: expected a divisor of the ${channels} channels, got ${groups}`, { x });
    expectNorm(OP, inputs, [channels], eps);
    return outputLike(x);
  },
  forward: (y, inputs, { groups, eps = EPS }) => normaliseRows(y, inputs, layoutOf(inputs[0], groups), eps),
  backward: (dy, saved, context) => rowGradients(OP, dy, saved, layoutOf(saved[0], context.options.groups), context),
});

/**
 * Normalise groups of channels: y = (x - mean) / sqrt(var + eps) · weight + bias. Mean and variance (biased) are those of
 * each sample's group of C / groups neighbouring channels and their planes. groups = C is instance norm.
 *
 * Shapes    x [N, C, ...], weight and bias [C] or absent -> y like x.
 * Backward  to x through the statistics, to weight and bias. The variance is summed about the mean, in a second pass.
 * Errors    OpError if groups does not divide C, for weights of another shape, for dtypes other than f32 and f16, for eps <= 0.
 * Source    Wu and He 2018, "Group normalization".
 *
 * @example
 * const x = tensor([[[1, 3], [5, 7]]]); // [1, 2, 2]: two channels of two pixels
 * const y = groupNorm(x, 2, { bias: tensor([0, 10]) });
 * console.log(await y.data()); // -1 1 9 11
 */
export function groupNorm(x: Tensor, groups: number, options: GroupNormOptions = {}): Tensor {
  expectOptions(OP, options, { weight: true, bias: true, eps: true });
  const { weight = null, bias = null, eps } = options;
  return op(x, weight, bias, { groups, eps });
}
