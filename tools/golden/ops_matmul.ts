// Fixtures of linear and matmul.
import { linear, matmul } from "../../src/ops/index.ts";
import { type Handlers, input, runOp } from "./handler.ts";

export const matmulHandlers: Handlers = {
  linear(attrs, c) {
    attrs.boolean("bias", c.inputs.includes("b"));
    attrs.word("weight_layout", ["[out,in]"], "[out,in]");
    return () => runOp(c, (t) => linear(input(t, "x"), input(t, "w"), t["b"] ?? null));
  },
  matmul(attrs, c) {
    const options = {
      transposeA: attrs.boolean("transpose_a", false),
      transposeB: attrs.boolean("transpose_b", false),
    };
    return () => runOp(c, (t) => matmul(input(t, "a"), input(t, "b"), options));
  },
};
