// ONNX rules for elementwise functions and for arithmetic of two tensors.
import type { ClampOptions } from "../../ops/index.ts";
import type { OpContext, Rule, Rules } from "./rule.ts";

const same =
  (op: string): Rule =>
  (c) =>
    c.end(op, c.inputs);

/** Write x · 0.5 · (1 + inner). */
function halfOnePlus(c: OpContext, inner: string): void {
  const { graph, x } = c;
  const doubled = c.add("Mul", [x, c.add("Add", [inner, graph.scalar(1)])]);
  c.end("Mul", [doubled, graph.scalar(0.5)]);
}

function gelu(c: OpContext): void {
  const { graph, x } = c;
  if (c.options<{ approximate?: string }>().approximate !== "tanh") {
    halfOnePlus(c, c.add("Erf", [c.add("Mul", [x, graph.scalar(Math.SQRT1_2)])]));
    return;
  }
  const cube = c.add("Mul", [c.add("Mul", [x, x]), x]);
  const bent = c.add("Add", [x, c.add("Mul", [cube, graph.scalar(0.044715)])]);
  halfOnePlus(c, c.add("Tanh", [c.add("Mul", [bent, graph.scalar(Math.sqrt(2 / Math.PI))])]));
}

/** Combine spikes of shortcut and branch: ADD, AND (product), or IAND (shortcut where the branch does not spike). */
function sewConnect(c: OpContext): void {
  const { connect = "ADD" } = c.options<{ connect?: string }>();
  const [identity = null, out = null] = c.inputs;
  if (connect === "ADD") c.end("Add", [identity, out]);
  else if (connect === "AND") c.end("Mul", [identity, out]);
  else c.end("Mul", [identity, c.add("Sub", [c.graph.scalar(1), out])]);
}

const FLOAT = 1; // code of the element type

/** Compare, then turn booleans into 1 and 0. `inverse`: the opposite of the ONNX op. */
const compared =
  (op: string, inverse = false): Rule =>
  (c) => {
    const condition = c.add(op, c.inputs);
    c.end("Cast", [inverse ? c.add("Not", [condition]) : condition], { to: { int: FLOAT } });
  };

export const pointwiseRules: Rules = {
  relu: same("Relu"),
  relu6: (c) => c.end("Clip", [c.x, c.graph.scalar(0), c.graph.scalar(6)]),
  silu: (c) => c.end("Mul", [c.x, c.add("Sigmoid", [c.x])]),
  hardswish: same("HardSwish"),
  hardsigmoid: (c) => c.end("HardSigmoid", [c.x], { alpha: { float: 1 / 6 }, beta: { float: 0.5 } }),
  sigmoid: same("Sigmoid"),
  tanh: same("Tanh"),
  softplus: same("Softplus"),
  exp: same("Exp"),
  log: same("Log"),
  sqrt: same("Sqrt"),
  neg: same("Neg"),
  abs: same("Abs"),
  square: (c) => c.end("Mul", [c.x, c.x]),
  gelu,
  leakyRelu: (c) => {
    const { negativeSlope = 0.01 } = c.options<{ negativeSlope?: number }>();
    c.end("LeakyRelu", [c.x], { alpha: { float: negativeSlope } });
  },
  add: same("Add"),
  sub: same("Sub"),
  mul: same("Mul"),
  div: same("Div"),
  maximum: same("Max"),
  minimum: same("Min"),
  gt: compared("Greater"),
  ge: compared("GreaterOrEqual"),
  lt: compared("Less"),
  le: compared("LessOrEqual"),
  eq: compared("Equal"),
  ne: compared("Equal", true),
  pow: same("Pow"),
  clamp: (c) => {
    const { min, max } = c.options<ClampOptions>();
    const bound = (value: number | undefined) => (value === undefined ? null : c.graph.scalar(value));
    c.end("Clip", [c.x, bound(min), bound(max)]);
  },
  sewConnect,
  addRelu: (c) => c.end("Relu", [c.add("Add", [...c.inputs])]),
};
