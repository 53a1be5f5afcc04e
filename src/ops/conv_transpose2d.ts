// Transposed two-dimensional convolution: the input gradient of conv2d as a forward pass. It runs conv2d's kernels.
import { convertInto, defineOp, type Op, sumAxesInto } from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import { copyInto, empty, type Shape, type Tensor } from "../tensor/index.ts";
import { add } from "./binary.ts";
import { convForward, convGradInput, convGradWeight } from "./conv/passes.ts";
import { type Axis, type Conv2dOptions, type ConvShape, expectAlgorithm, type Pair, pairOf } from "./conv/shape.ts";
import { expand } from "./expand.ts";

/** Options of `convTranspose2d`. Sizes are one number for both axes, or [rows, columns]. */
export interface ConvTranspose2dOptions extends Conv2dOptions {
  /** Rows and columns added at the end of the output: less than the stride or the dilation. Default 0. */
  readonly outputPadding?: Pair;
}

const OP = "convTranspose2d";

type Inputs = [x: Tensor, weight: Tensor, bias: Tensor | null];

/** Check axes, dtypes and channels. Returns the number of groups. */
function expectTensors([x, weight, bias]: Inputs, groups: number): void {
  const tensors = { x, weight, bias };
  if (x.dtype !== "f32" && x.dtype !== "f16") throw new OpError(OP, `x: expected f32 or f16, got ${x.dtype}`, tensors);
  for (const [name, t] of Object.entries({ weight, bias }))
    if (t && t.dtype !== "f32") throw new OpError(OP, `${name}: expected f32, got ${t.dtype}`, tensors);
  for (const [name, t] of Object.entries({ x, weight }))
    if (t.shape.length !== 4) throw new OpError(OP, `${name}: expected 4 axes, got ${t.shape.length}`, tensors);
  const channels = x.shape[1]!;
  if (!(Number.isInteger(groups) && groups >= 1 && channels % groups === 0))
    throw new OpError(OP, `groups: expected a divisor of the ${channels} channels of x, got ${groups}`, tensors);
  if (weight.shape[0] !== channels) {
    const problem = `weight: expected ${channels} input channels as in x, got ${weight.shape[0]}`;
    throw new OpError(OP, problem, tensors);
  }
  const outputs = weight.shape[1]! * groups;
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outputs))
    throw new OpError(OP, `bias: expected shape [${outputs}], one value per output channel`, tensors);
}

/** Return the convolution whose input gradient this is: its input is y, its output x. */
function shapeOf(inputs: Inputs, options: ConvTranspose2dOptions): ConvShape {
  const [x, weight] = inputs;
  const { groups = 1, algorithm = "auto" } = options;
  expectTensors(inputs, groups);
  expectAlgorithm(OP, algorithm);
  const stride = pairOf(OP, "stride", options.stride ?? 1, 1);
  const padding = pairOf(OP, "padding", options.padding ?? 0, 0);
  const dilation = pairOf(OP, "dilation", options.dilation ?? 1, 1);
  const more = pairOf(OP, "outputPadding", options.outputPadding ?? 0, 0);
  const axis = (i: 0 | 1): Axis => {
    const [out, kernel] = [x.shape[2 + i]!, weight.shape[2 + i]!];
    const most = Math.max(stride[i], dilation[i]);
    if (more[i] >= most) {
      const problem = `outputPadding: expected less than the stride or the dilation, ${most}, got ${more[i]}`;
      throw new OpError(OP, problem, { x, weight });
    }
    const size = (out - 1) * stride[i] - 2 * padding[i] + dilation[i] * (kernel - 1) + 1 + more[i];
    if (size < 1) {
      const name = i === 0 ? "rows" : "columns";
      throw new OpError(OP, `padding: expected an output of at least one pixel, got ${size} ${name}`, { x, weight });
    }
    return { size, out, kernel, stride: stride[i], padding: padding[i], dilation: dilation[i] };
  };
  const [batch, outputs] = x.shape as readonly [number, number];
  return { batch, channels: weight.shape[1]! * groups, outputs, groups, rows: axis(0), columns: axis(1) };
}

const resultShape = (s: ConvShape): Shape => [s.batch, s.channels, s.rows.size, s.columns.size];

/** Copy values into a tensor of as many, in its dtype. */
function copyFloats(target: Tensor, source: Tensor): void {
  (target.dtype === source.dtype ? copyInto : convertInto)(target, source);
}

function forward(y: Tensor, s: ConvShape, [x, w, bias]: Inputs, algorithm: Conv2dOptions["algorithm"] = "auto"): void {
  const b = bias?.alias([s.channels, 1, 1]) ?? null;
  if (b && algorithm === "naive") {
    const product = empty(y.shape, y.dtype);
    convGradInput(s, algorithm, { dy: x, w, dx: product });
    copyFloats(y, add(product, b));
    return;
  }
  const fill = (target: Tensor) => copyFloats(target, expand(b!, { shape: target.shape }));
  convGradInput(s, algorithm, { dy: x, w, dx: y }, bias && { b: bias, fill });
}

/**
 * Compute a transposed convolution, also called deconvolution: the gradient of conv2d with respect to its input, as a forward
 * pass. Each pixel of x adds its multiple of the kernel to y:
 * y[n, o, stride·i + dilation·u - padding, ...] += x[n,c,i,...] · weight[c,o,u,...], for o in the group of c; plus bias[o].
 *
 * Shapes    x [N,C,H,W], weight [C, O/groups, kh, kw], bias [O] or null -> y [N,O,OH,OW],
 *           OH = (H - 1)·stride - 2·padding + dilation·(kh-1) + outputPadding + 1. Sizes take a number or [rows, columns].
 *           x f32 or f16, weight and bias f32; y has the dtype of x. Sums are f32.
 * Backward  dx: the convolution of dy with the weight. dweight: dy against x. dbias: dy summed over batch and pixels.
 * Errors    OpError if axes, dtypes, channels, groups or sizes do not fit, or for an outputPadding of the stride or more.
 * Source    Dumoulin and Visin 2016, "A guide to convolution arithmetic for deep learning".
 *
 * @example
 * const x = tensor([[[[1, 2], [3, 4]]]]); // [1, 1, 2, 2]
 * const weight = tensor([[[[1, 1], [1, 1]]]]);
 * const y = convTranspose2d(x, weight, null, { stride: 2 }); // [1, 1, 4, 4]: each pixel four times
 */
export const convTranspose2d: Op<[x: Tensor, weight: Tensor, bias: Tensor | null], ConvTranspose2dOptions> = defineOp({
  name: OP,
  options: ["stride", "padding", "outputPadding", "dilation", "groups", "algorithm"],
  infer: (inputs: [x: Tensor, weight: Tensor, bias: Tensor | null], options: ConvTranspose2dOptions) => ({
    shape: resultShape(shapeOf(inputs, options)),
    dtype: inputs[0].dtype,
  }),
  forward(y, inputs, options) {
    forward(y, shapeOf(inputs, options), inputs, options.algorithm);
    return [inputs[0], inputs[1]];
  },
  backward(dy, [x, w], { options, needs, out }) {
    const s = shapeOf([x, w, null], options);
    const algorithm = options.algorithm ?? "auto";
    const dx = needs[0] ? out(0) : null;
    if (dx) convForward(s, algorithm, { x: dy, w, b: null, y: dx });
    const dw = needs[1] ? out(1) : null;
    if (dw) convGradWeight(s, algorithm, { x: dy, dy: x, dw });
    const db = needs[2] ? out(2) : null;
    if (db) sumAxesInto(OP, db, dy, [0, 2, 3]);
    return [dx, dw, db];
  },
});
