// Results of each op for NaN and infinity, beside PyTorch's in float64. Every op of src/ops has a row here.
import * as ops from "../../src/ops/index.ts";
import { type Shape, type Tensor, tensor } from "../../src/tensor/index.ts";
import { sigmoid, unaryReference } from "../reference/pointwise.ts";

export type Values = readonly number[];

/** One op at one setting: y of x, and dx of x and dy; null where no gradient flows. Other inputs are made in `run`. */
export interface Row {
  readonly name: string;
  readonly shape: Shape;
  readonly run: (x: Tensor) => Tensor;
  readonly y: (x: Values) => Values;
  readonly dx: ((x: Values, dy: Values) => Values) | null;
}

const { NaN: nan } = Number;
export const scalar = (value: number) => tensor([value], []);
const closed = (shut: boolean, g: number) => (shut ? 0 : g);

/** A function of single elements: f, and the gradient of one element. */
export function pointwise(
  name: string,
  run: Row["run"],
  f: (x: number) => number,
  df: (x: number, g: number) => number,
): Row {
  return {
    name,
    shape: [7],
    run,
    y: (x) => x.map(f),
    dx: (x, dy) => x.map((v, i) => df(v, dy[i]!)),
  };
}

const reference = (name: keyof typeof unaryReference) => unaryReference[name]!;
const density = (x: number) => Math.exp(-0.5 * x * x) / Math.sqrt(2 * Math.PI);
const geluTanhSlope = (v: number) => {
  const [a, b] = [Math.sqrt(2 / Math.PI), 0.044715];
  const t = Math.tanh(a * (v + b * v ** 3));
  return 0.5 * (1 + t) + 0.5 * v * (1 - t * t) * a * (1 + 3 * b * v * v);
};

const UNARY: Row[] = [
  pointwise(
    "relu",
    (x) => ops.relu(x),
    reference("relu"),
    (x, g) => closed(x <= 0, g),
  ),
  pointwise(
    "relu6",
    (x) => ops.relu6(x),
    reference("relu6"),
    (x, g) => closed(x <= 0 || x >= 6, g),
  ),
  pointwise(
    "silu",
    (x) => ops.silu(x),
    reference("silu"),
    (x, g) => g * sigmoid(x) * (1 + x * (1 - sigmoid(x))),
  ),
  pointwise(
    "hardswish",
    (x) => ops.hardswish(x),
    reference("hardswish"),
    (x, g) => {
      if (x < -3) return 0;
      return x >= 3 ? g : g * (x / 3 + 0.5);
    },
  ),
  pointwise(
    "hardsigmoid",
    (x) => ops.hardsigmoid(x),
    reference("hardsigmoid"),
    (x, g) => closed(!(x > -3 && x < 3), g / 6),
  ),
  pointwise(
    "sigmoid",
    (x) => ops.sigmoid(x),
    sigmoid,
    (x, g) => g * sigmoid(x) * (1 - sigmoid(x)),
  ),
  pointwise(
    "tanh",
    (x) => ops.tanh(x),
    Math.tanh,
    (x, g) => g * (1 - Math.tanh(x) ** 2),
  ),
  // PyTorch's x · Phi(x) at minus infinity is -inf · 0.
  pointwise(
    "gelu",
    (x) => ops.gelu(x),
    gelu,
    (x, g) => g * (phi(x) + x * density(x)),
  ),
  pointwise(
    "gelu",
    (x) => ops.gelu(x, { approximate: "tanh" }),
    reference("geluTanh"),
    (x, g) => g * geluTanhSlope(x),
  ),
  pointwise(
    "leakyRelu",
    (x) => ops.leakyRelu(x),
    (x) => (x > 0 ? x : 0.01 * x),
    (x, g) => (x > 0 ? g : 0.01 * g),
  ),
  pointwise(
    "softplus",
    (x) => ops.softplus(x),
    (x) => (x > 20 ? x : Math.log1p(Math.exp(x))),
    (x, g) => g * sigmoid(x),
  ),
  pointwise(
    "exp",
    (x) => ops.exp(x),
    Math.exp,
    (x, g) => g * Math.exp(x),
  ),
  pointwise(
    "log",
    (x) => ops.log(ops.abs(x)),
    (x) => Math.log(Math.abs(x)),
    (x, g) => (g / Math.abs(x)) * sign(x),
  ),
  pointwise(
    "sqrt",
    (x) => ops.sqrt(ops.abs(x)),
    (x) => Math.sqrt(Math.abs(x)),
    (x, g) => (g / 2 / Math.sqrt(Math.abs(x))) * sign(x),
  ),
  pointwise(
    "neg",
    (x) => ops.neg(x),
    (x) => -x,
    (_x, g) => -g,
  ),
  pointwise(
    "abs",
    (x) => ops.abs(x),
    Math.abs,
    (x, g) => g * sign(x),
  ),
  pointwise(
    "square",
    (x) => ops.square(x),
    (x) => x * x,
    (x, g) => 2 * x * g,
  ),
];

