// Arithmetic of two tensors with NumPy broadcasting.

import forwardWgsl from "../../shaders/binary.wgsl";
import backwardWgsl from "../../shaders/binary_grad.wgsl";
import { defineOp, expectFloat } from "../autograd/index.ts";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import {
  broadcastShapes,
  empty,
  formatShape,
  numel,
  type Shape,
  sameShape,
  stridesOf,
  type Tensor,
} from "../tensor/index.ts";
import { mergeAxes } from "./pointwise/merge_axes.ts";
import { vec4 } from "./pointwise/vec4.ts";
import { neg } from "./unary.ts";

const forwardKernel = kernel("binary", forwardWgsl);
const gradKernel = kernel("binary_grad", backwardWgsl);

/** A function of u and v, its derivatives to both, in WGSL over vec4<f32>. */
interface Row {
  readonly f: string;
  /** Absent: both derivatives are 1, or -1 to v with `negates`; no input is saved. */
  readonly df?: { readonly u: string; readonly v: string };
  readonly negates?: true;
  /** The function does not depend on one of them in parts: the gradient is 0 there, even for an infinite or NaN dy. */
  readonly flat?: true;
}

/** Return the sizes of the result and strides of both inputs, merged and padded to six. */
export function broadcastPlan(name: string, a: Shape, b: Shape, out: Shape) {
  const stridesIn = (shape: Shape): number[] => {
    const own = stridesOf(shape);
    const lead = out.length - shape.length;
    return out.map((size, i) => (i < lead || (shape[i - lead] === 1 && size !== 1) ? 0 : own[i - lead]!));
  };
  const axes = mergeAxes(out, stridesIn(a), stridesIn(b), 6);
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

/** Write result = f of two tensors that broadcast to its shape. */
export function runBinary(name: string, f: string, a: Tensor, b: Tensor, result: Tensor): void {
  forwardKernel.run({
    bind: { a: vec4(a), b: vec4(b), result: vec4(result) },
    params: broadcastPlan(name, a.shape, b.shape, result.shape),
    spec: { f, FAST: sameShape(a.shape, b.shape) },
    grid: grid1d(result.numel),
  });
}

/** Write result = dy · df, in the shape of dy. */
export function runBinaryGrad(
  name: string,
  { df, flat = false }: { readonly df: string; readonly flat?: boolean | undefined },
  [a, b]: readonly [Tensor, Tensor],
  dy: Tensor,
  result: Tensor,
): void {
  gradKernel.run({
    bind: { a: vec4(a), b: vec4(b), dy: vec4(dy), result: vec4(result) },
    params: broadcastPlan(name, a.shape, b.shape, dy.shape),
    spec: { df, FLAT: flat, FAST: sameShape(a.shape, b.shape) },
    grid: grid1d(dy.numel),
  });
}

function arithmetic(name: string, { f, df, negates, flat }: Row) {
  return defineOp({
    name,
    options: [],
    infer([a, b]: [a: Tensor, b: Tensor], _options: object) {
      expectFloat(name, { a, b });
      return { shape: broadcastShapes(name, a.shape, b.shape), dtype: "f32" };
    },
    forward(y, [a, b]) {
      runBinary(name, f, a, b, y);
      return df ? [a, b] : [null, null];
    },
    backward(dy, [a, b], { needs, shapes, out }) {
      if (!df || !a || !b) return [dy, negates && needs[1] ? neg(dy) : dy];
      const to = (input: 0 | 1) => {
        const dx = sameShape(shapes[input]!, dy.shape) ? out(input) : empty(dy.shape);
        runBinaryGrad(name, { df: input === 0 ? df.u : df.v, flat }, [a, b], dy, dx);
        return dx;
      };
      return [needs[0] ? to(0) : null, needs[1] ? to(1) : null];
    },
  });
}

/** a + b. Shapes a, b broadcast -> y; gradients are summed back over broadcast axes, as for all functions here. */
export const add = arithmetic("add", { f: "u + v" });
/** a - b. */
export const sub = arithmetic("sub", { f: "u - v", negates: true });
/** a · b, element by element. */
export const mul = arithmetic("mul", { f: "u * v", df: { u: "v", v: "u" } });
/** a / b. */
// Not u / v² for v: that overflows before the quotient does.
export const div = arithmetic("div", { f: "u / v", df: { u: "1.0 / v", v: "-(u / v) / v" } });
/** The larger of a and b; equal ones share the gradient. */
export const maximum = arithmetic("maximum", {
  f: "carried4(carried4(max(u, v), u), v)",
  df: { u: "share_of(u > v, u, v)", v: "share_of(v > u, v, u)" },
  flat: true,
});
/** The smaller of a and b; equal ones share the gradient. */
export const minimum = arithmetic("minimum", {
  f: "carried4(carried4(min(u, v), u), v)",
  df: { u: "share_of(u < v, u, v)", v: "share_of(v < u, v, u)" },
  flat: true,
});
