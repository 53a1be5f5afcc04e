// The checksum of a safetensors file written here. It stands in the metadata and covers every byte of the file: length,
// header and data, with its own eight digits as zeros. Files of other programs have none.
import { Crc32c } from "./crc32c.ts";

/**
 * Two entries of the metadata, and either of them means that there is a checksum: one flipped bit in the name of one can
 * not make the file pass for one of another program.
 */
export const CHECKSUM_KEY = "espalier.crc32c";
export const CHECKED_KEY = "espalier.checked";
const CHECKED_VALUE = "crc32c of the file, its own digits as zeros";
const ZEROS = "00000000";

/** The entries as they are written, first in the metadata. */
export const CHECKSUM_ENTRIES: readonly (readonly [string, string])[] = [
  [CHECKED_KEY, CHECKED_VALUE],
  [CHECKSUM_KEY, ZEROS],
];

/** What stands before the digits. Unique: quotation marks within a JSON text have a backslash before them. */
const BEFORE = new TextEncoder().encode(`"${CHECKSUM_KEY}":"`);

/** Where a file's checksum stands, and what it says. */
export interface Checksum {
  /** First byte of the digits in the file. */
  readonly at: number;
  readonly digits: string;
}

function find(bytes: Uint8Array, what: Uint8Array): number {
  for (let at = bytes.indexOf(what[0]!); at >= 0; at = bytes.indexOf(what[0]!, at + 1)) {
    if (what.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

/**
 * Takes the two entries out of a file's metadata. Null: the file has neither, it was written by another program.
 * `start` is all bytes up to the end of the header.
 */
export function takeChecksum(
  metadata: Map<string, string>,
  start: Uint8Array,
  fail: (message: string) => never,
): Checksum | null {
  const digits = metadata.get(CHECKSUM_KEY);
  const checked = metadata.get(CHECKED_KEY);
  metadata.delete(CHECKSUM_KEY);
  metadata.delete(CHECKED_KEY);
  if (digits === undefined && checked === undefined) return null;
  const at = find(start, BEFORE);
  if (digits === undefined || checked !== CHECKED_VALUE || !/^[0-9a-f]{8}$/.test(digits) || at < 0)
    return fail("its checksum cannot be read: the file is damaged");
  return { at: at + BEFORE.length, digits };
}

/** Takes a file's bytes in their order, the digits of its checksum as zeros, and says at the end whether it fits. */
export class ChecksumReader {
  private readonly crc = new Crc32c();
  private readonly checksum: Checksum;

  /** `start`: all bytes up to the end of the header. */
  constructor(checksum: Checksum, start: Uint8Array) {
    this.checksum = checksum;
    this.crc.update(start.subarray(0, checksum.at)).update(new TextEncoder().encode(ZEROS));
    this.crc.update(start.subarray(checksum.at + ZEROS.length));
  }

  update(bytes: Uint8Array): void {
    this.crc.update(bytes);
  }

  finish(fail: (message: string) => never): void {
    const { digits } = this.checksum;
    if (this.crc.hex === digits) return;
    fail(
      `checksum differs: expected ${digits}, got ${this.crc.hex}: the file is damaged, or another program changed it and kept the metadata ${CHECKSUM_KEY}`,
    );
  }
}

/** Puts the checksum into a file's first bytes, up to the end of the header, in which its digits are still zeros. */
export function writeChecksum(start: Uint8Array, data: Iterable<Uint8Array>): void {
  const crc = new Crc32c().update(start);
  for (const bytes of data) crc.update(bytes);
  start.set(new TextEncoder().encode(crc.hex), find(start, BEFORE) + BEFORE.length);
}
