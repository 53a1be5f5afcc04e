// Zip archives, as needed for .npz and PyTorch files: stored and deflated files, found through the directory at the
// end. A library does not replace this code: `fflate` ignores checksums, overlaps and size limits of hostile archives.

import { ArgumentError, expectKeys } from "../text/index.ts";
import { quote } from "./array_types.ts";
import { DamagedFileError } from "./damaged.ts";
import { DecompressError, decompress, unpackLimit } from "./decompress.ts";

/** A zip archive that is corrupt or unsupported. The message names the file and the byte, which is `offset`. */
export class ZipError extends DamagedFileError {
  override readonly name = "ZipError";
  /** Position in the file, in bytes. */
  readonly offset: number;
  /** Message without file and offset. */
  readonly problem: string;
  constructor(file: string, offset: number, problem: string) {
    super(file, `byte ${offset}: ${problem}`);
    this.offset = offset;
    this.problem = problem;
  }
}

const LOCAL = 0x04034b50;
const CENTRAL = 0x02014b50;
const END = 0x06054b50;
const LOCAL_BYTES = 30;
const CENTRAL_BYTES = 46;
const END_BYTES = 22;
const STORED = 0;
const DEFLATED = 8;

/** Table of the CRC-32 of zip and gzip (polynomial 0xedb88320, lowest bit first). */
const crcTable = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
  return crc;
});

function crc32(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ crcTable[(crc ^ bytes[i]!) & 255]!;
  return ~crc >>> 0;
}

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly crc: number;
  readonly packedSize: number;
  readonly size: number;
  /** Offset of its local header. */
  readonly offset: number;
}

/** Options of `readZip`. */
export interface ZipOptions {
  readonly maxBytes?: number;
  readonly wanted?: (name: string) => boolean;
}

/**
 * Read all files of a zip archive, by name; folders are left out.
 *
 * Options   maxBytes: limit of the unpacked bytes of all files together, default 64 MiB or 64 times the archive's size
 *           if that is more, at most 1 GiB; wanted: selects the files to read by name, default all.
 * Errors    ZipError: no archive, truncated, encrypted, of several parts, packed by another method than deflate, ZIP64
 *           (archives or files above 4 GiB), a wrong checksum or size, two files of one name, files that overlap, too
 *           large.
 * Source    PKWARE, APPNOTE.TXT, "ZIP file format specification".
 */
export async function readZip(
  bytes: Uint8Array,
  name = "zip",
  options: ZipOptions = {},
): Promise<Map<string, Uint8Array>> {
  expectKeys(options, { maxBytes: true, wanted: true }, (problem) => new ArgumentError(`readZip: ${problem}`));
  const { maxBytes = unpackLimit(bytes.length), wanted = () => true } = options;
  const files = new Map<string, Uint8Array>();
  let room = maxBytes;
  const { entries, start } = readDirectory(bytes, name);
  refuseOverlaps(bytes, name, entries, start);
  for (const entry of entries) {
    if ((entry.name.endsWith("/") && entry.size === 0) || !wanted(entry.name)) continue;
    if (files.has(entry.name)) throw new ZipError(name, entry.offset, `two files are named ${quote(entry.name)}`);
    if (entry.size > room) {
      const problem = `${quote(entry.name)}: expected at most ${maxBytes} unpacked bytes in all files, got more`;
      throw new ZipError(name, entry.offset, problem);
    }
    files.set(entry.name, await unpack(bytes, name, entry));
    room -= entry.size;
  }
  return files;
}

/**
 * Return the position of a file's packed bytes. Its local header has other lengths of name and extra field than the
 * directory.
 */
function dataStart(bytes: Uint8Array, name: string, entry: Entry): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const { offset } = entry;
  if (offset + LOCAL_BYTES > bytes.length || view.getUint32(offset, true) !== LOCAL)
    throw new ZipError(name, offset, `${quote(entry.name)} has no header here`);
  // No other field is read: NumPy leaves ZIP64 sizes here for files of any size.
  return offset + LOCAL_BYTES + view.getUint16(offset + 26, true) + view.getUint16(offset + 28, true);
}

/**
 * Refuse files that share bytes with one another or with the directory: many names for one packed file would unpack to
 * many times its size.
 */
function refuseOverlaps(bytes: Uint8Array, name: string, entries: readonly Entry[], directory: number): void {
  const inOrder = [...entries].sort((a, b) => a.offset - b.offset);
  for (const [i, entry] of inOrder.entries()) {
    const end = dataStart(bytes, name, entry) + entry.packedSize;
    const next = inOrder[i + 1];
    if (next ? end <= next.offset : end <= directory) continue;
    if (end > bytes.length) continue; // `unpack` reports it
    const other = next ? quote(next.name) : "the directory";
    throw new ZipError(name, entry.offset, `${quote(entry.name)} and ${other} overlap`);
  }
}

