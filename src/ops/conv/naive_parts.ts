// Connects convolutions with those by definition, which only tests and measurements load.
import { OpError } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import type { ConvShape } from "./shape.ts";

/** The three passes of a convolution by its definition. */
export interface NaiveConvolution {
  /** Compute y [N,O,OH,OW] from x [N,C,H,W], w [O,C/groups,kh,kw] and b [O] or null. */
  forward(s: ConvShape, y: Tensor, x: Tensor, w: Tensor, b: Tensor | null): void;
  /** Compute dx [N,C,H,W] from dy [N,O,OH,OW] and w. */
  gradInput(s: ConvShape, dx: Tensor, dy: Tensor, w: Tensor): void;
  /** Compute dw [O,C/groups,kh,kw] from x and dy. */
  gradWeight(s: ConvShape, dw: Tensor, x: Tensor, dy: Tensor): void;
}

let parts: NaiveConvolution | null = null;

/** Provide the passes. `enableNaiveConvolution` does this. */
export function setNaiveConvolution(given: NaiveConvolution): void {
  parts = given;
}

/** Return the passes. Throws OpError if they are not loaded. */
export function naiveConvolution(): NaiveConvolution {
  if (parts) return parts;
  throw new OpError("conv2d", "algorithm naive: call enableNaiveConvolution() of espalier/internal first");
}
