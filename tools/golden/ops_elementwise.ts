// Fixtures of pointwise ops with one input or two.
import {
  abs,
  add,
  div,
  exp,
  gelu,
  hardsigmoid,
  hardswish,
  leakyRelu,
  log,
  maximum,
  minimum,
  mul,
  neg,
  relu,
  relu6,
  sigmoid,
  silu,
  softplus,
  sqrt,
  square,
  sub,
  tanh,
} from "../../src/ops/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { type Handler, type Handlers, input, runOp } from "./handler.ts";

/** Attributes that describe a case without affecting it. */
const NOTES = ["fixed_points_first", "at_kinks", "note", "broadcast"];

const unary = (op: (x: Tensor) => Tensor): Handler => {
  return (attrs, c) => {
    attrs.ignore(...NOTES);
    return () => runOp(c, (t) => op(input(t, "x")));
  };
};

const binary = (op: (a: Tensor, b: Tensor) => Tensor): Handler => {
  return (attrs, c) => {
    attrs.ignore(...NOTES);
    return () => runOp(c, (t) => op(input(t, "a"), input(t, "b")));
  };
};

const leaky: Handler = (attrs, c) => {
  const inName = /-?\d[\d.e-]*$/.exec(c.op.replace(/^leaky_relu_?/, ""))?.[0];
  const negativeSlope = attrs.number("negative_slope", inName === undefined ? 0.01 : Number(inName));
  return unary((x) => leakyRelu(x, { negativeSlope }))(attrs, c);
};

export const elementwiseHandlers: Handlers = {
  relu: unary((x) => relu(x)),
  relu6: unary((x) => relu6(x)),
  silu: unary((x) => silu(x)),
  hardswish: unary((x) => hardswish(x)),
  hardsigmoid: unary((x) => hardsigmoid(x)),
  sigmoid: unary((x) => sigmoid(x)),
  tanh: unary((x) => tanh(x)),
  gelu_erf: unary((x) => gelu(x, { approximate: "none" })),
  gelu_tanh: unary((x) => gelu(x, { approximate: "tanh" })),
  leaky_relu: leaky,
  // The slope is part of the op's name: leaky_relu_0.1.
  leaky_relu_: leaky,
  softplus: unary((x) => softplus(x)),
  exp: unary((x) => exp(x)),
  log: unary((x) => log(x)),
  sqrt: unary((x) => sqrt(x)),
  neg: unary((x) => neg(x)),
  abs: unary((x) => abs(x)),
  square: unary((x) => square(x)),
  add: binary((a, b) => add(a, b)),
  sub: binary((a, b) => sub(a, b)),
  mul: binary((a, b) => mul(a, b)),
  div: binary((a, b) => div(a, b)),
  maximum: binary((a, b) => maximum(a, b)),
  minimum: binary((a, b) => minimum(a, b)),
};
