// Sum and mean over axes.
import { defineOp, expectActivations, sumAxesInto } from "../autograd/index.ts";
import { normalizeAxes, type Shape, type Tensor } from "../tensor/index.ts";
import { expand } from "./expand.ts";

/** Options of `sum`, `mean` and `max`. */
export interface ReduceOptions {
  /** Axes; negative ones count from the end. null or absent: all. */
  axes?: readonly number[] | null;
  /** True keeps summed axes as ones. Default false. */
  keepdims?: boolean;
}

/** Return the shape after a reduction. */
export function reducedShape(
  op: string,
  shape: Shape,
  { axes, keepdims = false }: ReduceOptions,
): { axes: number[]; shape: Shape; kept: Shape } {
  const which = normalizeAxes(op, axes, shape.length);
  const kept = shape.map((d, i) => (which.includes(i) ? 1 : d));
  return { axes: which, kept, shape: keepdims ? kept : shape.filter((_, i) => !which.includes(i)) };
}

function reduction(name: "sum" | "mean") {
  return defineOp({
    name,
    options: ["axes", "keepdims"],
    infer([x]: [x: Tensor], options: ReduceOptions) {
      expectActivations(name, { x });
      return { shape: reducedShape(name, x.shape, options).shape, dtype: x.dtype };
    },
    forward(y, [x], options) {
      const { axes } = reducedShape(name, x.shape, options);
      sumAxesInto(name, y, x, axes, name === "mean" ? y.numel / x.numel : 1);
      return [];
    },
    backward(dy, _saved, { options, shapes }) {
      const shape = shapes[0]!;
      const { kept } = reducedShape(name, shape, options);
      const total = shape.reduce((a, b) => a * b, 1);
      return [expand(dy.alias(kept), { shape, scale: name === "mean" ? dy.numel / total : 1 })];
    },
  });
}

/**
 * Add up over axes (all by default), in a fixed order.
 *
 * Shapes    x [*] f32 or f16 -> y of its dtype without the axes, or with ones instead (keepdims). Sums are f32 until then.
 * Backward  dx = dy, repeated.
 * Errors    OpError for an axis out of range or named twice.
 * @example
 * const x = tensor([[1, 2], [3, 4]]);
 * console.log(await sum(x).item()); // 10
 * console.log(await sum(x, { axes: [0] }).data()); // 4, 6
 */
export const sum = reduction("sum");
/**
 * Compute the mean over axes (all by default): sum / count. Shapes and errors as `sum`. Throws OpError.
 *
 * @example
 * console.log(await mean(tensor([1, 2, 3, 6])).item()); // 3
 */
export const mean = reduction("mean");
