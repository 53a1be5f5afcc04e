// Repeats a tensor along axes of size 1.
import forwardWgsl from "../../shaders/expand.wgsl";
import { defineOp, expectActivations, type Op } from "../autograd/index.ts";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import { actSpec, broadcastShapes, formatShape, type Shape, sameShape, type Tensor } from "../tensor/index.ts";
import { broadcastPlan } from "./pointwise/broadcast_plan.ts";
import { vec4 } from "./pointwise/vec4.ts";

const forwardKernel = kernel("expand", forwardWgsl);

/** Write y = x · scale, repeated to the shape of y. */
export function expandInto(y: Tensor, x: Tensor, scale: number): void {
  const { params, spec, wide } = broadcastPlan("expand", x.shape, y.shape, y.shape);
  // Few quads an invocation: each is located by divisions, and written out.
  const kinds = spec.ROWS ? { WIDE: wide.a, ITEMS_PER_INVOCATION: 8 } : { ITEMS_PER_INVOCATION: 4 };
  const bind = { x: vec4(x), result: vec4(y) };
  const all = { ...spec, ...kinds, ...actSpec(x) };
  forwardKernel.run({ bind, params: { ...params, scale }, spec: all, grid: grid1d(y.numel) });
}

/**
 * Repeat x · scale to a shape that x broadcasts to.
 *
 * Shapes    x [*] -> y [shape].
 * Backward  dx = scale · (dy summed over the repeated axes).
 * Errors    OpError when x does not broadcast to the shape.
 */
export const expand: Op<[x: Tensor], { shape: Shape; scale?: number }> = defineOp({
  name: "expand",
  options: ["shape", "scale"],
  infer([x]: [x: Tensor], { shape }: { shape: Shape; scale?: number }) {
    expectActivations("expand", { x });
    if (!sameShape(broadcastShapes("expand", x.shape, shape), shape))
      throw new OpError("expand", `expected x to broadcast to ${formatShape(shape)}`, { x });
    return { shape, dtype: x.dtype };
  },
  forward(y, [x], { scale = 1 }) {
    expandInto(y, x, scale);
    return [];
  },
  backward(dy, _saved, { options: { scale = 1 } }) {
    return [scale === 1 ? dy : expand(dy, { shape: dy.shape, scale })];
  },
});
