// Fixtures of conv2d.
import { conv2d } from "../../src/ops/index.ts";
import { Unsupported } from "./attrs.ts";
import { tensorOf } from "./format.ts";
import { type Handlers, input, runOp } from "./handler.ts";

export const convHandlers: Handlers = {
  conv2d(attrs, c) {
    const kernel = attrs.pair("kernel");
    const stored = tensorOf(c, "w").shape.slice(2);
    if (kernel.some((size, i) => size !== stored[i])) {
      throw new Unsupported(`kernel [${kernel}] does not fit the weight, which has [${stored}]`);
    }
    attrs.boolean("bias", c.inputs.includes("b"));
    const options = {
      stride: attrs.pair("stride", 1),
      padding: attrs.pair("padding", 0),
      dilation: attrs.pair("dilation", 1),
      groups: attrs.number("groups", 1),
    };
    return () => runOp(c, (t) => conv2d(input(t, "x"), input(t, "w"), t["b"] ?? null, options));
  },
};
