// A file that is read in pieces, so that it may be larger than one array can be.

/** A file whose bytes can be asked for at any place. */
export interface FileRanges {
  /** For error messages. */
  readonly name: string;
  /** In bytes; may be beyond 2^32. */
  readonly size: number;
  /** Bytes begin..end-1, in memory that the caller may keep. */
  read(begin: number, end: number): Promise<Uint8Array>;
}

/** Bytes in memory, read as a file. */
export function rangesOf(bytes: Uint8Array, name: string): FileRanges {
  return { name, size: bytes.length, read: async (begin, end) => bytes.subarray(begin, end) };
}
