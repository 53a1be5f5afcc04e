// Pointwise functions of one tensor: a table over one pair of shaders.

import forwardWgsl from "../../shaders/unary.wgsl";
import backwardWgsl from "../../shaders/unary_grad.wgsl";
import { defineOp, expectFloat, like } from "../autograd/index.ts";
import { kernel, OpError } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";
import { vec4, vec4Grid } from "./pointwise/vec4.ts";

const forwardKernel = kernel("unary", forwardWgsl);
const backwardKernel = kernel("unary_grad", backwardWgsl);

// The order is that of the cases in unary.wgsl.
const CODES = [
  "relu",
  "relu6",
  "silu",
  "hardswish",
  "hardsigmoid",
  "sigmoid",
  "tanh",
  "gelu_erf",
  "gelu_tanh",
  "leaky_relu",
  "softplus",
  "exp",
  "log",
  "sqrt",
  "neg",
  "abs",
  "square",
] as const;
type Code = (typeof CODES)[number];

/**
 * Functions whose derivative needs the output only: cheaper for some; after relu it also frees the input, while the next
 * layer keeps the output anyway.
 */
const FROM_OUTPUT = new Set<Code>(["relu", "relu6", "sigmoid", "tanh", "exp", "sqrt"]);

function run(code: Code, slope: number, x: Tensor, y: Tensor): void {
  forwardKernel.run({
    bind: { x: vec4(x), y: vec4(y) },
    params: { n: x.numel, slope },
    spec: { OP: CODES.indexOf(code) },
    grid: vec4Grid(x.numel),
  });
}

function runGrad(code: Code, slope: number, x: Tensor, dy: Tensor, dx: Tensor): Tensor {
  backwardKernel.run({
    bind: { x: vec4(x), dy: vec4(dy), dx: vec4(dx) },
    params: { n: x.numel, slope },
    spec: { OP: CODES.indexOf(code) },
    grid: vec4Grid(x.numel),
  });
  return dx;
}

function pointwise(name: string, code: Code) {
  return defineOp({
    name,
    options: [],
    infer([x]: [x: Tensor], _options: object) {
      expectFloat(name, { x });
      return like(x);
    },
    forward(y, [x]) {
      run(code, 0, x, y);
      return [FROM_OUTPUT.has(code) ? y : x];
    },
    backward: (dy, [saved], { out }) => [runGrad(code, 0, saved, dy, out(0))],
  });
}

/** max(x, 0); derivative 0 at 0. Shapes x [*] -> [*], as all functions here. */
export const relu = pointwise("relu", "relu");
/** min(max(x, 0), 6); derivative 0 at both ends. */
export const relu6 = pointwise("relu6", "relu6");
/** x · sigmoid(x). */
export const silu = pointwise("silu", "silu");
/** x · relu6(x + 3) / 6. Howard et al. 2019. */
export const hardswish = pointwise("hardswish", "hardswish");
/** relu6(x + 3) / 6. */
export const hardsigmoid = pointwise("hardsigmoid", "hardsigmoid");
/** 1 / (1 + e^-x), finite for every x. */
export const sigmoid = pointwise("sigmoid", "sigmoid");
export const tanh = pointwise("tanh", "tanh");
/** log(1 + e^x), without overflow. */
export const softplus = pointwise("softplus", "softplus");
export const exp = pointwise("exp", "exp");
/** Natural logarithm; NaN below 0. */
export const log = pointwise("log", "log");
/** Square root; its derivative is infinite at 0. */
export const sqrt = pointwise("sqrt", "sqrt");
export const neg = pointwise("neg", "neg");
/** |x|; derivative 0 at 0. */
export const abs = pointwise("abs", "abs");
export const square = pointwise("square", "square");

/** x · Phi(x), exactly (`none`) or by its tanh approximation. Hendrycks & Gimpel 2016. */
export const gelu = defineOp({
  name: "gelu",
  options: ["approximate"],
  infer([x]: [x: Tensor], { approximate = "none" }: { approximate?: "none" | "tanh" }) {
    expectFloat("gelu", { x });
    if (approximate !== "none" && approximate !== "tanh") {
      throw new OpError("gelu", `approximate wants none or tanh, was given ${approximate}`);
    }
    return like(x);
  },
  forward(y, [x], { approximate = "none" }) {
    run(approximate === "none" ? "gelu_erf" : "gelu_tanh", 0, x, y);
    return [x];
  },
  backward: (dy, [x], { options: { approximate = "none" }, out }) => [
    runGrad(approximate === "none" ? "gelu_erf" : "gelu_tanh", 0, x, dy, out(0)),
  ],
});

/** x where x > 0, else negativeSlope · x (default 0.01). */
export const leakyRelu = defineOp({
  name: "leakyRelu",
  options: ["negativeSlope"],
  infer([x]: [x: Tensor], { negativeSlope = 0.01 }: { negativeSlope?: number }) {
    expectFloat("leakyRelu", { x });
    if (!Number.isFinite(negativeSlope))
      throw new OpError("leakyRelu", `negativeSlope wants a number, was given ${negativeSlope}`);
    return like(x);
  },
  forward(y, [x], { negativeSlope = 0.01 }) {
    run("leaky_relu", negativeSlope, x, y);
    return [x];
  },
  backward: (dy, [x], { options: { negativeSlope = 0.01 }, out }) => [
    runGrad("leaky_relu", negativeSlope, x, dy, out(0)),
  ],
});
