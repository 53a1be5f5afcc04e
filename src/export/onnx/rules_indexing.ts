// ONNX rules for ops that reorder, choose or extend values.
import type { Rules } from "./rule.ts";

export const indexingRules: Rules = {
  permute: (c) => {
    const { dims } = c.options<{ dims: readonly number[] }>();
    const perm = dims.map((axis) => (axis < 0 ? axis + dims.length : axis));
    c.end("Transpose", [c.x], { perm: { ints: perm } });
  },
};
