// The header of a safetensors file: names, types and positions of the tensors, all checked before a byte of data is
// read.
import { isRecord } from "../text/index.ts";
import { type ArrayDtype, arrayDtypes, elementCount, isArrayDtype, quote, shapeFault, widthOf } from "./array_types.ts";
import { type Checksum, takeChecksum } from "./checksum.ts";
import { DamagedFileError } from "./damaged.ts";

/** Longest header the reference library reads, in bytes. */
export const MAX_HEADER_BYTES = 100_000_000;
export const METADATA_KEY = "__metadata__";

/** A file that is not safetensors, or is corrupt. The message is one line that starts with the file's name. */
export class SafetensorsError extends DamagedFileError {
  override readonly name = "SafetensorsError";
}

/** Type, shape and position of an array in a file. */
export interface TensorInfo {
  readonly dtype: ArrayDtype;
  readonly shape: readonly number[];
  /** First byte, and the byte after the last, counted from the start of the data. */
  readonly begin: number;
  readonly end: number;
}

/** Header of a safetensors file. */
export interface SafetensorsHeader {
  /** Tensors in the order of their positions. */
  readonly tensors: Map<string, TensorInfo>;
  /** Without the checksum. */
  readonly metadata: Map<string, string>;
  /** Checksum of a file of this program, not yet compared; null in files of other programs. */
  readonly checksum: Checksum | null;
  /** Start of the data in the file, in bytes. */
  readonly dataOffset: number;
  readonly dataBytes: number;
}

/**
 * Return the length of the JSON header, from the first 8 bytes of a file. A reader of parts reads 8 + length bytes next
 * and calls parseSafetensorsHeader.
 *
 * Errors    SafetensorsError if the file is shorter than 8 bytes, or the length exceeds the file or 100 MB.
 */
