// Conversion between f32 and f16.
import { convert, convertInto, defineOp, defineView, expectActivations } from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import type { Tensor } from "../tensor/index.ts";

interface CastOptions {
  readonly dtype: "f32" | "f16";
}

const convertTo = defineOp({
  name: "cast",
  options: ["dtype"],
  infer: ([x]: [x: Tensor], { dtype }: CastOptions) => ({ shape: x.shape, dtype }),
  forward(y, [x]) {
    convertInto(y, x);
    return [];
  },
  backward: (dy, _saved, { options }) => [convert(dy, options.dtype === "f16" ? "f32" : "f16")],
});

const same = defineView({ name: "cast", shape: (x: Tensor) => x.shape });

/**
 * Convert to f32 or f16. f16 holds 11 significant bits, up to 65504: larger values become infinite, those below 6e-8 zero.
 *
 * Shapes    x [*] f32 or f16 -> y [*] of `dtype`.  Shares memory with x if that is x's dtype.
 * Backward  dx = dy in x's dtype.
 * Errors    OpError for another dtype, or for f16 on an adapter without shader-f16.
 * @example
 * const x = cast(tensor([1 / 3]), "f16");
 * console.log(x.dtype, await x.data()); // f16 0.333251953125
 */
export function cast(x: Tensor, dtype: "f32" | "f16"): Tensor {
  if (dtype !== "f32" && dtype !== "f16") throw new OpError("cast", `dtype: expected f32 or f16, got ${dtype}`);
  expectActivations("cast", { x });
  return x.dtype === dtype ? same(x) : convertTo(x, { dtype });
}