function readDirectory(bytes: Uint8Array, name: string): { entries: Entry[]; start: number } {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = findEnd(view, name);
  const disk = view.getUint16(end + 4, true);
  const count = view.getUint16(end + 10, true);
  const size = view.getUint32(end + 12, true);
  const start = view.getUint32(end + 16, true);
  if (count === 0xffff || size === 0xffffffff || start === 0xffffffff)
    throw new ZipError(name, end, "ZIP64 is not supported: the archive has 65535 files or 4 GiB, or more");
  if (disk !== 0 || view.getUint16(end + 8, true) !== count)
    throw new ZipError(name, end, "expected a whole archive, got one part of several");
  if (start + size > end) {
    const problem = `truncated: expected the directory at bytes ${start}..${start + size}, got ${end} bytes`;
    throw new ZipError(name, end, problem);
  }
  const entries: Entry[] = [];
  let at = start;
  for (let i = 0; i < count; i++) {
    if (at + CENTRAL_BYTES > end || view.getUint32(at, true) !== CENTRAL)
      throw new ZipError(name, at, `the directory ends after ${i} of ${count} files`);
    const nameLength = view.getUint16(at + 28, true);
    const next = at + CENTRAL_BYTES + nameLength + view.getUint16(at + 30, true) + view.getUint16(at + 32, true);
    if (next > end) throw new ZipError(name, at, `the directory ends in file ${i} of ${count}`);
    const entry: Entry = {
      name: new TextDecoder().decode(bytes.subarray(at + CENTRAL_BYTES, at + CENTRAL_BYTES + nameLength)),
      method: view.getUint16(at + 10, true),
      crc: view.getUint32(at + 16, true),
      packedSize: view.getUint32(at + 20, true),
      size: view.getUint32(at + 24, true),
      offset: view.getUint32(at + 42, true),
    };
    const refuse = (problem: string) => {
      throw new ZipError(name, at, `${quote(entry.name)} ${problem}`);
    };
    if (view.getUint16(at + 8, true) & 1) refuse("is encrypted");
    if ([entry.packedSize, entry.size, entry.offset].includes(0xffffffff)) refuse("is ZIP64, which is not supported");
    if (entry.method !== STORED && entry.method !== DEFLATED)
      refuse(`has packing method ${entry.method}: expected 0 or 8`);
    entries.push(entry);
    at = next;
  }
  return { entries, start };
}

/** Find the end record: the last part of an archive except for a comment of up to 65535 bytes. */
function findEnd(view: DataView, name: string): number {
  const last = view.byteLength - END_BYTES;
  for (let at = last; at >= Math.max(0, last - 0xffff); at--) {
    if (view.getUint32(at, true) === END && at + END_BYTES + view.getUint16(at + 20, true) === view.byteLength)
      return at;
  }
  const isZip = view.byteLength >= 4 && view.getUint32(0, true) === LOCAL;
  throw new ZipError(
    name,
    isZip ? view.byteLength : 0,
    isZip ? "truncated: the directory at the end is missing" : "not a zip archive",
  );
}

async function unpack(bytes: Uint8Array, name: string, entry: Entry): Promise<Uint8Array> {
  const refuse = (problem: string): never => {
    throw new ZipError(name, entry.offset, `${quote(entry.name)} ${problem}`);
  };
  const start = dataStart(bytes, name, entry);
  if (start + entry.packedSize > bytes.length) {
    refuse(`is truncated: expected ${entry.packedSize} bytes from ${start}, got ${Math.max(0, bytes.length - start)}`);
  }
  const packed = bytes.subarray(start, start + entry.packedSize);
  const data =
    entry.method === STORED
      ? packed
      : await decompress("deflate-raw", packed, entry.size, entry.size).catch((cause: unknown) => {
          if (!(cause instanceof DecompressError)) throw cause;
          return refuse(`is corrupt (${cause.message})`);
        });
  if (data.length !== entry.size) refuse(`has a wrong size: expected ${entry.size} bytes, got ${data.length}`);
  if (crc32(data) !== entry.crc) refuse("is corrupt: its checksum differs");
  return data;
}

/**
 * Write a zip archive of files, stored. It holds no times: the same files give the same bytes.
 *
 * Errors    ZipError above 65534 files or 4 GiB, which would need ZIP64.
 */
export function writeZip(files: ReadonlyMap<string, Uint8Array>, name = "zip"): Uint8Array<ArrayBuffer> {
  const named = [...files].map(([path, data]) => ({ path: new TextEncoder().encode(path), data, crc: crc32(data) }));
  const total = named.reduce(
    (sum, { path, data }) => sum + LOCAL_BYTES + CENTRAL_BYTES + 2 * path.length + data.length,
    END_BYTES,
  );
  if (named.length >= 0xffff || total >= 0xffffffff) {
    const problem = `expected at most 65534 files and 4 GiB (ZIP64 is not written), got ${named.length} files and ${total} bytes`;
    throw new ZipError(name, 0, problem);
  }
  const out = new Uint8Array(total);
  const view = new DataView(out.buffer);
  const starts: number[] = [];
  let at = 0;
  /** Write the fields that local and central headers share, from `version needed` to the length of the name. */
  const fields = (to: number, { path, data, crc }: (typeof named)[number]) => {
    view.setUint16(to, 20, true); // zip 2.0
    view.setUint16(to + 2, 0x800, true); // names are UTF-8
    view.setUint16(to + 8, 0x21, true); // 1 January 1980, the first day there is
    view.setUint32(to + 10, crc, true);
    view.setUint32(to + 14, data.length, true);
    view.setUint32(to + 18, data.length, true);
    view.setUint16(to + 22, path.length, true);
  };
  for (const file of named) {
    starts.push(at);
    view.setUint32(at, LOCAL, true);
    fields(at + 4, file);
    out.set(file.path, at + LOCAL_BYTES);
    out.set(file.data, at + LOCAL_BYTES + file.path.length);
    at += LOCAL_BYTES + file.path.length + file.data.length;
  }
  const directory = at;
  for (const [i, file] of named.entries()) {
    view.setUint32(at, CENTRAL, true);
    view.setUint16(at + 4, 20, true);
    fields(at + 6, file);
    view.setUint32(at + 42, starts[i]!, true);
    out.set(file.path, at + CENTRAL_BYTES);
    at += CENTRAL_BYTES + file.path.length;
  }
  view.setUint32(at, END, true);
  view.setUint16(at + 8, named.length, true);
  view.setUint16(at + 10, named.length, true);
  view.setUint32(at + 12, at - directory, true);
  view.setUint32(at + 16, directory, true);
  return out;
}
