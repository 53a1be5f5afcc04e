// Symbolic shapes with a dynamic batch, derived from the shapes of two batch sizes.
import type { Shape } from "../../tensor/index.ts";

/** OnnxSize of an axis: a number, or a multiple of the batch. */
export type OnnxSize = number | { readonly batches: number };
/** Sizes of an ONNX value; a string names a size that varies. */
export type OnnxShape = readonly OnnxSize[];

export const isFixed = (size: OnnxSize | undefined): size is number => typeof size === "number";

/** Derive the symbolic shape from those of batches `a` and `b`; null if a size is neither constant nor a multiple of the batch. */
export function symbolic(first: Shape, second: Shape, a: number, b: number): OnnxShape | null {
  if (first.length !== second.length) return null;
  const sizes: OnnxSize[] = [];
  for (const [i, size] of first.entries()) {
    const other = second[i]!;
    if (size === other) sizes.push(size);
    else if (size * b === other * a && size % a === 0) sizes.push({ batches: size / a });
    else return null;
  }
  return sizes;
}