export function safetensorsHeaderLength(bytes: Uint8Array, name = "safetensors", fileSize = bytes.length): number {
  if (bytes.length < 8 || fileSize < 8)
    throw new SafetensorsError(name, `expected at least 8 bytes, got ${Math.min(bytes.length, fileSize)}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, 8);
  const length = view.getUint32(0, true) + view.getUint32(4, true) * 2 ** 32;
  if (length > MAX_HEADER_BYTES)
    throw new SafetensorsError(name, `expected a header of at most ${MAX_HEADER_BYTES} bytes, got ${length}`);
  if (length > fileSize - 8)
    throw new SafetensorsError(name, `expected a header of ${length} bytes, got ${fileSize - 8}`);
  return length;
}

/**
 * Read and check the header alone. `bytes` needs to hold no more than the header; `fileSize` is the whole file's size.
 *
 * Errors    SafetensorsError for everything that parseSafetensors refuses.
 * Source    https://github.com/huggingface/safetensors, "Format".
 */
export function parseSafetensorsHeader(
  bytes: Uint8Array,
  name = "safetensors",
  fileSize = bytes.length,
): SafetensorsHeader {
  const fail = (message: string): never => {
    throw new SafetensorsError(name, message);
  };
  const length = safetensorsHeaderLength(bytes, name, fileSize);
  if (bytes.length < 8 + length) fail(`expected a header of ${length} bytes, got ${bytes.length - 8}`);
  if (bytes[8] !== 0x7b) fail("header does not start with {");
  const text = decodeUtf8(bytes.subarray(8, 8 + length)) ?? fail("header is not UTF-8");
  const json = parseJson(text, fail);
  const twice = duplicateKey(text);
  if (twice !== null) fail(`header has the key ${quote(twice)} twice`);

  const dataBytes = fileSize - 8 - length;
  let metadata = new Map<string, string>();
  const infos: [string, TensorInfo][] = [];
  for (const [key, value] of Object.entries(json)) {
    if (key === METADATA_KEY) metadata = readMetadata(value, fail);
    else infos.push([key, readInfo(key, value, dataBytes, fail)]);
  }
  infos.sort(([, a], [, b]) => a.begin - b.begin || a.end - b.end);
  let cursor = 0;
  for (const [key, { begin, end }] of infos) {
    if (begin > cursor) fail(`${begin - cursor} bytes before tensor ${quote(key)} belong to no tensor`);
    if (begin < cursor) fail(`tensor ${quote(key)} starts at byte ${begin}, inside the tensor before it`);
    cursor = end;
  }
  if (cursor !== dataBytes) fail(`${dataBytes - cursor} bytes after the last tensor belong to no tensor`);
  const checksum = takeChecksum(metadata, bytes.subarray(0, 8 + length), fail);
  return { tensors: new Map(infos), metadata, checksum, dataOffset: 8 + length, dataBytes };
}

type Fail = (message: string) => never;

function decodeUtf8(bytes: Uint8Array): string | null {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    return null;
  }
}

/**
 * Nesting limit. Headers nest three deep; each level of a text of brackets alone would take a hundred bytes of memory.
 */
const DEEPEST = 8;

/** Check for deeper nesting; strings are skipped, whether or not the text is JSON. */
function tooDeep(text: string): boolean {
  let depth = 0;
  for (let i = 0; i < text.length; i++) {
    const c = text.charCodeAt(i);
    if (c === 0x22) {
      for (i++; i < text.length && text.charCodeAt(i) !== 0x22; i++) if (text.charCodeAt(i) === 0x5c) i++;
    } else if (c === 0x5b || c === 0x7b) {
      if (++depth > DEEPEST) return true;
    } else if (c === 0x5d || c === 0x7d) depth--;
  }
  return false;
}

function parseJson(text: string, fail: Fail): Record<string, unknown> {
  if (tooDeep(text)) return fail(`header nests deeper than ${DEEPEST} levels`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // The engine's own message quotes the file, line breaks included.
    return fail("header is not valid JSON");
  }
  return isRecord(value) ? value : fail("header is not a JSON object");
}

/**
 * Return the first key that occurs twice in one object of a valid JSON text, or null. JSON.parse silently keeps the
 * last one, so two readers could see two different tensors under one name.
 */
export function duplicateKey(text: string): string | null {
  const open: (Set<string> | null)[] = []; // null: an array
  for (let i = 0; i < text.length; i++) {
    const c = text[i];
    if (c === "{") open.push(new Set());
    else if (c === "[") open.push(null);
    else if (c === "}" || c === "]") open.pop();
    else if (c === '"') {
      const { key, last } = stringAt(text, i);
      i = last;
      if (key === null) continue;
      const keys = open.at(-1);
      if (keys?.has(key)) return key;
      keys?.add(key);
    }
  }
  return null;
}

/** Read the JSON string that starts at `start`, up to the white space after it. `key`: its text if a colon follows. */
function stringAt(text: string, start: number): { key: string | null; last: number } {
  let end = start + 1;
  while (text[end] !== '"') end += text[end] === "\\" ? 2 : 1;
  let last = end;
  while (WHITE.has(text[last + 1]!)) last++;
  if (text[last + 1] !== ":") return { key: null, last };
  const raw = text.slice(start, end + 1);
  return { key: raw.includes("\\") ? (JSON.parse(raw) as string) : raw.slice(1, -1), last };
}

/** White space of JSON. */
const WHITE: ReadonlySet<string> = new Set([" ", "\t", "\n", "\r"]);

/** Half a surrogate pair: legal in a JSON escape, but no text that UTF-8 could carry. */
export const LONE_SURROGATE = /\p{Surrogate}/u;

function readMetadata(value: unknown, fail: Fail): Map<string, string> {
  if (!isRecord(value)) return fail(`${METADATA_KEY} is not an object`);
  const metadata = new Map<string, string>();
  for (const [key, entry] of Object.entries(value)) {
    if (typeof entry !== "string") return fail(`${METADATA_KEY} ${quote(key)}: expected a string, got ${quote(entry)}`);
    if (LONE_SURROGATE.test(key) || LONE_SURROGATE.test(entry))
      return fail(`${METADATA_KEY} ${quote(key)} is not valid Unicode`);
    metadata.set(key, entry);
  }
  return metadata;
}

/** Unsupported types of the format, and what to do about them. */
const UNREAD: readonly (readonly [RegExp, string])[] = [
  [/^F[46](_\w+)?$/, "save tensor.float()"],
  [/^C(64|128)$/, "save the real and the imaginary part, as torch.view_as_real(tensor) has them"],
];

function readInfo(key: string, value: unknown, dataBytes: number, fail: Fail): TensorInfo {
  const label = `tensor ${quote(key)}`;
  if (LONE_SURROGATE.test(key)) return fail(`${label}: name is not valid Unicode`);
  if (!isRecord(value)) return fail(`${label} is not an object`);
  for (const field of Object.keys(value)) {
    if (field !== "dtype" && field !== "shape" && field !== "data_offsets")
      return fail(`${label} has an unknown field ${quote(field)}`);
  }
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isArrayDtype(dtype)) {
    const known = UNREAD.find(([kind]) => typeof dtype === "string" && kind.test(dtype));
    if (known) return fail(`${label}: dtype ${quote(dtype)} is not supported: ${known[1]}`);
    return fail(`${label}: dtype: expected one of ${arrayDtypes.join(", ")}, got ${quote(dtype)}`);
  }
  const fault = shapeFault(shape);
  if (fault) return fail(`${label}: ${fault}`);
  if (!Array.isArray(offsets) || offsets.length !== 2)
    return fail(`${label}: data_offsets: expected [begin, end], got ${quote(offsets)}`);
  const [begin, end] = offsets as [unknown, unknown];
  if (!isOffset(begin) || !isOffset(end) || begin > end)
    return fail(`${label}: data_offsets: expected 0 <= begin <= end, got ${quote(offsets)}`);
  const want = elementCount(shape as number[]) * widthOf(dtype);
  if (end - begin !== want)
    return fail(`${label}: ${dtype} ${quote(shape)}: expected ${want} bytes, got ${end - begin} by data_offsets`);
  if (end > dataBytes) return fail(`${label} ends at byte ${end}, the file has ${dataBytes} bytes of data`);
  return { dtype, shape: shape as number[], begin, end };
}

function isOffset(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
