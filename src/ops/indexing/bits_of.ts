// Types of memory in kernels that copy elements of any dtype without reading them.
import type { Tensor } from "../../tensor/index.ts";

/** Return the WGSL type of one element, or of four neighbours: u32 for all dtypes of 32 bits. */
export function bitsOf({ dtype }: Pick<Tensor, "dtype">, wide: boolean): string {
  const one = dtype === "f16" ? "f16" : "u32";
  return wide ? `vec4<${one}>` : one;
}
