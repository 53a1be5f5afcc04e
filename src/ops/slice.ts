// Cuts a tensor along an axis, and joins pieces: narrow and concat, each the other's gradient.

import wgsl from "../../shaders/copy_slice.wgsl";
import { defineOp, expectActivations } from "../autograd/index.ts";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import { fillZero, formatShape, normalizeAxis, numel, type Shape, type Tensor } from "../tensor/index.ts";
import { kindOf } from "../text/index.ts";
import { bitsOf } from "./indexing/bits_of.ts";

const copyKernel = kernel("copy_slice", wgsl);

/** Start of a slice of some axis in a tensor of this shape. */
interface Place {
  readonly tensor: Tensor;
  readonly first: number;
}

/** Copy `length` entries of an axis. The other axes agree. */
function copySlice(axis: number, length: number, from: Place, to: Place): void {
  const shape = from.tensor.shape;
  const inner = numel(shape.slice(axis + 1));
  const width = length * inner;
  const n = numel(shape.slice(0, axis)) * width;
  const row = ({ tensor }: Place) => tensor.shape[axis]! * inner;
  const places = { width, x_row: row(from), x_first: from.first * inner, y_row: row(to), y_first: to.first * inner };
  const wide = Object.values(places).every((place) => place % 4 === 0);
  const each = wide ? 4 : 1;
  const items = Object.fromEntries(Object.entries(places).map(([name, place]) => [name, place / each]));
  copyKernel.run({
    bind: { x: from.tensor, y: to.tensor },
    params: { n: n / each, ...items },
    spec: { Item: bitsOf(from.tensor, wide) },
    grid: grid1d(n / each),
  });
}

/** Options of `narrow`. */
export interface NarrowOptions {
  readonly axis: number;
  /** First entry of the result. */
  readonly start: number;
  /** Number of entries. */
  readonly length: number;
}

/**
 * Return the entries start ... start + length - 1 of an axis.
 *
 * Shapes    x [..., d, ...] -> y [..., length, ...].
 * Backward  dx = dy there, 0 elsewhere.
 * Errors    OpError if the entries exceed the axis.
 */
export const narrow = defineOp({
  name: "narrow",
  options: ["axis", "start", "length"],
  infer([x]: [x: Tensor], { axis, start, length }: NarrowOptions) {
    expectActivations("narrow", { x });
    const at = normalizeAxis("narrow", axis, x.shape.length);
    const whole = Number.isInteger(start) && Number.isInteger(length);
    if (!whole || start < 0 || length < 1 || start + length > x.shape[at]!)
      throw new OpError("narrow", `expected entries of axis ${at}, got ${length} from ${start} on`, { x });
    return { shape: x.shape.map((d, i) => (i === at ? length : d)), dtype: x.dtype };
  },
  forward(y, [x], { axis, start, length }) {
    const at = normalizeAxis("narrow", axis, x.shape.length);
    copySlice(at, length, { tensor: x, first: start }, { tensor: y, first: 0 });
    return [];
  },
  backward(dy, _saved, { options: { axis, start, length }, out }) {
    const dx = out(0);
    fillZero(dx);
    const at = normalizeAxis("narrow", axis, dx.shape.length);
    copySlice(at, length, { tensor: dy, first: 0 }, { tensor: dx, first: start });
    return [dx];
  },
});

const join = defineOp({
  name: "concat",
  options: ["axis"],
  infer(inputs: Tensor[], { axis }: { axis: number }) {
    const [first] = inputs;
    if (!first) throw new OpError("concat", "expected at least one tensor");
    expectActivations("concat", Object.fromEntries(inputs.map((x, i) => [`tensor ${i}`, x])));
    const at = normalizeAxis("concat", axis, first.shape.length);
    for (const { shape } of inputs) {
      if (shape.length !== first.shape.length || shape.some((d, i) => i !== at && d !== first.shape[i])) {
        const problem = `expected shapes that agree except on axis ${at}, got ${formatShape(first.shape)} and ${formatShape(shape)}`;
        throw new OpError("concat", problem);
      }
    }
    const size = inputs.reduce((sum, { shape }) => sum + shape[at]!, 0);
    return { shape: first.shape.map((d, i) => (i === at ? size : d)), dtype: first.dtype };
  },
  forward(y, inputs, { axis }) {
    const at = normalizeAxis("concat", axis, y.shape.length);
    let first = 0;
    for (const x of inputs) {
      const length = x.shape[at]!;
      copySlice(at, length, { tensor: x, first: 0 }, { tensor: y, first });
      first += length;
    }
    return [];
  },
  backward(dy, _saved, { options: { axis }, shapes, needs, out }) {
    const at = normalizeAxis("concat", axis, dy.shape.length);
    let first = 0;
    return shapes.map((shape: Shape, i) => {
      const length = shape[at]!;
      const dx = needs[i] ? out(i) : null;
      if (dx) copySlice(at, length, { tensor: dy, first }, { tensor: dx, first: 0 });
      first += length;
      return dx;
    });
  },
});

/**
 * Join tensors along an axis.
 *
 * Shapes    xs [..., d_i, ...], equal except for one axis -> y [..., sum of d_i, ...].
 * Backward  to each tensor its part of dy.
 * Errors    OpError for no tensor, other ranks or other sizes.
 */
export function concat(xs: readonly Tensor[], options: { readonly axis: number }): Tensor {
  if (!Array.isArray(xs)) throw new OpError("concat", `expected a list of tensors, got ${kindOf(xs)}`);
  return (join as unknown as (...args: unknown[]) => Tensor)(...xs, options);
}
