// Element types of array files (safetensors, .npy, IDX): names, widths and the typed array each becomes.
import type { HostArray } from "../tensor/index.ts";
import { quote } from "../text/index.ts";

export { quote } from "../text/index.ts";

/**
 * Typed array of each element type. Floats of 16 and 8 bits stay raw bits (see toFloat32); BOOL is one byte each, 0 or
 * 1.
 */
export interface ArrayByDtype {
  F64: Float64Array;
  I64: BigInt64Array;
  U64: BigUint64Array;
  F32: Float32Array;
  I32: Int32Array;
  U32: Uint32Array;
  F16: Uint16Array;
  BF16: Uint16Array;
  I16: Int16Array;
  U16: Uint16Array;
  I8: Int8Array;
  U8: Uint8Array;
  BOOL: Uint8Array;
  F8_E4M3: Uint8Array;
  F8_E5M2: Uint8Array;
  F8_E4M3FNUZ: Uint8Array;
  F8_E5M2FNUZ: Uint8Array;
  F8_E8M0: Uint8Array;
}
/** Type of the elements of an array of a file, by its name in safetensors. */
export type ArrayDtype = keyof ArrayByDtype;
/** Elements of an array of a file. */
export type ArrayData = ArrayByDtype[ArrayDtype];

/** An array read from a file; `dtype` gives the type of `data`. */
export type FileArray = {
  [D in ArrayDtype]: { readonly dtype: D; readonly shape: readonly number[]; readonly data: ArrayByDtype[D] };
}[ArrayDtype];

/** An array to write. Default dtype: that of the typed array. Writers check that dtype, shape and data agree. */
export interface FileArrayInput extends HostArray<ArrayData> {
  readonly dtype?: ArrayDtype;
}

interface ArrayConstructor {
  readonly BYTES_PER_ELEMENT: number;
  new (length: number): ArrayData;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): ArrayData;
}

const constructors: Readonly<Record<ArrayDtype, ArrayConstructor>> = {
  F64: Float64Array,
  I64: BigInt64Array,
  U64: BigUint64Array,
  F32: Float32Array,
  I32: Int32Array,
  U32: Uint32Array,
  F16: Uint16Array,
  BF16: Uint16Array,
  I16: Int16Array,
  U16: Uint16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
  F8_E4M3: Uint8Array,
  F8_E5M2: Uint8Array,
  F8_E4M3FNUZ: Uint8Array,
  F8_E5M2FNUZ: Uint8Array,
  F8_E8M0: Uint8Array,
};

/** All dtype names, widest first. */
export const arrayDtypes = Object.keys(constructors) as readonly ArrayDtype[];

export function isArrayDtype(name: unknown): name is ArrayDtype {
  return typeof name === "string" && Object.hasOwn(constructors, name);
}

/** Return the array with its dtype: the given one, or that of its typed array. */
export function withDtype({ dtype, shape, data }: FileArrayInput): Required<FileArrayInput> {
  const own = (["F64", "I64", "U64", "F32", "I32", "U32", "I16", "U16", "I8", "U8"] as const).find((d) =>
    holds(d, data),
  );
  return { dtype: dtype ?? own!, shape, data };
}

/** Return the bytes of one element. */
export function widthOf(dtype: ArrayDtype): number {
  return constructors[dtype].BYTES_PER_ELEMENT;
}

/** Check that `data` is the typed array of `dtype`. */
function holds(dtype: ArrayDtype, data: unknown): data is ArrayData {
  return data instanceof constructors[dtype];
}

/** Return why `shape` has no exact element count, or null; `[]` is a scalar. Every partial product is checked. */
export function shapeFault(shape: unknown): string | null {
  if (!Array.isArray(shape)) return "shape is not a list";
  let product = 1;
  for (const dim of shape as readonly unknown[]) {
    if (!Number.isSafeInteger(dim) || (dim as number) < 0 || Object.is(dim, -0))
      return `shape: expected integers >= 0, got ${quote(dim)}`;
    product *= dim as number;
    if (!Number.isSafeInteger(product)) return "shape has more than 2^53 elements";
  }
  return null;
}

/** Return why dtype, shape and data cannot be one array, or null. */
export function arrayFault(array: Required<FileArrayInput>): string | null {
  if (!isArrayDtype(array.dtype)) return `dtype: expected one of ${arrayDtypes.join(", ")}, got ${quote(array.dtype)}`;
  const fault = shapeFault(array.shape);
  if (fault) return fault;
  if (!holds(array.dtype, array.data))
    return `dtype ${array.dtype}: expected a ${constructors[array.dtype].name}, got ${describeData(array.data)}`;
  const count = elementCount(array.shape);
  if (array.data.length !== count)
    return `shape [${array.shape.join(",")}]: expected ${count} elements, got ${array.data.length}`;
  return null;
}

function describeData(data: unknown): string {
  return typeof data === "object" && data !== null ? data.constructor.name : String(data);
}

/** Return the element count of a checked shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Return little-endian elements at `offset` of `bytes`: a view if alignment allows, else a copy. */
export function elementsAt(dtype: ArrayDtype, bytes: Uint8Array, offset: number, count: number): ArrayData {
  const Elements = constructors[dtype];
  const start = bytes.byteOffset + offset;
  if (start % Elements.BYTES_PER_ELEMENT === 0) return new Elements(bytes.buffer, start, count);
  return new Elements(copyOf(bytes, offset, offset + count * Elements.BYTES_PER_ELEMENT).buffer, 0, count);
}

