// Repeats a tensor along axes of size 1.
import { defineOp, expectActivations, type Op } from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import { broadcastShapes, formatShape, type Shape, sameShape, type Tensor } from "../tensor/index.ts";
import { expandInto } from "./pointwise/expand_into.ts";

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
