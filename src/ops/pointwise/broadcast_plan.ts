// Params and spec of kernels that read two tensors broadcast to one shape.
import { OpError, type Spec } from "../../gpu/index.ts";
import { formatShape, numel, type Shape, stridesOf } from "../../tensor/index.ts";
import { mergeAxes } from "./merge_axes.ts";

/** Axes that the kernels walk. */
const AXES = 6;

/** Return the strides of a tensor along the axes of the shape that it broadcasts to: 0 where it repeats. */
export function broadcastStrides(shape: Shape, out: Shape): number[] {
  const own = stridesOf(shape);
  const lead = out.length - shape.length;
  return out.map((size, i) => (i < lead || (shape[i - lead] === 1 && size !== 1) ? 0 : own[i - lead]!));
}

interface BroadcastPlan {
  readonly params: Readonly<Record<string, number | readonly number[]>>;
  /** Constants of lib/broadcast.wgsl. */
  readonly spec: Spec & { readonly ROWS: boolean };
  /** Inputs that are read by quads; only where the innermost axis is whole quads (ROWS). */
  readonly wide: { readonly a: boolean; readonly b: boolean };
}

/** Return the sizes of the result and strides of both inputs, merged and padded to six. */
export function broadcastPlan(name: string, a: Shape, b: Shape, out: Shape): BroadcastPlan {
  const axes = mergeAxes(out, broadcastStrides(a, out), broadcastStrides(b, out), AXES);
  if (!axes)
    throw new OpError(name, `expected at most six alternating axes, got ${formatShape(a)} and ${formatShape(b)}`);
  const inner = axes.at(-1)!;
  const ROWS = inner.size % 4 === 0;
  // Strides outside of an innermost axis that does not repeat are multiples of its size.
  const wide = { a: ROWS && inner.a === 1, b: ROWS && inner.b === 1 };
  if (ROWS) inner.size /= 4;
  const pick = (key: "size" | "a" | "b") => {
    const unit = key !== "size" && wide[key] ? 4 : 1;
    const v = axes.map((axis) => (axis === inner ? axis[key] : axis[key] / unit));
    const fill = key === "size" ? 1 : 0;
    return [v.slice(0, 4), [...v.slice(4), fill, fill]] as const;
  };
  const [size0, size1] = pick("size");
  const [a0, a1] = pick("a");
  const [b0, b1] = pick("b");
  const used = axes.filter(({ size }, i) => size > 1 || i === AXES - 1).length;
  return { params: { size0, size1, a0, a1, b0, b1, n: numel(out) }, spec: { AXES: used, ROWS }, wide };
}
