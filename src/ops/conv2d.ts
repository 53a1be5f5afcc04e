// Two-dimensional convolution and its three gradients. The kernels and the rule that chooses among them are in conv/.
import { defineOp, sumAxesInto } from "../autograd/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { convForward, convGradInput, convGradWeight } from "./conv/passes.ts";
import { type Conv2dOptions, convShape, outputShape } from "./conv/shape.ts";

export type { Conv2dOptions, ConvAlgorithm, Pair } from "./conv/shape.ts";

/**
 * Compute a convolution (no flip, as in every deep learning library):
 * y[n,o,i,j] = b[o] + Σ_{c,u,v} weight[o,c,u,v] · x[n, c + first channel of o's group, stride·i + dilation·u - padding, ...],
 * with zeros outside x.
 *
 * Shapes    x [N,C,H,W], weight [O,C/groups,kh,kw], bias [O] or null -> y [N,O,OH,OW],
 *           OH = floor((H + 2·padding - dilation·(kh-1) - 1) / stride) + 1. Sizes take a number or [rows, columns].
 *           groups = C is the depthwise convolution; O = m·C multiplies its channels.
 *           x f32 or f16, weight and bias f32; y has the dtype of x. Sums are f32.
 * Backward  dx: correlation of dy with the flipped weight, phase by phase of the stride. dweight: x against dy, in slices
 *           of the batch's pixels added in a fixed order. dbias: dy summed over batch and pixels. No atomics: same bits.
 * Errors    OpError if axes, dtypes, channels, groups or sizes do not fit, or if the kernel is larger than the padded x.
 * Source    Chellapilla et al. 2006 (convolution as matrix product); Dumoulin and Visin 2016 (its gradient as convolution).
 * @example
 * const image = tensor([[[[1, 2, 3], [4, 5, 6], [7, 8, 9]]]]); // [1, 1, 3, 3]
 * const edge = tensor([[[[-1, 1]]]]); // [1, 1, 1, 2]
 * console.log(await conv2d(image, edge, null).data()); // 1, 1, 1, 1, 1, 1
 */
export const conv2d = defineOp({
  name: "conv2d",
  options: ["stride", "padding", "dilation", "groups", "algorithm"],
  infer([x, weight, bias]: [x: Tensor, weight: Tensor, bias: Tensor | null], options: Conv2dOptions) {
    return { shape: outputShape(convShape(x, weight, bias, options)), dtype: x.dtype };
  },
  forward(y, [x, weight, bias], options) {
    const s = convShape(x, weight, bias, options);
    convForward(s, options.algorithm ?? "auto", { x, w: weight, b: bias, y });
    return [x, weight];
  },
  backward(dy, [x, weight], { options, needs, out }) {
    const s = convShape(x, weight, null, options);
    const algorithm = options.algorithm ?? "auto";
    const dx = needs[0] ? out(0) : null;
    if (dx) convGradInput(s, algorithm, { dy, w: weight, dx });
    const dw = needs[1] ? out(1) : null;
    if (dw) convGradWeight(s, algorithm, { x, dy, dw });
    const db = needs[2] ? out(2) : null;
    if (db) sumAxesInto("conv2d", db, dy, [0, 2, 3]);
    return [dx, dw, db];
  },
});
