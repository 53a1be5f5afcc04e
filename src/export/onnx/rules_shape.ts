// ONNX rules for reductions over axes and for moves of values: reshape, slice, concat, repeat, time axis.
import type { NarrowOptions, ReduceOptions } from "../../ops/index.ts";
import { normalizeAxes, normalizeAxis } from "../../tensor/index.ts";
import type { OpContext, Rule, Rules } from "./rule.ts";
import { isFixed } from "./shape.ts";

/** Return the rule for sum, mean or maximum. In this operator set, only ReduceSum takes the axes as an input. */
function reduction(op: string, asInput: boolean): Rule {
  return (c) => {
    const { axes, keepdims = false } = c.options<ReduceOptions>();
    const which = normalizeAxes(c.step.op, axes, c.inputShape().length);
    const keep = { keepdims: { int: keepdims ? 1 : 0 } };
    // In ONNX, no axes means all axes.
    if (which.length === 0) c.end("Identity", [c.x]);
    else if (asInput) c.end(op, [c.x, c.graph.integers(which)], keep);
    else c.end(op, [c.x], { ...keep, axes: { ints: which } });
  };
}

const alongAxis =
  (op: string): Rule =>
  (c) => {
    const { axis = -1 } = c.options<{ axis?: number }>();
    c.end(op, c.inputs, { axis: { int: normalizeAxis(c.step.op, axis, c.inputShape().length) } });
  };

function expand(c: OpContext): void {
  const { scale = 1 } = c.options<{ scale?: number }>();
  const from = c.inputShape();
  const lead = c.outputShape.length - from.length;
  // An existing batch axis is repeated once.
  const sizes = c.outputShape.map((d, axis) => {
    if (isFixed(d)) return d;
    return axis >= lead && !isFixed(from[axis - lead]) ? 1 : c.fail("repeats along the batch: set `batch` to a number");
  });
  const target = c.graph.integers(sizes);
  if (scale === 1) c.end("Expand", [c.x, target]);
  else c.end("Mul", [c.add("Expand", [c.x, target]), c.graph.scalar(scale)]);
}

function narrow(c: OpContext): void {
  const { axis, start, length } = c.options<NarrowOptions>();
  const at = normalizeAxis("narrow", axis, c.inputShape().length);
  c.fixed(c.outputShape, at);
  const { graph } = c;
  c.end("Slice", [c.x, graph.integers([start]), graph.integers([start + length]), graph.integers([at])]);
}

/** Convert [N, T, *] or [N, T·C, *] to [T, N, *]. */
function timeMajor(c: OpContext): void {
  const [steps = 1, batch = 1, ...rest] = c.outputShape;
  const split = c.reshape(c.x, [batch, steps, ...rest]);
  const axes = c.outputShape.map((_, axis) => axis).slice(2);
  c.end("Transpose", [split], { perm: { ints: [1, 0, ...axes] } });
}

const reshape: Rule = (c) => {
  c.reshape(c.x, c.outputShape, c.output);
};

function encodeDirect(c: OpContext): void {
  if (c.outputShape[0] !== 1) c.fail("expected one time step: build the model with timeSteps 1");
  c.end("Unsqueeze", [c.x, c.graph.integers([0])]);
}

export const shapeRules: Rules = {
  sum: reduction("ReduceSum", true),
  mean: reduction("ReduceMean", false),
  max: reduction("ReduceMax", false),
  softmax: alongAxis("Softmax"),
  logSoftmax: alongAxis("LogSoftmax"),
  concat: alongAxis("Concat"),
  reshape,
  flatten: reshape,
  expand,
  narrow,
  timeMajor,
  encodeDirect,
};