/** The sign of NaN is 0 in PyTorch, and anything in WGSL: `either` accepts both. */
function sign(x: number): number {
  return Number.isNaN(x) ? EITHER : Math.sign(x);
}
function phi(x: number): number {
  if (Number.isNaN(x)) return nan;
  if (!Number.isFinite(x)) return x > 0 ? 1 : 0;
  return reference("gelu")(x) / x;
}
function gelu(x: number): number {
  return x * phi(x);
}

/** A number without a rule; results that depend on it are not compared. */
export const EITHER = 1e300;

const BINARY_OPS = {
  add: ops.add,
  sub: ops.sub,
  mul: ops.mul,
  div: ops.div,
  maximum: ops.maximum,
  minimum: ops.minimum,
  addRelu: ops.addRelu,
};
const OTHER = [0.5, -1, 2, 0.25, -0.5, 3, 1];
export const other = () => tensor(OTHER);
const binary = (
  name: keyof typeof BINARY_OPS,
  f: (a: number, b: number) => number,
  da: (a: number, b: number, g: number) => number,
  db: (a: number, b: number, g: number) => number,
): Row[] => [
  {
    ...pointwise(name, (x) => BINARY_OPS[name](x, other()), nothing, nothing),
    ...over(
      (x, i) => f(x, at(i)),
      (x, i, g) => da(x, at(i), g),
    ),
  },
  {
    ...pointwise(name, (x) => BINARY_OPS[name](other(), x), nothing, nothing),
    ...over(
      (x, i) => f(at(i), x),
      (x, i, g) => db(at(i), x, g),
    ),
  },
];
export const nothing = () => 0;
export const at = (i: number) => OTHER[i]!;
export function over(f: (x: number, i: number) => number, df: (x: number, i: number, g: number) => number) {
  return {
    y: (x: Values) => x.map((v, i) => f(v, i)),
    dx: (x: Values, dy: Values) => x.map((v, i) => df(v, i, dy[i]!)),
  };
}
// PyTorch: where a == b half the gradient, else all of it, and 0 where the other one won. NaN equals nothing, so neither wins.
const wins = (mine: number, its: number, g: number) => (mine === its ? g / 2 : mine < its ? 0 : g);
const BINARY: Row[] = [
  ...binary(
    "add",
    (a, b) => a + b,
    (_a, _b, g) => g,
    (_a, _b, g) => g,
  ),
  ...binary(
    "addRelu",
    (a, b) => Math.max(a + b, 0),
    (a, b, g) => (a + b <= 0 ? 0 : g),
    (a, b, g) => (a + b <= 0 ? 0 : g),
  ),
  ...binary(
    "sub",
    (a, b) => a - b,
    (_a, _b, g) => g,
    (_a, _b, g) => -g,
  ),
  ...binary(
    "mul",
    (a, b) => a * b,
    (_a, b, g) => g * b,
    (a, _b, g) => g * a,
  ),
  ...binary(
    "div",
    (a, b) => a / b,
    (_a, b, g) => g / b,
    (a, b, g) => -g * (a / b / b),
  ),
  ...binary(
    "maximum",
    Math.max,
    (a, b, g) => wins(a, b, g),
    (a, b, g) => wins(b, a, g),
  ),
  ...binary(
    "minimum",
    Math.min,
    (a, b, g) => wins(-a, -b, g),
    (a, b, g) => wins(-b, -a, g),
  ),
];

