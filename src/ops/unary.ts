// Pointwise functions of one tensor. Each is a row of WGSL expressions, spliced into one pair of shaders; lib/nonfinite.wgsl has
// helpers for all of them, lib/pointwise.wgsl for some.

import smoothWgsl from "../../shaders/lib/pointwise.wgsl";
import forwardWgsl from "../../shaders/unary.wgsl";
import backwardWgsl from "../../shaders/unary_grad.wgsl";
import { defineOp, expectActivations, outputLike } from "../autograd/index.ts";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import { actSpec, type Tensor } from "../tensor/index.ts";
import { vec4 } from "./pointwise/vec4.ts";

/** Return the pair of kernels whose expressions may call functions of `helpers`, and the elements of an invocation. */
const kernels = (helpers: string, items: number) => ({
  forward: kernel("unary", helpers + forwardWgsl),
  backward: kernel("unary_grad", helpers + backwardWgsl),
  items,
});
const PLAIN = kernels("", 16);
// Long functions, each of which is written out for every element.
const SMOOTH = kernels(smoothWgsl, 8);

/** A function and its derivative, in WGSL. Statements are allowed where an expression is not enough; the last one returns. */
interface Row {
  /** f of v, an f32. `params.slope` is the op's number, if it has one. */
  readonly f: string;
  /** f' of v, which is the input, or the output with `fromOutput`. At a kink: the value of the usual frameworks. */
  readonly df: string;
  /**
   * The derivative needs the output only: cheaper for some functions; after relu it also frees the input, while the next
   * layer saves the output anyway.
   */
  readonly fromOutput?: true;
  /** The function is constant in parts: its gradient is 0 there, even for an infinite or NaN dy. */
  readonly flat?: true;
  /** SMOOTH if the expressions call functions of lib/pointwise.wgsl. */
  readonly by?: typeof PLAIN;
}

function run({ f, by = PLAIN }: Row, slope: number, x: Tensor, y: Tensor): void {
  const params = { n: x.numel, slope };
  const bind = { x: vec4(x), result: vec4(y) };
  by.forward.run({ bind, params, spec: { f, ...actSpec(x), ITEMS_PER_INVOCATION: by.items }, grid: grid1d(x.numel) });
}

function runGrad({ df, flat, by = PLAIN }: Row, slope: number, x: Tensor, dy: Tensor, dx: Tensor): Tensor {
  const bind = { x: vec4(x), dy: vec4(dy), result: vec4(dx) };
  const spec = { df, FLAT: flat ?? false, ...actSpec(x), ITEMS_PER_INVOCATION: by.items };
  by.backward.run({ bind, params: { n: x.numel, slope }, spec, grid: grid1d(x.numel) });
  return dx;
}

function pointwise(name: string, row: Row) {
  return defineOp({
    name,
    options: [],
    infer([x]: [x: Tensor], _options: object) {
      expectActivations(name, { x });
      return outputLike(x);
    },
    forward(y, [x]) {
      run(row, 0, x, y);
      return [row.fromOutput ? y : x];
    },
    backward: (dy, [saved], { out }) => [runGrad(row, 0, saved, dy, out(0))],
  });
}

/**
 * Compute max(x, 0), element by element; the derivative is 0 at 0.
 *
 * Shapes    x [*] f32 or f16 -> y [*], as all functions of this file.
 * Errors    OpError if x is not f32 or f16, or for an option; so for all functions of this file.
 * @example
 * console.log(await relu(tensor([-1, 0, 2])).data()); // 0, 0, 2
 */
export const relu = pointwise("relu", {
  f: "relu_of(v)",
  df: "select(0.0, 1.0, v > 0.0 || is_nan(v))",
  fromOutput: true,
  flat: true,
});
/**
 * Compute min(max(x, 0), 6), element by element; the derivative is 0 at both ends. Shapes and errors: see `relu`. Throws
 * OpError.
 */
export const relu6 = pointwise("relu6", {
  f: "carried(clamp(v, 0.0, 6.0), v)",
  df: "select(0.0, 1.0, (v > 0.0 && v < 6.0) || is_nan(v))",
  fromOutput: true,
  flat: true,
});
/** Compute x · sigmoid(x), element by element. Shapes and errors: see `relu`. Throws OpError. */
export const silu = pointwise("silu", {
  f: "v * sigmoid(v)",
  df: "let s = sigmoid(v); return s * (1.0 + v * (1.0 - s));",
  by: SMOOTH,
});
/**
 * Compute x · relu6(x + 3) / 6, element by element. Shapes and errors: see `relu`. Throws OpError. Source: Howard et al.
 * 2019.
 */
