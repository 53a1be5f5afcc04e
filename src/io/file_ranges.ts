// A file that is read in pieces, so that it may be larger than one array.

/** A file with random access. */
export interface FileRanges {
  /** For error messages. */
  readonly name: string;
  /** Size in bytes; may exceed 2^32. */
  readonly size: number;
  /** Read bytes begin..end-1 into memory that the caller may keep. */
  read(begin: number, end: number): Promise<Uint8Array>;
}

/** Make a FileRanges of bytes in memory. */
export function fileRangesOf(bytes: Uint8Array, name: string): FileRanges {
  return { name, size: bytes.length, read: async (begin, end) => bytes.subarray(begin, end) };
}
