// The sparse products as ops. With the dense weight as an input they take over its values in each forward pass, and its gradient is
// that of the live blocks.
import { defineOp, expectActivations, expectFloat, sumAxesInto } from "../../autograd/index.ts";
import { OpError } from "../../gpu/index.ts";
import { copyInto, sameShape, type Tensor } from "../../tensor/index.ts";
import { type ConvShape, outputShape } from "../conv/shape.ts";
import { sparseGradInput, sparseGradWeight } from "./gradients.ts";
import { pointShape, sparseConv, sparseLinear } from "./product.ts";
import type { SparseWeight } from "./sparse_weight.ts";

/** x, bias, and in training the dense weight. */
type Inputs = [x: Tensor, bias: Tensor | null, dense: Tensor | null];

/** Return the gradients of x, bias and dense weight. `axes`: those that the bias is added along. */
function gradients(
  op: string,
  dy: Tensor,
  x: Tensor,
  given: { readonly weight: SparseWeight; readonly shape: ConvShape; readonly axes: readonly number[] },
  { needs, out }: { readonly needs: readonly boolean[]; readonly out: (i: number) => Tensor },
): (Tensor | null)[] {
  const { weight, shape, axes } = given;
  const dx = needs[0] ? out(0) : null;
  if (dx) sparseGradInput(shape, weight, { dy, dx });
  const dw = needs[2] ? out(2) : null;
  if (dw) sparseGradWeight(shape, weight, { x, dy, dw });
  const db = needs[1] ? out(1) : null;
  if (db) sumAxesInto(op, db, dy, axes);
  return [dx, db, dw];
}

/** Compute conv2d(x, weight, bias) by the live blocks of the weight. `shape` is that of the dense op, which checks the operands. */
export const sparseConv2dOp = defineOp({
  name: "sparseConv2d",
  options: ["weight", "shape"],
  infer([x]: Inputs, { shape }: { readonly weight: SparseWeight; readonly shape: ConvShape }) {
    return { shape: outputShape(shape), dtype: x.dtype };
  },
  forward(y, [x, b, dense], { weight, shape }) {
    if (dense) weight.refresh(dense);
    sparseConv(shape, { x, weight, b, y });
    return [x];
  },
  backward(dy, [x], { options: { weight, shape }, needs, out }) {
    return gradients("sparseConv2d", dy, x!, { weight, shape, axes: [0, 2, 3] }, { needs, out });
  },
});

/** Compute linear(x, weight, bias) by the live blocks of the weight. */
export const sparseLinearOp = defineOp({
  name: "sparseLinear",
  options: ["weight"],
  infer([x, , dense]: Inputs, { weight }: { readonly weight: SparseWeight }) {
    expectActivations("sparseLinear", { x });
    expectFloat("sparseLinear", { dense });
    const [outputs, inputs] = weight.blocks.shape as [number, number];
    if (x.shape.at(-1) !== inputs)
      throw new OpError("sparseLinear", `x: expected ${inputs} inputs as in weight, got ${x.shape.at(-1)}`, { x });
    return { shape: [...x.shape.slice(0, -1), outputs], dtype: x.dtype };
  },
  forward(y, [x, b, dense], { weight }) {
    if (dense) weight.refresh(dense);
    sparseLinear({ x, weight, b, y });
    return [x];
  },
  backward(dy, [x], { options: { weight }, needs, out }) {
    const [outputs, inputs] = weight.blocks.shape as [number, number];
    const shape = pointShape(dy.numel / outputs, inputs, outputs);
    const axes = dy.shape.map((_, axis) => axis).slice(0, -1);
    return gradients("sparseLinear", dy, x!, { weight, shape, axes }, { needs, out });
  },
});

/** Sparse product with its end: a residual's addition and ReLU. */
interface EndOptions {
  readonly weight: SparseWeight;
  /** Null for a linear map. */
  readonly shape: ConvShape | null;
  readonly relu: boolean;
}

/**
 * Compute the sparse convolution or linear map of x, plus bias and residual, through ReLU if `relu`. For inference: no gradient
 * flows. `residual` has the shape of the result.
 */
export const sparseEndOp = defineOp({
  name: "sparseEnd",
  options: ["weight", "shape", "relu"],
  infer([x, , residual]: [x: Tensor, bias: Tensor | null, residual: Tensor | null], { weight, shape }: EndOptions) {
    expectActivations("sparseEnd", { x, residual });
    const result = shape ? outputShape(shape) : [...x.shape.slice(0, -1), weight.blocks.shape[0]!];
    if (residual && !sameShape(residual.shape, result))
      throw new OpError("sparseEnd", `residual: expected [${result}]`, { x, residual });
    return { shape: result, dtype: x.dtype };
  },
  forward(y, [x, b, residual], { weight, shape, relu }) {
    const operands = { x, weight, b, y, residual, relu };
    if (shape) sparseConv(shape, operands);
    else sparseLinear(operands);
    return [];
  },
});

/** Return the dense weight; its gradient is that of the live blocks, zero elsewhere: for layers that keep their dense kernels. */
export const liveWeightOp = defineOp({
  name: "liveWeight",
  options: ["weight"],
  infer([w]: [w: Tensor], _options: { readonly weight: SparseWeight }) {
    expectFloat("liveWeight", { w });
    return { shape: w.shape, dtype: w.dtype };
  },
  forward(y, [w]) {
    copyInto(y, w);
    return [];
  },
  backward(dy, _saved, { options: { weight }, out }) {
    const dw = out(0);
    weight.keepLive(dw, dy);
    return [dw];
  },
});
