// Element types of array files (safetensors, .npy, IDX): names, widths and the typed array each becomes.
import { quote } from "../text/index.ts";

export { quote } from "../text/index.ts";

/** Half floats stay raw bits in a Uint16Array (see toFloat32), BOOL is one byte each, 0 or 1. */
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
}
export type ArrayDtype = keyof ArrayByDtype;
export type ArrayData = ArrayByDtype[ArrayDtype];

/** An array as read from a file; `dtype` tells the type of `data`. */
export type FileArray = {
  [D in ArrayDtype]: { readonly dtype: D; readonly shape: readonly number[]; readonly data: ArrayByDtype[D] };
}[ArrayDtype];

/** An array to be written; the writer checks that dtype, shape and data agree. */
export interface FileArrayInput {
  readonly dtype: ArrayDtype;
  readonly shape: readonly number[];
  readonly data: ArrayData;
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
};

/** All names, widest first. */
export const arrayDtypes = Object.keys(constructors) as readonly ArrayDtype[];

export function isArrayDtype(name: unknown): name is ArrayDtype {
  return typeof name === "string" && Object.hasOwn(constructors, name);
}

/** Bytes of one element. */
export function widthOf(dtype: ArrayDtype): number {
  return constructors[dtype].BYTES_PER_ELEMENT;
}

/** Whether `data` is the typed array that `dtype` asks for. */
export function holds(dtype: ArrayDtype, data: unknown): data is ArrayData {
  return data instanceof constructors[dtype];
}

/** Why `shape` is not one whose element count is exact, or null; `[]` is a scalar. Every partial product is checked. */
export function shapeFault(shape: unknown): string | null {
  if (!Array.isArray(shape)) return "shape is not a list";
  let product = 1;
  for (const dim of shape as readonly unknown[]) {
    if (!Number.isSafeInteger(dim) || (dim as number) < 0 || Object.is(dim, -0)) {
      return `shape has ${quote(dim)}, wanted whole numbers of at least 0`;
    }
    product *= dim as number;
    if (!Number.isSafeInteger(product)) return "shape has more than 2^53 elements";
  }
  return null;
}

/** Why these three cannot be one array, or null. */
export function arrayFault(array: FileArrayInput): string | null {
  if (!isArrayDtype(array.dtype)) return `unknown dtype ${quote(array.dtype)}, known are ${arrayDtypes.join(", ")}`;
  const fault = shapeFault(array.shape);
  if (fault) return fault;
  if (!holds(array.dtype, array.data)) {
    return `dtype ${array.dtype} wants a ${constructors[array.dtype].name}, was given ${describeData(array.data)}`;
  }
  const count = elementCount(array.shape);
  if (array.data.length !== count) {
    return `shape [${array.shape.join(",")}] wants ${count} elements, data has ${array.data.length}`;
  }
  return null;
}

function describeData(data: unknown): string {
  return typeof data === "object" && data !== null ? data.constructor.name : String(data);
}

/** Elements of a checked shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

/** Little-endian elements at `offset` of `bytes`: a view where alignment allows, else a copy. */
export function elementsAt(dtype: ArrayDtype, bytes: Uint8Array, offset: number, count: number): ArrayData {
  const Elements = constructors[dtype];
  const start = bytes.byteOffset + offset;
  if (start % Elements.BYTES_PER_ELEMENT === 0) return new Elements(bytes.buffer, start, count);
  return new Elements(copyOf(bytes, offset, offset + count * Elements.BYTES_PER_ELEMENT).buffer, 0, count);
}

/** Bytes begin..end-1 in memory of their own. Not `slice`: Node's Buffer redefines that as a view. */
export function copyOf(bytes: Uint8Array, begin: number, end: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(bytes.subarray(begin, end));
}

/** The bytes of a typed array, not copied. */
export function bytesOfArray(data: ArrayData): Uint8Array {
  return new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
}

/** 2^16 half floats as f32, built at the first use. */
let halves: Float32Array | undefined;

function halfTable(): Float32Array {
  if (halves) return halves;
  halves = new Float32Array(65536);
  for (let bits = 0; bits < 65536; bits++) {
    const sign = bits & 0x8000 ? -1 : 1;
    const exponent = (bits >> 10) & 31;
    const fraction = bits & 1023;
    if (exponent === 31) halves[bits] = fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    else if (exponent === 0) halves[bits] = sign * fraction * 2 ** -24;
    else halves[bits] = sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
  }
  return halves;
}

/**
 * Any file array as f32. F32 comes back as it is (not copied), F16 and BF16 exactly, F64 and wide whole numbers rounded
 * to the nearest f32.
 */
export function toFloat32(array: FileArray): Float32Array {
  if (array.dtype === "F32") return array.data;
  const out = new Float32Array(array.data.length);
  if (array.dtype === "F16") {
    const table = halfTable();
    for (let i = 0; i < out.length; i++) out[i] = table[array.data[i] as number] as number;
  } else if (array.dtype === "BF16") {
    const bits = new Uint32Array(out.buffer); // bfloat16 is the upper half of an f32
    for (let i = 0; i < out.length; i++) bits[i] = (array.data[i] as number) << 16;
  } else if (array.dtype === "I64" || array.dtype === "U64") {
    for (let i = 0; i < out.length; i++) out[i] = Number(array.data[i]);
  } else {
    out.set(array.data);
  }
  return out;
}
