// ONNX rules for ops that reorder, choose or extend values.
import type { PadOptions } from "../../ops/index.ts";
import type { OpContext, Rules } from "./rule.ts";

/** Codes of element types. */
const BOOL = 9;

const PAD_MODES = { constant: "constant", reflect: "reflect", replicate: "edge" } as const;

function pad(c: OpContext): void {
  const { pads, mode = "constant", value = 0 } = c.options<PadOptions & { pads: readonly number[] }>();
  const axes = c.inputShape().map((_, axis, { length }) => 2 * (length - 1 - axis));
  // All axes, outermost first: what is added in front, then what is added behind.
  const all = [...axes.map((at) => pads[at] ?? 0), ...axes.map((at) => pads[at + 1] ?? 0)];
  const constant = mode === "constant" ? c.graph.scalar(value) : null;
  c.end("Pad", [c.x, c.graph.integers(all), constant], { mode: { text: PAD_MODES[mode] } });
}

export const indexingRules: Rules = {
  permute: (c) => {
    const { dims } = c.options<{ dims: readonly number[] }>();
    const perm = dims.map((axis) => (axis < 0 ? axis + dims.length : axis));
    c.end("Transpose", [c.x], { perm: { ints: perm } });
  },
  pad,
  gather: (c) => c.end("GatherElements", c.inputs, { axis: { int: c.options<{ dim: number }>().dim } }),
  embedding: (c) => {
    const [index = null, weight = null] = c.inputs;
    c.end("Gather", [weight, index], { axis: { int: 0 } });
  },
  where: (c) => {
    const [condition = null, a = null, b = null] = c.inputs;
    c.end("Where", [c.add("Cast", [condition], { to: { int: BOOL } }), a, b]);
  },
};
