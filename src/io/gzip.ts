// gzip files: told by their first bytes, unpacked whole, and checked to the last byte.
import { ArgumentError, EspalierError, expectKeys, visible } from "../text/index.ts";
import { DecompressError, decompress, unpackLimit } from "./decompress.ts";

/** gzip data that are damaged, or unpack to more than was allowed; the message is one line naming the file. */
export class GzipError extends EspalierError {
  override readonly name = "GzipError";
  readonly file: string;
  constructor(file: string, message: string) {
    super(visible(`${file}: ${message}`));
    this.file = file;
  }
}

/** Shortest gzip file: 10 bytes of header, 2 of data, 8 of check sum and length. */
const SMALLEST = 20;

/** Whether bytes start as gzip data do. Names tell nothing: a web server may unpack `x.gz` on the way. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Unpacks gzip data of one member.
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
  if (!isGzip(bytes)) throw new GzipError(name, "not gzip data: it does not start with 1f 8b");
  if (bytes.length < SMALLEST) {
    throw new GzipError(
      name,
      `corrupt or truncated gzip data: ${bytes.length} bytes, the shortest file is ${SMALLEST}`,
    );
  }
  const unpacked = await decompress("gzip", bytes, maxBytes).catch((cause: unknown) => {
    if (!(cause instanceof DecompressError)) throw cause;
    throw new GzipError(name, cause.tooLarge ? cause.message : `corrupt or truncated gzip data (${cause.message})`);
  });
  // Hosts differ in what they make of bytes after the first member; the length at the very end settles it.
  const end = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4).getUint32(0, true);
  if (end !== unpacked.length % 2 ** 32) {
    throw new GzipError(name, `corrupt gzip data: unpacked ${unpacked.length} bytes, the file's end says ${end}`);
  }
  return unpacked;
}

/** Unpacks gzip data, and returns anything else as it is. */
export async function gunzipIfPacked(
  bytes: Uint8Array,
  name = "gzip",
  options: { maxBytes?: number } = {},
): Promise<Uint8Array> {
  expectKeys(options, { maxBytes: true }, (problem) => new ArgumentError(`gunzip: ${problem}`));
  return isGzip(bytes) ? gunzip(bytes, name, options) : bytes;
}
