// Unpacking gzip with the host's own DecompressionStream, which browsers and Node share.
import { copyOf } from "./array_types.ts";

/** gzip data that are damaged, or unpack to more than was allowed; the message is one line naming the file. */
export class GzipError extends Error {
  override readonly name = "GzipError";
  readonly file: string;
  constructor(file: string, message: string) {
    super(`${file}: ${message}`);
    this.file = file;
  }
}

/** Bytes fed at a time: gzip grows at most 1032-fold, so this bounds what arrives before the size cap is asked. */
const FEED = 65536;
/** Shortest gzip file: 10 bytes of header, 2 of data, 8 of check sum and length. */
const SMALLEST = 20;

/** Whether bytes start as gzip data do. Names tell nothing: a web server may unpack `x.gz` on the way. */
export function isGzip(bytes: Uint8Array): boolean {
  return bytes[0] === 0x1f && bytes[1] === 0x8b;
}

/**
 * Unpacks gzip data of one member.
 *
 * Options   maxBytes: the most it may unpack to, default 1 GiB.
 * Errors    GzipError: not gzip, corrupt, truncated, followed by other data, or larger than maxBytes.
 * Source    RFC 1952.
 */
export async function gunzip(
  bytes: Uint8Array,
  name = "gzip",
  { maxBytes = 2 ** 30 }: { maxBytes?: number } = {},
): Promise<Uint8Array<ArrayBuffer>> {
  if (!isGzip(bytes)) throw new GzipError(name, "not gzip data: it does not start with 1f 8b");
  if (bytes.length < SMALLEST) {
    throw new GzipError(
      name,
      `corrupt or truncated gzip data: ${bytes.length} bytes, the shortest file is ${SMALLEST}`,
    );
  }
  const chunks: Uint8Array[] = [];
  let size = 0;
  const stream = new DecompressionStream("gzip");
  const writer = stream.writable.getWriter();
  const reader = stream.readable.getReader();
  const feed = async () => {
    for (let i = 0; i < bytes.length; i += FEED) {
      await writer.ready;
      await writer.write(copyOf(bytes, i, i + FEED));
    }
    await writer.close();
  };
  const drain = async () => {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      size += value.length;
      if (size > maxBytes) throw new GzipError(name, `unpacks to more than the ${maxBytes} bytes allowed`);
      chunks.push(value);
    }
  };
  // Both ends of a damaged stream reject; each promise needs a listener, and the reader's fault is the one to tell.
  const fed = feed().catch((cause: unknown) => cause);
  try {
    await drain();
    const fault = await fed;
    if (fault !== undefined) throw fault;
  } catch (cause) {
    await Promise.allSettled([reader.cancel(), writer.abort()]);
    if (cause instanceof GzipError) throw cause;
    const words = cause instanceof Error ? cause.message.replace(/\s+/g, " ") : String(cause);
    throw new GzipError(name, `corrupt or truncated gzip data (${words})`);
  }
  // Hosts differ in what they make of bytes after the first member; the length at the very end settles it.
  const end = new DataView(bytes.buffer, bytes.byteOffset + bytes.length - 4, 4).getUint32(0, true);
  if (end !== size % 2 ** 32) {
    throw new GzipError(name, `corrupt gzip data: unpacked ${size} bytes, the file's end says ${end}`);
  }
  return joined(chunks, size);
}

function joined(chunks: readonly Uint8Array[], size: number): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(size);
  let cursor = 0;
  for (const chunk of chunks) {
    out.set(chunk, cursor);
    cursor += chunk.length;
  }
  return out;
}

/** Unpacks gzip data, and returns anything else as it is. */
export async function gunzipIfPacked(
  bytes: Uint8Array,
  name = "gzip",
  options: { maxBytes?: number } = {},
): Promise<Uint8Array> {
  return isGzip(bytes) ? gunzip(bytes, name, options) : bytes;
}
