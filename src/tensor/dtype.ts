// Element types: their size, their typed array, and their part of a shader.
import { OpError, type OpOperand, type Spec } from "../gpu/index.ts";
import { halfBits, halfValues } from "./half.ts";

/** Type of a tensor's elements: 32-bit or 16-bit float, or signed or unsigned integer. */
export type DType = "f32" | "f16" | "i32" | "u32";
/** Elements of a tensor on the host. Those of f16 are the same values in a Float32Array. */
export type TypedArray = Float32Array | Int32Array | Uint32Array;

export const bytesOf: Readonly<Record<DType, number>> = { f32: 4, f16: 2, i32: 4, u32: 4 };

/** Return the `count` values in bytes read from the GPU. */
export function arrayOf(dtype: DType, buffer: ArrayBuffer, count: number): TypedArray {
  if (dtype === "f16") return halfValues(new Uint16Array(buffer), count);
  if (dtype === "f32") return new Float32Array(buffer);
  return dtype === "i32" ? new Int32Array(buffer) : new Uint32Array(buffer);
}

/** Return the dtype of host values. Throws OpError for an array of another type: nothing is converted silently. */
export function dtypeOf(data: TypedArray): Exclude<DType, "f16"> {
  if (data instanceof Float32Array) return "f32";
  if (data instanceof Int32Array) return "i32";
  if (data instanceof Uint32Array) return "u32";
  const given = (data as unknown)?.constructor?.name ?? String(data);
  throw new OpError("tensor", `expected Float32Array, Int32Array or Uint32Array, got ${given}`);
}

/** Return the bytes to upload for values of a dtype; f32 values become f16, rounded to nearest. Throws OpError for other types. */
export function bytesToUpload(
  op: string,
  dtype: DType,
  values: TypedArray,
  tensors?: Record<string, OpOperand>,
): ArrayBufferView {
  const own = dtypeOf(values);
  if (dtype === "f16" && own === "f32") return halfBits(values);
  if (own !== dtype) throw new OpError(op, `expected ${dtype === "f16" ? "f32" : dtype} values, got ${own}`, tensors);
  return values;
}

/**
 * Return the spec of a shader's `alias Act`, the element type of its activations in memory: that of `t`. Nothing for f32, which
 * is the default.
 */
export const actSpec = ({ dtype }: { readonly dtype: DType }): Spec => (dtype === "f16" ? { Act: "f16" } : {});
