// gzip files: recognised by their first bytes, unpacked in one piece, and checked to the last byte.

import { ArgumentError, expectKeys } from "../text/index.ts";
import { DamagedFileError } from "./damaged.ts";
import { DecompressError, decompress, unpackLimit } from "./decompress.ts";

/** gzip data that are corrupt, or unpack to more than allowed. The message is one line with the file's name. */
export class GzipError extends DamagedFileError {
  override readonly name = "GzipError";
}

/** Size of the shortest gzip file: 10 bytes of header, 2 of data, 8 of checksum and length. */
const SMALLEST = 20;

/** Check for the first bytes of gzip. Names are no sign: a web server may unpack `x.gz` on the way. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Unpack gzip data of one member.
 *
 * Options   maxBytes: the most it may unpack to, default 64 MiB or 64 times its size if that is more, at most 1 GiB.
 * Errors    GzipError: not gzip, corrupt, truncated, followed by other data, or larger than maxBytes.
 * Source    RFC 1952.
 */
export async function gunzip(
  bytes: Uint8Array,
  name = "gzip",
  options: { maxBytes?: number } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  expectKeys(options, { maxBytes: true }, (problem) => new ArgumentError(`gunzip: ${problem}`));
  const { maxBytes = unpackLimit(bytes.length) } = options;
  if (!isGzip(bytes)) throw new GzipError(name, "not gzip data: expected 1f 8b at the start");
  if (bytes.length < SMALLEST) {
    const problem = `corrupt or truncated gzip data: expected at least ${SMALLEST} bytes, got ${bytes.length}`;
    throw new GzipError(name, problem);
  }
  const unpacked = await decompress("gzip", bytes, maxBytes).catch((cause: unknown) => {
    if (!(cause instanceof DecompressError)) throw cause;
    throw new GzipError(name, cause.tooLarge ? cause.message : `corrupt or truncated gzip data (${cause.message})`);
  });
  // Hosts differ in how they treat bytes after the first member; the length at the very end decides.
  const end = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4).getUint32(0, true);
  if (end !== unpacked.length % 2 ** 32)
    throw new GzipError(name, `corrupt gzip data: expected ${end} unpacked bytes, got ${unpacked.length}`);
  return unpacked;
}

/** Unpack gzip data; return other data as they are. */
export async function gunzipIfPacked(
  bytes: Uint8Array,
  name = "gzip",
  options: { maxBytes?: number } = {},
): Promise<Uint8Array> {
  expectKeys(options, { maxBytes: true }, (problem) => new ArgumentError(`gunzip: ${problem}`));
  return isGzip(bytes) ? gunzip(bytes, name, options) : bytes;
}
