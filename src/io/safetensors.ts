// Safetensors: named arrays in one file. The reader refuses everything that is not exactly right; the format runs no
// code.
import {
  arrayFault,
  bytesOfArray,
  elementCount,
  elementsAt,
  type FileArray,
  type FileArrayInput,
  quote,
  widthOf,
  withDtype,
} from "./array_types.ts";
import { CHECKED_KEY, CHECKSUM_ENTRIES, CHECKSUM_KEY, ChecksumReader, writeChecksum } from "./checksum.ts";
import type { FileRanges } from "./file_ranges.ts";
import {
  LONE_SURROGATE,
  MAX_HEADER_BYTES,
  METADATA_KEY,
  parseSafetensorsHeader,
  SafetensorsError,
  safetensorsHeaderLength,
} from "./safetensors_header.ts";

export {
  parseSafetensorsHeader,
  SafetensorsError,
  type SafetensorsHeader,
  safetensorsHeaderLength,
  type TensorInfo,
} from "./safetensors_header.ts";

/** Check for the start of a safetensors file: the length of a header below 4 GiB, and its brace. */
export function isSafetensors(bytes: Uint8Array): boolean {
  return bytes[8] === 0x7b && bytes.subarray(4, 8).every((byte) => byte === 0);
}

/** Contents of a safetensors file. */
export interface SafetensorsFile {
  /** In order of position in the file. */
  readonly tensors: Map<string, FileArray>;
  /** Metadata without the checksum. */
  readonly metadata: Map<string, string>;
  /** True if the file has a checksum, which then fits; files of other programs have none. */
  readonly checked: boolean;
}

/**
 * Read a whole safetensors file.
 *
 * Shapes    as in the header; `[]` is a scalar. Data are views of `bytes` where alignment allows, else copies: do not
 *           change `bytes` afterwards.
 * Errors    SafetensorsError, one line naming the file: header length beyond the file or 100 MB, not UTF-8, not a JSON
 *           object, a key twice, unknown dtype or field, sizes that do not multiply up, ranges that leave a hole,
 *           overlap or do not end with the file; a checksum, if there is one, that is not that of the bytes.
 * Source    https://github.com/huggingface/safetensors, "Format".
 * @example
 * const bytes = writeSafetensors(new Map([["w", { data: new Float32Array([1, 2]), shape: [2] }]]));
 * console.log(parseSafetensors(bytes).tensors.get("w")!.data); // 1, 2
 */
export function parseSafetensors(bytes: Uint8Array, name = "safetensors"): SafetensorsFile {
  const header = parseSafetensorsHeader(bytes, name);
  const { checksum, dataOffset } = header;
  if (checksum) {
    const sum = new ChecksumReader(checksum, bytes.subarray(0, dataOffset));
    sum.update(bytes.subarray(dataOffset));
    sum.finish(failFor(name));
  }
  const tensors = new Map<string, FileArray>();
  for (const [key, { dtype, shape, begin }] of header.tensors) {
    const data = elementsAt(dtype, bytes, header.dataOffset + begin, elementCount(shape));
    tensors.set(key, { dtype, shape, data } as FileArray);
  }
  return { tensors, metadata: header.metadata, checked: checksum !== null };
}

const failFor =
  (name: string) =>
  (message: string): never => {
    throw new SafetensorsError(name, message);
  };

/** Bytes per read. */
const PIECE = 2 ** 26;

/**
 * Read a safetensors file piece by piece: the header, then each tensor into a new array. Only a single tensor has to
 * fit an array, not the file. Errors as parseSafetensors, and those of the source.
 */
export async function readSafetensors(source: FileRanges): Promise<SafetensorsFile> {
  const { name, size } = source;
  const length = safetensorsHeaderLength(await source.read(0, Math.min(8, size)), name, size);
  const start = await source.read(0, 8 + length);
  const { tensors: infos, metadata, checksum, dataOffset } = parseSafetensorsHeader(start, name, size);
  const sum = checksum && new ChecksumReader(checksum, start);
  const tensors = new Map<string, FileArray>();
  for (const [key, { dtype, shape, begin, end }] of infos) {
    const bytes = new Uint8Array(end - begin);
    for (let at = 0; at < bytes.length; at += PIECE) {
      const from = dataOffset + begin + at;
      const piece = await source.read(from, Math.min(from + PIECE, dataOffset + end));
      sum?.update(piece);
      bytes.set(piece, at);
    }
    tensors.set(key, { dtype, shape, data: elementsAt(dtype, bytes, 0, elementCount(shape)) } as FileArray);
  }
  sum?.finish(failFor(name));
  return { tensors, metadata, checked: checksum !== null };
}

