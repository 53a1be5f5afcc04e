// Binds tensors as arrays of vec4: one load for four elements, which halves the time of pointwise kernels on a
// software adapter. Kernels must not write past the tensor's own elements: an arena's padding stays zero.
import { type Bindable, MemoryError } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";

/** Return the tensor's memory up to a whole vec4. Views start at multiples of 256 bytes, so no other tensor shares it. */
export function vec4(t: Tensor): Bindable {
  const { buffer, offset, bytes } = t.view;
  const whole = Math.ceil(bytes / 16) * 16;
  if (offset + whole > buffer.bytes)
    throw new MemoryError(`tensor ${t.describe()} fills the largest buffer of this adapter but for its last vec4`);
  return { view: { buffer, offset, bytes: whole } };
}
