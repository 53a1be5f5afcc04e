// Decompression by the host's DecompressionStream, which browsers and Node share.
import { EspalierError } from "../text/index.ts";
import { copyOf } from "./array_types.ts";

/** Bytes fed at a time: data grow at most 1032-fold, so this bounds the output before the size limit is checked. */
const FEED = 65536;

/**
 * Return the default limit of unpacked bytes: 64 MiB, or 64 bytes per packed byte if that is more, at most 1 GiB.
 * Deflate can pack 1032 bytes into one: a file of a megabyte must not fill the memory.
 */
export function unpackLimit(packed: number): number {
  return Math.min(2 ** 30, Math.max(2 ** 26, 64 * packed));
}

/** Data that a DecompressionStream refuses, or that unpack to more than `maxBytes`. */
export class DecompressError extends EspalierError {
  override readonly name = "DecompressError";
  /** True for valid data that are larger than allowed. */
  readonly tooLarge: boolean;
  constructor(message: string, tooLarge: boolean) {
    super(message);
    this.tooLarge = tooLarge;
  }
}

/**
 * Unpack all of `bytes`: gzip (RFC 1952) or a bare deflate stream (RFC 1951).
 *
 * Memory    the unpacked size once if `expected` gives it, else twice.
 * Errors    DecompressError, with a message that fits behind a file's name.
 */
export async function decompress(
  format: "gzip" | "deflate-raw",
  bytes: Uint8Array,
  maxBytes: number,
  expected?: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = [];
  const whole = expected === undefined ? null : new Uint8Array(Math.min(expected, maxBytes));
  let size = 0;
  const stream = new DecompressionStream(format);
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
      if (size > maxBytes) throw new DecompressError(`expected at most ${maxBytes} unpacked bytes, got more`, true);
      if (!whole) chunks.push(value);
      else if (size <= whole.length) whole.set(value, size - value.length);
    }
  };
  // Both ends of a corrupt stream reject. Each promise needs a listener; the reader's error is the one to report.
  const fed = feed().catch((cause: unknown) => cause);
  try {
    await drain();
    const fault = await fed;
    if (fault !== undefined) throw fault;
  } catch (cause) {
    await Promise.allSettled([reader.cancel(), writer.abort()]);
    if (cause instanceof DecompressError) throw cause;
    throw new DecompressError(cause instanceof Error ? cause.message.replace(/\s+/g, " ") : String(cause), false);
  }
  // The caller reports a size other than expected.
  return whole ? whole.subarray(0, size) : joined(chunks, size);
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
