// Fixtures of the thresholds: soft threshold and its straight-through form, STR, LTP.
import { ltpThreshold, softL0, softThreshold, strThreshold } from "../../src/ops/index.ts";
import { tensor } from "../../src/tensor/index.ts";
import { type Attrs, Unsupported } from "./attrs.ts";
import { type Handler, type Handlers, input, runOp, runOutputs } from "./handler.ts";

const soft = (straightThrough: boolean, gradient: RegExp): Handler => {
  return (attrs, c) => {
    const d = attrs.number("d");
    const said = attrs.sentence("gradient");
    if (said !== "" && !gradient.test(said)) throw new Unsupported(`gradient "${said}" is not known for ${c.op}`);
    return () => runOp(c, (t) => softThreshold(input(t, "x"), tensor([d], []), { straightThrough }));
  };
};

/** Check whether the gate of LTP takes part in the gradient of the weights. */
function gradThroughMask(attrs: Attrs): boolean {
  const said = attrs.sentence("gradient");
  if (said === "" || /^exact/.test(said)) return true;
  if (/gate treated as a constant/.test(said)) return false;
  throw new Unsupported(`gradient "${said}" is not known for ltp_threshold`);
}

export const sparseHandlers: Handlers = {
  soft_threshold: soft(false, /^1\[\|x\| > d\]/),
  soft_threshold_straight_through: soft(true, /^1 everywhere/),
  str_threshold(attrs, c) {
    attrs.ignore("formula");
    return () => runOp(c, (t) => strThreshold(input(t, "x"), input(t, "s")));
  },
  ltp_threshold(attrs, c) {
    const options = { temperature: attrs.number("T"), gradThroughMask: gradThroughMask(attrs) };
    return () =>
      runOutputs(c, {
        y: (t) => ltpThreshold(input(t, "x"), input(t, "tau"), options),
        soft_l0: (t) => softL0(input(t, "x"), input(t, "tau"), options),
      });
  },
};
