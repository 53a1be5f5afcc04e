// Cross entropy of logits with class targets: log-softmax, pick and label smoothing in one kernel.

import forwardWgsl from "../../shaders/cross_entropy.wgsl";
import backwardWgsl from "../../shaders/cross_entropy_grad.wgsl";
import { defineOp, lanesFor, sumAxesInto } from "../autograd/index.ts";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import { actSpec, empty, type Tensor } from "../tensor/index.ts";

const forwardKernel = kernel("cross_entropy", forwardWgsl);
const backwardKernel = kernel("cross_entropy_grad", backwardWgsl);
/** Bits of a quiet NaN. */
const nan = 0x7fc00000;

/** Options of `crossEntropy`. */
export interface CrossEntropyOptions {
  /** Share e of the target spread over all classes: (1-e) on the target plus e/C everywhere. Default 0. */
  labelSmoothing?: number;
  /** Default mean. */
  reduction?: "mean" | "sum" | "none";
}

/**
 * Compute the cross entropy -(1-e) log p[target] - (e/C) Σ log p, with p = softmax(logits).
 *
 * Shapes    logits [N, C] f32 or f16, target [N] i32 -> [] (mean, sum) or [N] (none), f32.
 * Backward  dlogits = (p - target distribution) · dy, over N for the mean.
 * Errors    OpError for other shapes or dtypes. A target outside 0..C-1 makes the loss and gradients of its row NaN: the
 *           host cannot check it without waiting.
 * Source    Szegedy et al. 2016 for label smoothing.
 * @example
 * const target = tensor(new Int32Array([3]));
 * console.log(await crossEntropy(zeros([1, 10]), target).item()); // 2.3026
 */
export const crossEntropy = defineOp({
  name: "crossEntropy",
  options: ["labelSmoothing", "reduction"],
  infer([logits, target]: [logits: Tensor, target: Tensor], options: CrossEntropyOptions) {
    const { labelSmoothing = 0, reduction = "mean" } = options;
    if (logits.shape.length !== 2 || (logits.dtype !== "f32" && logits.dtype !== "f16"))
      throw new OpError("crossEntropy", "logits: expected [N, C] f32 or f16", { logits });
    if (target.shape.length !== 1 || target.shape[0] !== logits.shape[0] || target.dtype !== "i32")
      throw new OpError("crossEntropy", `target: expected [${logits.shape[0]}] i32`, { logits, target });
    if (!(labelSmoothing >= 0 && labelSmoothing <= 1))
      throw new OpError("crossEntropy", `labelSmoothing: expected 0 to 1, got ${labelSmoothing}`);
    if (!["mean", "sum", "none"].includes(reduction))
      throw new OpError("crossEntropy", `reduction: expected mean, sum or none, got ${reduction}`);
    return { shape: reduction === "none" ? [logits.shape[0]!] : [], dtype: "f32" };
  },
  forward(y, [logits, target], { labelSmoothing = 0, reduction = "mean" }) {
    const [rows, classes] = logits.shape as [number, number];
    const probability = empty(logits.shape);
    const losses = reduction === "none" ? y : empty([rows]);
    const { spec, grid } = lanesFor(classes, rows);
    forwardKernel.run({
      bind: { logits, labels: target, probability, losses },
      params: { rows, classes, smoothing: labelSmoothing, nan },
      spec: { ...spec, ...actSpec(logits) },
      grid,
    });
    if (reduction !== "none") sumAxesInto("crossEntropy", y, losses, [0], reduction === "mean" ? 1 / rows : 1);
    return [probability, target];
  },
  backward(dy, [probability, target], { options: { labelSmoothing = 0, reduction = "mean" }, out }) {
    const [rows, classes] = probability.shape as [number, number];
    const dlogits = out(0);
    backwardKernel.run({
      bind: { probability, labels: target, dy, dlogits },
      params: {
        n: probability.numel,
        classes,
        smoothing: labelSmoothing,
        scale: reduction === "mean" ? 1 / rows : 1,
        nan,
      },
      spec: { PER_ROW: reduction === "none", ...actSpec(dlogits) },
      grid: grid1d(probability.numel),
    });
    return [dlogits, null];
  },
});
