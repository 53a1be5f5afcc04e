// The sparse products as ops: forward only.
import { defineOp, expectActivations } from "../../autograd/index.ts";
import { OpError } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { type ConvShape, outputShape } from "../conv/shape.ts";
import { sparseConv, sparseLinear } from "./product.ts";
import type { SparseWeight } from "./sparse_weight.ts";

/** Compute conv2d(x, weight, bias) by the live blocks of the weight. `shape` is that of the dense op, which checks the operands. */
export const sparseConv2dOp = defineOp({
  name: "sparseConv2d",
  options: ["weight", "shape"],
  infer(
    [x]: [x: Tensor, bias: Tensor | null],
    { shape }: { readonly weight: SparseWeight; readonly shape: ConvShape },
  ) {
    return { shape: outputShape(shape), dtype: x.dtype };
  },
  forward(y, [x, b], { weight, shape }) {
    sparseConv(shape, { x, weight, b, y });
    return [];
  },
});

/** Compute linear(x, weight, bias) by the live blocks of the weight. */
export const sparseLinearOp = defineOp({
  name: "sparseLinear",
  options: ["weight"],
  infer([x]: [x: Tensor, bias: Tensor | null], { weight }: { readonly weight: SparseWeight }) {
    expectActivations("sparseLinear", { x });
    const [outputs, inputs] = weight.blocks.shape as [number, number];
    if (x.shape.at(-1) !== inputs)
      throw new OpError("sparseLinear", `x: expected ${inputs} inputs as in weight, got ${x.shape.at(-1)}`, { x });
    return { shape: [...x.shape.slice(0, -1), outputs], dtype: x.dtype };
  },
  forward(y, [x, b], { weight }) {
    sparseLinear({ x, weight, b, y });
    return [];
  },
});
