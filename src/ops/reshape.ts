// Views: the same values under another shape.
import { defineView } from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import { formatShape, normalizeAxis, numel, type Shape } from "../tensor/index.ts";

/**
 * Reshape: the same values in another shape. One size may be -1 and is computed.
 *
 * Shapes    x [*] -> y [shape], of as many elements.  Shares memory with x.
 * Errors    OpError when the element counts differ or two sizes are -1.
 */
export const reshape = defineView({
  name: "reshape",
  options: ["shape"],
  shape(x, { shape }: { shape: Shape }) {
    const open = shape.filter((d) => d === -1).length;
    const known = numel(shape.filter((d) => d !== -1));
    const out = shape.map((d) => (d === -1 ? x.numel / known : d));
    if (open > 1 || numel(out) !== x.numel || out.some((d) => !Number.isInteger(d) || d <= 0))
      throw new OpError("reshape", `expected a shape of ${x.numel} elements, got ${formatShape(shape)}`, { x });
    return out;
  },
});

/**
 * Merge the axes from `startAxis` on into one.
 *
 * Shapes    x [a, b, c, ...] -> y [a, b·c·...] for startAxis 1 (the default). Shares memory with x.
 * Errors    OpError for an axis out of range.
 */
export const flatten = defineView({
  name: "flatten",
  options: ["startAxis"],
  shape(x, { startAxis = 1 }: { startAxis?: number }) {
    const at = normalizeAxis("flatten", startAxis, x.shape.length);
    return [...x.shape.slice(0, at), numel(x.shape.slice(at))];
  },
});