export const hardswish = pointwise("hardswish", {
  f: "v * clamp(v + 3.0, 0.0, 6.0) / 6.0",
  df: "select(select(v / 3.0 + 0.5, 1.0, v >= 3.0), 0.0, v < -3.0)",
  flat: true,
});
/** Compute relu6(x + 3) / 6, element by element. Shapes and errors: see `relu`. Throws OpError. */
export const hardsigmoid = pointwise("hardsigmoid", {
  f: "carried(clamp(v + 3.0, 0.0, 6.0) / 6.0, v)",
  df: "select(0.0, 1.0 / 6.0, v > -3.0 && v < 3.0)",
  flat: true,
});
/** Compute 1 / (1 + e^-x), element by element; finite for every x. Shapes and errors: see `relu`. Throws OpError. */
export const sigmoid = pointwise("sigmoid", { f: "sigmoid(v)", df: "v * (1.0 - v)", fromOutput: true, by: SMOOTH });
/** Compute the hyperbolic tangent, element by element; ±1 for large x. Shapes and errors: see `relu`. Throws OpError. */
export const tanh = pointwise("tanh", { f: "safe_tanh(v)", df: "1.0 - v * v", fromOutput: true, by: SMOOTH });
/** Compute log(1 + e^x) without overflow, element by element. Shapes and errors: see `relu`. Throws OpError. */
export const softplus = pointwise("softplus", {
  f: "carried(max(v, 0.0) + log1p_exp_negative(abs(v)), v)",
  df: "sigmoid(v)",
  by: SMOOTH,
});
/** Compute e^x, element by element; infinity above 88.7. Shapes and errors: see `relu`. Throws OpError. */
export const exp = pointwise("exp", { f: "exp_of(v)", df: "v", fromOutput: true });
/** Compute the natural logarithm, element by element; NaN below 0. Shapes and errors: see `relu`. Throws OpError. */
export const log = pointwise("log", { f: "log_of(v)", df: "1.0 / v" });
/**
 * Compute the square root, element by element; its derivative is infinite at 0. Shapes and errors: see `relu`. Throws
 * OpError.
 */
export const sqrt = pointwise("sqrt", { f: "sqrt(v)", df: "0.5 / v", fromOutput: true });
/** Compute -x, element by element. Shapes and errors: see `relu`. Throws OpError. */
export const neg = pointwise("neg", { f: "-v", df: "-1.0" });
/** Compute |x|, element by element; the derivative is 0 at 0. Shapes and errors: see `relu`. Throws OpError. */
export const abs = pointwise("abs", { f: "abs(v)", df: "sign(v)" });
/** Compute x², element by element. Shapes and errors: see `relu`. Throws OpError. */
export const square = pointwise("square", { f: "v * v", df: "2.0 * v" });

const GELU: Readonly<Record<"none" | "tanh", Row>> = {
  none: { f: "v * normal_cdf(v)", df: "normal_cdf(v) + v * INV_SQRT_2PI * exp(-0.5 * v * v)", by: SMOOTH },
  tanh: {
    f: "0.5 * v * (1.0 + safe_tanh(GELU_A * (v + GELU_B * v * v * v)))",
    df: `let t = safe_tanh(GELU_A * (v + GELU_B * v * v * v));
      return 0.5 * (1.0 + t) + 0.5 * v * (1.0 - t * t) * GELU_A * (1.0 + 3.0 * GELU_B * v * v);`,
    by: SMOOTH,
  },
};

/**
 * Compute x · Phi(x), element by element: exactly (`approximate: "none"`, the default) or by its tanh approximation ("tanh").
 *
 * Shapes    x [*] f32 or f16 -> y [*].
 * Errors    OpError if x is not f32 or f16, or for another approximation.
 * Source    Hendrycks & Gimpel 2016.
 */
export const gelu = defineOp({
  name: "gelu",
  options: ["approximate"],
  infer([x]: [x: Tensor], { approximate = "none" }: { approximate?: "none" | "tanh" }) {
    expectActivations("gelu", { x });
    if (!Object.hasOwn(GELU, approximate))
      throw new OpError("gelu", `approximate: expected none or tanh, got ${approximate}`);
    return outputLike(x);
  },
  forward(y, [x], { approximate = "none" }) {
    run(GELU[approximate], 0, x, y);
    return [x];
  },
  backward: (dy, [x], { options: { approximate = "none" }, out }) => [runGrad(GELU[approximate], 0, x, dy, out(0))],
});

const LEAKY_RELU: Row = {
  f: "select(params.slope * v, v, v > 0.0)",
  df: "select(params.slope, 1.0, v > 0.0)",
};

/**
 * Compute x where x > 0, else negativeSlope · x (default 0.01), element by element.
 *
 * Shapes    x [*] f32 or f16 -> y [*].
 * Errors    OpError if x is not f32 or f16, or if the slope is not a finite number.
 */
export const leakyRelu = defineOp({
  name: "leakyRelu",
  options: ["negativeSlope"],
  infer([x]: [x: Tensor], { negativeSlope = 0.01 }: { negativeSlope?: number }) {
    expectActivations("leakyRelu", { x });
    if (!Number.isFinite(negativeSlope))
      throw new OpError("leakyRelu", `negativeSlope: expected a number, got ${negativeSlope}`);
    return outputLike(x);
  },
  forward(y, [x], { negativeSlope = 0.01 }) {
    run(LEAKY_RELU, negativeSlope, x, y);
    return [x];
  },
  backward: (dy, [x], { options: { negativeSlope = 0.01 }, out }) => [
    runGrad(LEAKY_RELU, negativeSlope, x, dy, out(0)),
  ],
});