/** Copy bytes begin..end-1. Not `slice`: Node's Buffer redefines that as a view. */
export function copyOf(bytes: Uint8Array, begin: number, end: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.subarray(begin, end));
}

/** Return the bytes of a typed array, not copied. */
export function bytesOfArray(data: ArrayData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** Bit layout of a float format of 8 or 16 bits. */
interface SmallFloat {
  readonly exponentBits: number;
  readonly mantissaBits: number;
  readonly bias: number;
  /** "ieee": the highest exponent is infinity and NaN. "fn": all ones are NaN. "fnuz": the sign alone is NaN. */
  readonly special: "ieee" | "fn" | "fnuz";
}

/** Sources: IEEE 754; arXiv:2209.05433 (E4M3, E5M2); arXiv:2206.02915 (the FNUZ forms). */
const smallFloats = {
  F16: { exponentBits: 5, mantissaBits: 10, bias: 15, special: "ieee" },
  F8_E5M2: { exponentBits: 5, mantissaBits: 2, bias: 15, special: "ieee" },
  F8_E4M3: { exponentBits: 4, mantissaBits: 3, bias: 7, special: "fn" },
  F8_E5M2FNUZ: { exponentBits: 5, mantissaBits: 2, bias: 16, special: "fnuz" },
  F8_E4M3FNUZ: { exponentBits: 4, mantissaBits: 3, bias: 8, special: "fnuz" },
} as const satisfies Record<string, SmallFloat>;

function smallFloat(bits: number, { exponentBits, mantissaBits, bias, special }: SmallFloat): number {
  const top = 2 ** exponentBits - 1;
  const sign = bits >> (exponentBits + mantissaBits) ? -1 : 1;
  const exponent = (bits >> mantissaBits) & top;
  const fraction = bits & (2 ** mantissaBits - 1);
  if (special === "fnuz" && sign < 0 && exponent === 0 && fraction === 0) return Number.NaN;
  if (special === "fn" && exponent === top && fraction === 2 ** mantissaBits - 1) return Number.NaN;
  if (special === "ieee" && exponent === top) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
  const mantissa = fraction / 2 ** mantissaBits;
  return sign * (exponent === 0 ? mantissa * 2 ** (1 - bias) : (1 + mantissa) * 2 ** (exponent - bias));
}

/** Values by bits, built on first use. */
const tables = new Map<keyof typeof smallFloats, Float32Array>();

function tableOf(dtype: keyof typeof smallFloats): Float32Array {
  const known = tables.get(dtype);
  if (known) return known;
  const format = smallFloats[dtype];
  const count = 2 ** (1 + format.exponentBits + format.mantissaBits);
  const table = Float32Array.from({ length: count }, (_, bits) => smallFloat(bits, format));
  tables.set(dtype, table);
  return table;
}

/**
 * Convert a file array to f32. F32 is returned as it is (not copied); floats of 16 and 8 bits convert exactly; F64 and
 * wide integers are rounded to the nearest f32 (float32Fault finds the values that this changes too much).
 */
export function toFloat32(array: FileArray): Float32Array {
  if (array.dtype === "F32") return array.data;
  const out = new Float32Array(array.data.length);
  if (array.dtype === "BF16") {
    const bits = new Uint32Array(out.buffer); // bfloat16 is the upper half of an f32
    for (let i = 0; i < out.length; i++) bits[i] = array.data[i]! << 16;
  } else if (array.dtype === "F8_E8M0") {
    for (let i = 0; i < out.length; i++) out[i] = array.data[i] === 255 ? Number.NaN : 2 ** (array.data[i]! - 127);
  } else if (Object.hasOwn(smallFloats, array.dtype)) {
    const table = tableOf(array.dtype as keyof typeof smallFloats);
    for (let i = 0; i < out.length; i++) out[i] = table[array.data[i] as number]!;
  } else if (array.dtype === "I64" || array.dtype === "U64") {
    for (let i = 0; i < out.length; i++) out[i] = Number(array.data[i]);
  } else {
    out.set(array.data as Exclude<ArrayData, BigInt64Array | BigUint64Array>);
  }
  return out;
}

/**
 * Return which element f32 cannot represent, or null: an integer that is not exact in f32, or a finite number beyond
 * its range. Rounding the fraction of an F64 is no fault: float32 weights are rounded.
 */
export function float32Fault({ dtype, data }: FileArray): string | null {
  const bad = (i: number) => `element ${i}: expected a number that float32 can hold, got ${data[i]}`;
  if (dtype === "I64" || dtype === "U64") {
    const all = data as BigInt64Array | BigUint64Array;
    const i = all.findIndex((v: bigint) => BigInt(Math.fround(Number(v))) !== v);
    return i < 0 ? null : bad(i);
  }
  if (dtype === "I32" || dtype === "U32") {
    const i = (data as Int32Array | Uint32Array).findIndex((v) => Math.fround(v) !== v);
    return i < 0 ? null : bad(i);
  }
  if (dtype !== "F64") return null;
  const i = data.findIndex((v) => Number.isFinite(v) && !Number.isFinite(Math.fround(v)));
  return i < 0 ? null : bad(i);
}