/** A file in consecutive pieces, which together may be larger than one array. */
export type FileParts = readonly Uint8Array[];

/** Join pieces into one array. */
export function joinParts(parts: FileParts): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let cursor = 0;
  for (const part of parts) {
    out.set(part, cursor);
    cursor += part.length;
  }
  return out;
}

/**
 * Write a safetensors file of these tensors and this metadata, readable by the reference library.
 *
 * Data start at a multiple of 8 bytes and widest elements come first, so that every tensor lies aligned. The same input
 * gives the same bytes; tensors of one width keep their order. The metadata begin with a checksum of the whole file, which
 * every reader here compares.
 *
 * Errors    SafetensorsError when dtype, shape and data disagree, a name is `__metadata__` or not valid Unicode.
 * @example
 * const bytes = writeSafetensors(new Map([["w", { data: new Float32Array([1, 2]), shape: [2] }]]), { note: "mine" });
 * console.log(parseSafetensors(bytes).metadata.get("note")); // "mine"
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, FileArrayInput>,
  metadata: ReadonlyMap<string, string> | Readonly<Record<string, string>> = {},
  name = "safetensors",
): Uint8Array<ArrayBuffer> {
  return joinParts(safetensorsParts(tensors, metadata, name));
}

/** Make the same file in pieces: the header, then the bytes of each tensor, not copied. For files beyond 4 GiB. */
export function safetensorsParts(
  arrays: ReadonlyMap<string, FileArrayInput>,
  metadata: ReadonlyMap<string, string> | Readonly<Record<string, string>> = {},
  name = "safetensors",
): FileParts {
  const fail = failFor(name);
  const tensors = [...arrays].map(([key, array]) => [key, withDtype(array)] as const);
  for (const [key, tensor] of tensors) {
    const fault = arrayFault(tensor);
    if (fault) fail(`tensor ${quote(key)}: ${fault}`);
    if (key === METADATA_KEY) fail(`a tensor cannot be named ${METADATA_KEY}`);
    if (LONE_SURROGATE.test(key)) fail(`tensor ${quote(key)}: name is not valid Unicode`);
  }
  const entries = [...tensors].sort(([, a], [, b]) => widthOf(b.dtype) - widthOf(a.dtype));

  // Built as text: as a key of a plain object, __proto__ would be lost.
  const notes = metadata instanceof Map ? [...metadata] : Object.entries(metadata);
  for (const [key, value] of notes) {
    if (typeof value !== "string") fail(`metadata ${quote(key)}: expected a string, got ${quote(value)}`);
    if (LONE_SURROGATE.test(key) || LONE_SURROGATE.test(value)) fail(`metadata ${quote(key)} is not valid Unicode`);
    if (key === CHECKSUM_KEY || key === CHECKED_KEY) fail(`metadata ${quote(key)} is reserved for the checksum`);
  }
  const said = [...CHECKSUM_ENTRIES, ...notes].map(([k, v]) => `${JSON.stringify(k)}:${JSON.stringify(v)}`);
  const parts = [`"${METADATA_KEY}":{${said.join(",")}}`];
  let dataBytes = 0;
  for (const [key, { dtype, shape, data }] of entries) {
    const info = { dtype, shape, data_offsets: [dataBytes, dataBytes + data.byteLength] };
    parts.push(`${JSON.stringify(key)}:${JSON.stringify(info)}`);
    dataBytes += data.byteLength;
  }
  const json = new TextEncoder().encode(`{${parts.join(",")}}`);
  const headerBytes = Math.ceil(json.length / 8) * 8;
  if (headerBytes > MAX_HEADER_BYTES)
    fail(`expected a header of at most ${MAX_HEADER_BYTES} bytes, got ${headerBytes}`);

  const start = new Uint8Array(8 + headerBytes);
  new DataView(start.buffer).setUint32(0, headerBytes, true); // below 2^32, the upper word stays 0
  start.set(json, 8);
  start.fill(0x20, 8 + json.length);
  const data = entries.map(([, array]) => bytesOfArray(array.data));
  writeChecksum(start, data);
  return [start, ...data];
}
