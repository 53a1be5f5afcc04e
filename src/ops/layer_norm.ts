// Layer normalisation over the last axes.
import { defineOp, outputLike } from "../autograd/index.ts";
import { expectOptions, OpError } from "../gpu/index.ts";
import { numel, type Shape, sameShape, type Tensor } from "../tensor/index.ts";
import { expectNorm, type NormInputs, normaliseRows, type RowLayout, rowGradients } from "./norm/rows.ts";

/** Options of `layerNorm`. */
export interface LayerNormOptions {
  /** Factor of each element, of the normalised shape. Default none. */
  readonly weight?: Tensor | null;
  /** Sum of each element, of the normalised shape. Default none. */
  readonly bias?: Tensor | null;
  /** Added to the variance. Default 1e-5. */
  readonly eps?: number;
}

/** Options of the traced op, whose weights are inputs. */
export interface LayerNormSettings {
  readonly shape: Shape;
  readonly eps?: number | undefined;
}

const OP = "layerNorm";
const EPS = 1e-5;

function layoutOf(x: Tensor, shape: Shape): RowLayout {
  const length = numel(shape);
  return { rows: x.numel / length, length, plane: 1, groups: 1, per_group: length };
}

const op = defineOp({
  name: OP,
  infer(inputs: NormInputs, { shape, eps = EPS }: LayerNormSettings) {
    const [x] = inputs;
    if (!Array.isArray(shape) || shape.length === 0)
      throw new OpError(OP, "shape: expected the sizes of the last axes of x, such as [64]", { x });
    if (shape.length > x.shape.length || !sameShape(x.shape.slice(-shape.length), shape))
      throw new OpError(OP, `shape: expected the last axes of x, got [${shape.join(",")}]`, { x });
    expectNorm(OP, inputs, shape, eps);
    return outputLike(x);
  },
  forward: (y, inputs, { shape, eps = EPS }) => normaliseRows(y, inputs, layoutOf(inputs[0], shape), eps),
  backward: (dy, saved, context) => rowGradients(OP, dy, saved, layoutOf(saved[0], context.options.shape), context),
});

/**
 * Normalise the last axes: y = (x - mean) / sqrt(var + eps) · weight + bias. Mean and variance (biased) are those of the last
 * axes, whose sizes are `shape`, for each position of the axes before them.
 *
 * Shapes    x [*, ...shape], weight and bias [...shape] or absent -> y like x.
 * Backward  to x through the statistics, to weight and bias. The variance is summed about the mean, in a second pass: a mean
 *           much larger than the deviations costs no digits.
 * Errors    OpError if `shape` is not the end of x's shape, for weights of another shape, for dtypes other than f32 and f16, for eps <= 0.
 * Source    Ba et al. 2016, "Layer normalization".
 *
 * @example
 * const x = tensor([[1, 2, 3], [4, 6, 8]]);
 * const y = layerNorm(x, [3], { weight: tensor([1, 1, 2]) });
 * console.log(await y.data()); // -1.22 0 2.45 -1.22 0 2.45
 */
export function layerNorm(x: Tensor, shape: Shape, options: LayerNormOptions = {}): Tensor {
  expectOptions(OP, options, { weight: true, bias: true, eps: true });
  const { weight = null, bias = null, eps } = options;
  return op(x, weight, bias, { shape, eps });
}
