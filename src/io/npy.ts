// NumPy's .npy format: one array behind a header, which is a Python dict as text.

import {
  type ArrayDtype,
  arrayFault,
  bytesOfArray,
  elementCount,
  elementsAt,
  type FileArray,
  type FileArrayInput,
  quote,
  shapeFault,
  widthOf,
  withDtype,
} from "./array_types.ts";
import { DamagedFileError } from "./damaged.ts";

/** An .npy file that is corrupt or of an unsupported type. The message is one line with the file's name. */
export class NpyError extends DamagedFileError {
  override readonly name = "NpyError";
}

const dtypes: ReadonlyMap<string, ArrayDtype> = new Map([
  ["<f8", "F64"],
  ["<i8", "I64"],
  ["<u8", "U64"],
  ["<f4", "F32"],
  ["<i4", "I32"],
  ["<u4", "U32"],
  ["<f2", "F16"],
  ["<i2", "I16"],
  ["<u2", "U16"],
  ["|i1", "I8"],
  ["|u1", "U8"],
  ["|b1", "BOOL"],
]);

const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
/** NumPy itself refuses longer headers. */
const MAX_HEADER_BYTES = 10_000;
/** {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), } with its three keys in any order. */
const FIELD = /^\s*'(descr|fortran_order|shape)'\s*:\s*('[^'\\]*'|True|False|\([\d,\s]*\)|\[.*\])\s*(?:,|(?=\}))/s;

/**
 * Read an .npy file, versions 1 to 3.
 *
 * Shapes    as in the header, C order. Data are views of `bytes` if alignment allows, else copies.
 * Errors    NpyError if the file is not .npy, truncated or too long; also for object arrays, structured types, Fortran
 *           order, big-endian and any other type, each by name.
 * Source    NumPy Enhancement Proposal 1.
 */
export function parseNpy(bytes: Uint8Array, name = "npy"): FileArray {
  const fail = (message: string): never => {
    throw new NpyError(name, message);
  };
  if (MAGIC.some((byte, i) => bytes[i] !== byte)) fail("not an .npy file: expected \\x93NUMPY at the start");
  const major = bytes[6] ?? 0;
  const prefix = major === 1 ? 10 : 12;
  if (bytes.length < prefix) fail(`truncated: expected ${prefix} bytes before the header, got ${bytes.length}`);
  if (major < 1 || major > 3 || bytes[7] !== 0) fail(`expected version 1.0 to 3.0, got ${major}.${bytes[7]}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const length = major === 1 ? view.getUint16(8, true) : view.getUint32(8, true);
  if (length > MAX_HEADER_BYTES) fail(`expected a header of at most ${MAX_HEADER_BYTES} bytes, got ${length}`);
  if (length > bytes.length - prefix)
    fail(`truncated: expected a header of ${length} bytes, got ${bytes.length - prefix}`);

  const fields = readFields(String.fromCharCode(...bytes.subarray(prefix, prefix + length)), fail);
  const dtype = readDtype(fields.get("descr"), fail);
  if (fields.get("fortran_order") !== "False") {
    const given = fields.get("fortran_order");
    fail(given === "True" ? "Fortran order is not supported, save it in C order" : `fortran_order is ${quote(given)}`);
  }
  const shape = readShape(fields.get("shape"), fail);
  const want = elementCount(shape) * widthOf(dtype);
  const have = bytes.length - prefix - length;
  if (have !== want) {
    const word = have < want ? "truncated" : "too long";
    fail(`${word}: ${dtype} [${shape.join(",")}]: expected ${want} bytes of data, got ${have}`);
  }
  const data = elementsAt(dtype, bytes, prefix + length, elementCount(shape));
  if (dtype === "BOOL") {
    const bad = (data as Uint8Array).findIndex((value) => value > 1);
    if (bad >= 0) fail(`element ${bad} of a bool array: expected 0 or 1, got ${data[bad]}`);
  }
  return { dtype, shape, data } as FileArray;
}

type Fail = (message: string) => never;

function readFields(header: string, fail: Fail): Map<string, string> {
  const fields = new Map<string, string>();
  const bad = (): never =>
    fail(`header: expected a dict of descr, fortran_order and shape, got ${quote(header.trim())}`);
  if (!header.startsWith("{")) return bad();
  let rest = header.slice(1);
  for (let match = FIELD.exec(rest); match; match = FIELD.exec(rest)) {
    const key = match[1]!;
    if (fields.has(key)) return fail(`header has ${key} twice`);
    fields.set(key, match[2]!);
    rest = rest.slice(match[0].length);
  }
  return fields.size === 3 && rest.trim() === "}" ? fields : bad();
}

function readDtype(descr: string | undefined, fail: Fail): ArrayDtype {
  if (descr?.startsWith("[")) return fail("structured types are not supported");
  const text = descr?.startsWith("'") ? descr.slice(1, -1) : "";
  const dtype = dtypes.get(text.replace(/^[=<](?=[iub]1$)/, "|"));
  if (dtype !== undefined) return dtype;
  if (/^[|<>=]?O/.test(text)) return fail("object arrays are not supported: they are pickles, which can run code");
  if (text.startsWith(">")) return fail(`big-endian type ${quote(text)} is not supported, save it little-endian`);
  return fail(`type: expected one of ${[...dtypes.keys()].join(", ")}, got ${quote(text)}`);
}

function readShape(text: string | undefined, fail: Fail): number[] {
  // (), (3,) or (3, 4) with an optional last comma; (3) is a number in Python.
  const inner = /^\(\s*(?:(\d+)\s*,\s*((?:\d+\s*,\s*)*(?:\d+\s*)?))?\)$/.exec(text ?? "");
  if (!inner) return fail(`shape: expected a tuple of integers, got ${quote(text)}`);
  const shape = (`${inner[1] ?? ""},${inner[2] ?? ""}`.match(/\d+/g) ?? []).map(Number);
  const fault = shapeFault(shape);
  return fault ? fail(fault) : shape;
}

/**
 * Write an .npy file (version 1.0, C order, data at a multiple of 64 bytes).
 *
 * Errors    NpyError if dtype, shape and data disagree, or for BF16, which NumPy has no name for.
 */
export function writeNpy(input: FileArrayInput, name = "npy"): Uint8Array<ArrayBuffer> {
  const array = withDtype(input);
  const fault = arrayFault(array);
  if (fault) throw new NpyError(name, fault);
  const descr = [...dtypes].find(([, dtype]) => dtype === array.dtype)?.[0];
  if (descr === undefined) throw new NpyError(name, `${array.dtype} has no .npy type, convert it to F32`);
  const shape = array.shape.length === 1 ? `${array.shape[0]},` : array.shape.join(", ");
  const dict = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape}), }`;
  const dataOffset = Math.ceil((10 + dict.length + 1) / 64) * 64;
  if (dataOffset - 10 > MAX_HEADER_BYTES) throw new NpyError(name, `${array.shape.length} dimensions are too many`);
  const out = new Uint8Array(dataOffset + array.data.byteLength);
  out.set(MAGIC);
  out[6] = 1;
  new DataView(out.buffer).setUint16(8, dataOffset - 10, true);
  out.set(new TextEncoder().encode(`${dict.padEnd(dataOffset - 11)}\n`), 10);
  out.set(bytesOfArray(array.data), dataOffset);
  return out;
}
