// Params of kernels that read two tensors broadcast to one shape.
import { OpError } from "../../gpu/index.ts";
import { formatShape, numel, type Shape, stridesOf } from "../../tensor/index.ts";
import { mergeAxes } from "./merge_axes.ts";

/** Return the strides of a tensor along the axes of the shape that it broadcasts to: 0 where it repeats. */
export function broadcastStrides(shape: Shape, out: Shape): number[] {
  const own = stridesOf(shape);
  const lead = out.length - shape.length;
  return out.map((size, i) => (i < lead || (shape[i - lead] === 1 && size !== 1) ? 0 : own[i - lead]!));
}

/** Return the sizes of the result and strides of both inputs, merged and padded to six. */
export function broadcastPlan(name: string, a: Shape, b: Shape, out: Shape) {
  const axes = mergeAxes(out, broadcastStrides(a, out), broadcastStrides(b, out), 6);
  if (!axes)
    throw new OpError(name, `expected at most six alternating axes, got ${formatShape(a)} and ${formatShape(b)}`);
  const pick = (key: "size" | "a" | "b") => {
    const v = axes.map((x) => x[key]);
    const fill = key === "size" ? 1 : 0;
    return [v.slice(0, 4), [...v.slice(4), fill, fill]] as const;
  };
  const [size0, size1] = pick("size");
  const [a0, a1] = pick("a");
  const [b0, b1] = pick("b");
  return { size0, size1, a0, a1, b0, b1, n: numel(out) };
}
