// Safetensors: named arrays in one file. The reader refuses whatever is not exactly right; the format runs no code.
import {
  arrayFault,
  bytesOfArray,
  elementCount,
  elementsAt,
  type FileArray,
  type FileArrayInput,
  quote,
  widthOf,
} from "./array_types.ts";
import {
  LONE_SURROGATE,
  MAX_HEADER_BYTES,
  METADATA_KEY,
  parseSafetensorsHeader,
  SafetensorsError,
} from "./safetensors_header.ts";

export {
  parseSafetensorsHeader,
  SafetensorsError,
  type SafetensorsHeader,
  safetensorsHeaderLength,
  type TensorInfo,
} from "./safetensors_header.ts";

export interface SafetensorsFile {
  /** In order of position in the file. */
  readonly tensors: Map<string, FileArray>;
  readonly metadata: Map<string, string>;
}

/**
 * Reads a whole safetensors file.
 *
 * Shapes    as in the header; `[]` is a scalar. Data are views of `bytes` where alignment allows, else copies: do not
 *           change `bytes` afterwards.
 * Errors    SafetensorsError, one line naming the file: header length beyond the file or 100 MB, not UTF-8, not a JSON
 *           object, a key twice, unknown dtype or field, sizes that do not multiply up, ranges that leave a hole,
 *           overlap or do not end with the file.
 * Source    https://github.com/huggingface/safetensors, "Format".
 */
export function parseSafetensors(bytes: Uint8Array, name = "safetensors"): SafetensorsFile {
  const header = parseSafetensorsHeader(bytes, name);
  const tensors = new Map<string, FileArray>();
  for (const [key, { dtype, shape, begin }] of header.tensors) {
    const data = elementsAt(dtype, bytes, header.dataOffset + begin, elementCount(shape));
    tensors.set(key, { dtype, shape, data } as FileArray);
  }
  return { tensors, metadata: header.metadata };
}

/**
 * A safetensors file of these tensors and this metadata, readable by the reference library.
 *
 * Data start at a multiple of 8 bytes and widest elements come first, so that every tensor lies aligned. The same input
 * gives the same bytes; tensors of one width keep their order.
 *
 * Errors    SafetensorsError when dtype, shape and data disagree, a name is `__metadata__` or not valid Unicode.
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, FileArrayInput>,
  metadata: ReadonlyMap<string, string> | Readonly<Record<string, string>> = {},
  name = "safetensors",
): Uint8Array<ArrayBuffer> {
  const fail = (message: string): never => {
    throw new SafetensorsError(name, message);
  };
  for (const [key, tensor] of tensors) {
    const fault = arrayFault(tensor);
    if (fault) fail(`tensor ${quote(key)}: ${fault}`);
    if (key === METADATA_KEY) fail(`a tensor cannot be named ${METADATA_KEY}`);
    if (LONE_SURROGATE.test(key)) fail(`tensor ${quote(key)}: name is not valid Unicode`);
  }
  const entries = [...tensors].sort(([, a], [, b]) => widthOf(b.dtype) - widthOf(a.dtype));

  // Put together by hand: as a key of a plain object, __proto__ would be lost.
  const parts: string[] = [];
  const notes = metadata instanceof Map ? [...metadata] : Object.entries(metadata);
  for (const [key, value] of notes) {
    if (typeof value !== "string") fail(`metadata ${quote(key)} is ${quote(value)}, wanted a string`);
    if (LONE_SURROGATE.test(key) || LONE_SURROGATE.test(value)) fail(`metadata ${quote(key)} is not valid Unicode`);
  }
  if (notes.length > 0) {
    parts.push(`"${METADATA_KEY}":{${notes.map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`).join(",")}}`);
  }
  let dataBytes = 0;
  for (const [key, { dtype, shape, data }] of entries) {
    const info = { dtype, shape, data_offsets: [dataBytes, dataBytes + data.byteLength] };
    parts.push(`${JSON.stringify(key)}:${JSON.stringify(info)}`);
    dataBytes += data.byteLength;
  }
  const json = new TextEncoder().encode(`{${parts.join(",")}}`);
  const headerBytes = Math.ceil(json.length / 8) * 8;
  if (headerBytes > MAX_HEADER_BYTES) fail(`header is ${headerBytes} bytes, at most ${MAX_HEADER_BYTES} are allowed`);

  const out = new Uint8Array(8 + headerBytes + dataBytes);
  new DataView(out.buffer).setUint32(0, headerBytes, true); // below 2^32, the upper word stays 0
  out.set(json, 8);
  out.fill(0x20, 8 + json.length, 8 + headerBytes);
  let cursor = 8 + headerBytes;
  for (const [, { data }] of entries) {
    out.set(bytesOfArray(data), cursor);
    cursor += data.byteLength;
  }
  return out;
}
