// Element types: their size and their typed array.
import { OpError } from "../gpu/index.ts";

/** Type of a tensor's elements: 32-bit float, or signed or unsigned integer. */
export type DType = "f32" | "i32" | "u32";
/** Elements of a tensor on the host. */
export type TypedArray = Float32Array | Int32Array | Uint32Array;

export const bytesOf: Readonly<Record<DType, number>> = { f32: 4, i32: 4, u32: 4 };

export function arrayOf(dtype: DType, buffer: ArrayBuffer): TypedArray {
  if (dtype === "f32") return new Float32Array(buffer);
  return dtype === "i32" ? new Int32Array(buffer) : new Uint32Array(buffer);
}

/** Return the dtype of host values. Throws OpError for an array of another type: nothing is converted silently. */
export function dtypeOf(data: TypedArray): DType {
  if (data instanceof Float32Array) return "f32";
  if (data instanceof Int32Array) return "i32";
  if (data instanceof Uint32Array) return "u32";
  const given = (data as unknown)?.constructor?.name ?? String(data);
  throw new OpError("tensor", `expected Float32Array, Int32Array or Uint32Array, got ${given}`);
}
