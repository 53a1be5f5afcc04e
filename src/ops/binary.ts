// Arithmetic of two tensors with NumPy broadcasting.

import forwardWgsl from "../../shaders/binary.wgsl";
import backwardWgsl from "../../shaders/binary_grad.wgsl";
import { defineOp, expectFloat } from "../autograd/index.ts";
import { kernel, OpError } from "../gpu/index.ts";
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
import { vec4, vec4Grid } from "./pointwise/vec4.ts";
import { neg } from "./unary.ts";

const forwardKernel = kernel("binary", forwardWgsl);
const backwardKernel = kernel("binary_grad", backwardWgsl);

const CODES = { add: 0, sub: 1, mul: 2, div: 3, maximum: 4, minimum: 5 } as const;
type Name = keyof typeof CODES;

/** Sizes of the result and strides of both inputs, neighbours merged where both walk alike, padded to six axes. */
export function broadcastPlan(name: string, a: Shape, b: Shape, out: Shape) {
  const stridesIn = (shape: Shape): number[] => {
    const own = stridesOf(shape);
    const lead = out.length - shape.length;
    return out.map((size, i) => (i < lead || (shape[i - lead] === 1 && size !== 1) ? 0 : own[i - lead]!));
  };
  const sa = stridesIn(a);
  const sb = stridesIn(b);
  const axes: { size: number; a: number; b: number }[] = [];
  out.forEach((size, i) => {
    if (size === 1) return;
    const next = { size, a: sa[i]!, b: sb[i]! };
    const last = axes.at(-1);
    if (last && last.a === next.a * size && last.b === next.b * size) {
      last.size *= size;
      last.a = next.a;
      last.b = next.b;
    } else axes.push(next);
  });
  if (axes.length > 6)
    throw new OpError(name, `${formatShape(a)} and ${formatShape(b)} alternate over more than six axes`);
  while (axes.length < 6) axes.unshift({ size: 1, a: 0, b: 0 });
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

function arithmetic(name: Name) {
  return defineOp({
    name,
    options: [],
    infer([a, b]: [a: Tensor, b: Tensor], _options: object) {
      expectFloat(name, { a, b });
      return { shape: broadcastShapes(name, a.shape, b.shape), dtype: "f32" };
    },
    forward(y, [a, b]) {
      forwardKernel.run({
        bind: { a: vec4(a), b: vec4(b), y: vec4(y) },
        params: broadcastPlan(name, a.shape, b.shape, y.shape),
        spec: { OP: CODES[name], FAST: sameShape(a.shape, b.shape) },
        grid: vec4Grid(y.numel),
      });
      return name === "add" || name === "sub" ? [null, null] : [a, b];
    },
    backward(dy, [a, b], { needs, shapes, out }) {
      if (!a || !b) return [dy, name === "add" || !needs[1] ? dy : neg(dy)];
      const [sa, sb] = shapes as [Shape, Shape];
      const to = (TO_B: boolean) => {
        const own = TO_B ? 1 : 0;
        const dx = sameShape(shapes[own]!, dy.shape) ? out(own) : empty(dy.shape);
        backwardKernel.run({
          bind: { a: vec4(a), b: vec4(b), dy: vec4(dy), dx: vec4(dx) },
          params: broadcastPlan(name, sa, sb, dy.shape),
          spec: { OP: CODES[name], TO_B, FAST: sameShape(sa, sb) },
          grid: vec4Grid(dy.numel),
        });
        return dx;
      };
      return [needs[0] ? to(false) : null, needs[1] ? to(true) : null];
    },
  });
}

/** a + b. Shapes a, b broadcast -> y; gradients are summed back over broadcast axes, as for all functions here. */
export const add = arithmetic("add");
/** a - b. */
export const sub = arithmetic("sub");
/** a · b, element by element. */
export const mul = arithmetic("mul");
/** a / b. */
export const div = arithmetic("div");
/** The larger of a and b; equal ones share the gradient. */
export const maximum = arithmetic("maximum");
/** The smaller of a and b; equal ones share the gradient. */
export const minimum = arithmetic("minimum");