const shrink = (d: number) => (x: number) => x - Math.min(Math.max(x, -d), d);
const D = sigmoid(-1);
const gate = (x: number, tau: number, t: number) => sigmoid((x * x - tau) / t);
const THRESHOLDS: Row[] = [
  pointwise(
    "softThreshold",
    (x) => ops.softThreshold(x, scalar(0.5)),
    shrink(0.5),
    (x, g) => closed(Math.abs(x) <= 0.5, g),
  ),
  pointwise(
    "softThreshold",
    (x) => ops.softThreshold(x, scalar(nan)),
    () => nan,
    (_x, g) => g,
  ),
  pointwise(
    "sparseGroupSoftThreshold",
    (x) => ops.sparseGroupSoftThreshold(x, scalar(0.25), scalar(0.25), { block: 1 }),
    shrink(0.5),
    () => EITHER,
  ),
  pointwise(
    "strThreshold",
    (x) => ops.strThreshold(x, scalar(-1)),
    shrink(D),
    (x, g) => closed(Math.abs(x) <= D, g),
  ),
  pointwise(
    "strThreshold",
    (x) => ops.strThreshold(x, scalar(nan)),
    () => nan,
    (_x, g) => g,
  ),
  pointwise(
    "ltpThreshold",
    (x) => ops.ltpThreshold(x, scalar(0.5), { temperature: 1 }),
    (x) => x * gate(x, 0.5, 1),
    () => EITHER,
  ),
  pointwise(
    "ltpThreshold",
    (x) => ops.ltpThreshold(x, scalar(nan), { temperature: 1 }),
    () => nan,
    () => nan,
  ),
  {
    ...pointwise(
      "softL0",
      (x) => ops.softL0(x, scalar(0.5), { temperature: 1 }),
      nothing,
      () => EITHER,
    ),
    y: (x) => [x.reduce((n, v) => n + gate(v, 0.5, 1), 0)],
    dx: null, // by default the gate passes nothing to x
  },
];

/** With a number in place of the second tensor. */
const NUMBERS: Row[] = [
  pointwise(
    "add",
    (x) => ops.add(x, 2),
    (x) => x + 2,
    (_x, g) => g,
  ),
  pointwise(
    "div",
    (x) => ops.div(2, x),
    (x) => 2 / x,
    (x, g) => -g * (2 / x / x),
  ),
  pointwise(
    "maximum",
    (x) => ops.maximum(x, 0.5),
    (x) => Math.max(x, 0.5),
    (x, g) => wins(x, 0.5, g),
  ),
  pointwise(
    "pow",
    (x) => ops.pow(x, 3),
    (x) => x ** 3,
    (x, g) => 3 * x ** 2 * g,
  ),
  pointwise(
    "pow",
    (x) => ops.pow(x, -2),
    (x) => x ** -2,
    (x, g) => -2 * x ** -3 * g,
  ),
  // As in C, and unlike in JavaScript, minus infinity to a fraction is infinite.
  pointwise(
    "pow",
    (x) => ops.pow(x, 1.5),
    (x) => x ** 1.5,
    (x, g) => 1.5 * x ** 0.5 * g,
  ),
  pointwise(
    "clamp",
    (x) => ops.clamp(x, { min: -0.5, max: 2 }),
    (x) => Math.min(Math.max(x, -0.5), 2),
    (x, g) => closed(!(x >= -0.5 && x <= 2), g),
  ),
  pointwise(
    "clamp",
    (x) => ops.clamp(x, { min: 0 }),
    (x) => Math.max(x, 0),
    (x, g) => closed(!(x >= 0), g),
  ),
];

const COMPARISONS: Row[] = (
  [
    ["gt", ops.gt, (x) => x > 0.2],
    ["ge", ops.ge, (x) => x >= 0.2],
    ["lt", ops.lt, (x) => x < 0.2],
    ["le", ops.le, (x) => x <= 0.2],
    ["eq", ops.eq, (x) => x === 3.75],
    ["ne", ops.ne, (x) => x !== 3.75],
  ] satisfies [string, typeof ops.gt, (x: number) => boolean][]
).map(([name, op, f]) => ({
  ...pointwise(name, (x) => op(x, name === "eq" || name === "ne" ? 3.75 : 0.2), nothing, nothing),
  y: (x) => x.map((v) => Number(f(v))),
  dx: null,
}));

export const POINTWISE_ROWS: readonly Row[] = [...COMPARISONS, ...UNARY, ...BINARY, ...NUMBERS, ...THRESHOLDS];
