// Fixtures of losses of single elements.
import { bceWithLogits, huberLoss, mseLoss } from "../../src/ops/index.ts";
import type { Attrs } from "./attrs.ts";
import { type Handlers, type Inputs, input, runOp } from "./handler.ts";

const reductionOf = (attrs: Attrs) => attrs.word("reduction", ["mean", "sum", "none"], "mean");

export const lossHandlers: Handlers = {
  mse_loss(attrs, c) {
    const options = { reduction: reductionOf(attrs) };
    return () => runOp(c, (t) => mseLoss(input(t, "x"), input(t, "target"), options));
  },
  huber_loss(attrs, c) {
    const options = { reduction: reductionOf(attrs), delta: attrs.number("delta", 1) };
    return () => runOp(c, (t) => huberLoss(input(t, "x"), input(t, "target"), options));
  },
  bce_with_logits(attrs, c) {
    const reduction = reductionOf(attrs);
    const posWeight = (t: Inputs) => t["pos_weight"] ?? null;
    return () =>
      runOp(c, (t) => bceWithLogits(input(t, "x"), input(t, "target"), { reduction, posWeight: posWeight(t) }));
  },
};
