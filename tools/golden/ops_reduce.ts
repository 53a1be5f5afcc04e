// Fixtures of reductions, softmax, cross entropy, and dropout with a given mask.
import { crossEntropy, dropoutWithMask, logSoftmax, max, mean, softmax, sum } from "../../src/ops/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { type Handler, type Handlers, input, runOp } from "./handler.ts";

type Reduction = (x: Tensor, options: { axes?: readonly number[]; keepdims: boolean }) => Tensor;

const reduction = (op: Reduction): Handler => {
  return (attrs, c) => {
    const axes = attrs.axes("axes");
    const keepdims = attrs.boolean("keepdims", false);
    return () => runOp(c, (t) => op(input(t, "x"), axes ? { axes, keepdims } : { keepdims }));
  };
};

const overAxis = (op: (x: Tensor, options: { axis: number }) => Tensor): Handler => {
  return (attrs, c) => {
    const axis = attrs.number("axis", -1);
    return () => runOp(c, (t) => op(input(t, "x"), { axis }));
  };
};

export const reduceHandlers: Handlers = {
  sum: reduction((x, options) => sum(x, options)),
  mean: reduction((x, options) => mean(x, options)),
  max: reduction((x, options) => max(x, options)),
  softmax: overAxis((x, options) => softmax(x, options)),
  log_softmax: overAxis((x, options) => logSoftmax(x, options)),
  cross_entropy(attrs, c) {
    const labelSmoothing = attrs.number("label_smoothing", 0);
    const reduce = attrs.word("reduction", ["mean", "sum", "none"], "mean");
    return () =>
      runOp(c, (t) => crossEntropy(input(t, "x"), input(t, "target"), { labelSmoothing, reduction: reduce }));
  },
  dropout(attrs, c) {
    const p = attrs.number("p");
    return () => runOp(c, (t) => dropoutWithMask(input(t, "x"), input(t, "mask"), { p }));
  },
};
