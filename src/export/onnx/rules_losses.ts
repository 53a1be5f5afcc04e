// ONNX rules for the losses of single elements: a graph with its loss can be trained by an ONNX runtime.
import type { LossSettings } from "../../ops/loss/elementwise.ts";
import type { OpContext, Rule, Rules } from "./rule.ts";

/** Return the rule of a loss: `values` writes the losses of the elements. */
const loss =
  (values: (c: OpContext, x: string, target: string) => string): Rule =>
  (c) => {
    const { reduction = "mean" } = c.options<LossSettings>();
    const each = values(c, c.x, c.inputs[1]!);
    const reduce = { mean: "ReduceMean", sum: "ReduceSum", none: "Identity" }[reduction];
    c.end(reduce, [each], reduction === "none" ? {} : { keepdims: { int: 0 } });
  };

const squared = (c: OpContext, x: string, target: string): string => {
  const d = c.add("Sub", [x, target]);
  return c.add("Mul", [d, d]);
};

function huber(c: OpContext, x: string, target: string): string {
  const { delta = 1 } = c.options<LossSettings>();
  const d = c.add("Sub", [x, target]);
  const distance = c.add("Abs", [d]);
  const near = c.add("Mul", [c.add("Mul", [d, d]), c.scalar(0.5)]);
  const far = c.add("Mul", [c.add("Sub", [distance, c.scalar(delta / 2)]), c.scalar(delta)]);
  return c.add("Where", [c.add("LessOrEqual", [distance, c.scalar(delta)]), near, far]);
}

function binaryCrossEntropy(c: OpContext, x: string, target: string): string {
  const weight = c.inputs[2] ?? null;
  const negative = c.add("Mul", [c.add("Sub", [c.scalar(1), target]), c.add("Softplus", [x])]);
  const positive = c.add("Mul", [target, c.add("Softplus", [c.add("Neg", [x])])]);
  return c.add("Add", [negative, weight ? c.add("Mul", [positive, weight]) : positive]);
}

export const lossRules: Rules = {
  mseLoss: loss(squared),
  huberLoss: loss(huber),
  bceWithLogits: loss(binaryCrossEntropy),
};
