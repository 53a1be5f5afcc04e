// Functions of one and two numbers, as the elementwise ops compute them: they carry constants through a network.

type Options = Readonly<Record<string, unknown>>;
type Unary = (v: number, options: Options) => number;
type Binary = (a: number, b: number) => number;

const sigmoid = (v: number) => 1 / (1 + Math.exp(-v));
const hardsigmoid = (v: number) => Math.min(Math.max(v / 6 + 0.5, 0), 1);
const number = (value: unknown, otherwise: number) => (typeof value === "number" ? value : otherwise);
/** No value: the result of a constant is not followed. */
const unfollowed = () => Number.NaN;

/** Ops of one tensor that act on each element alone. */
export const UNARY: Readonly<Record<string, Unary>> = {
  relu: (v) => Math.max(v, 0),
  relu6: (v) => Math.min(Math.max(v, 0), 6),
  silu: (v) => v * sigmoid(v),
  hardsigmoid,
  hardswish: (v) => v * hardsigmoid(v),
  sigmoid,
  tanh: Math.tanh,
  exp: Math.exp,
  neg: (v) => -v,
  abs: Math.abs,
  square: (v) => v * v,
  softplus: (v) => Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v))),
  leakyRelu: (v, { negativeSlope }) => (v >= 0 ? v : v * number(negativeSlope, 0.01)),
  clamp: (v, { min, max }) =>
    Math.min(Math.max(v, number(min, Number.NEGATIVE_INFINITY)), number(max, Number.POSITIVE_INFINITY)),
  cast: (v) => v,
  gelu: (v) => (v === 0 ? 0 : Number.NaN),
  sqrt: unfollowed,
  log: unfollowed,
};

/** A zero makes the product zero, also if the other factor depends on the input. */
const product: Binary = (a, b) => (a === 0 || b === 0 ? 0 : a * b);

/** Ops of two tensors that act on each pair of elements alone. */
export const BINARY: Readonly<Record<string, Binary>> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  addRelu: (a, b) => Math.max(a + b, 0),
  mul: product,
  div: unfollowed,
  maximum: Math.max,
  minimum: Math.min,
};

/** Combinations of shortcut and branch of a SEW block. */
export const CONNECT: Readonly<Record<string, Binary>> = {
  ADD: (a, b) => a + b,
  AND: product,
  IAND: (a, b) => product(a, 1 - b),
};
