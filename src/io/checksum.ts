// Writes and checks the checksum of Espalier's safetensors files. The metadata holds it, and it covers every byte of the file:
// length, header and data, with its own eight digits as zeros. Files of other programs have none.
import { Crc32c } from "./crc32c.ts";

/**
 * Metadata keys. Either one means that there is a checksum, so one flipped bit in a key cannot make the file look like
 * one of another program.
 */
export const CHECKSUM_KEY = "espalier.crc32c";
export const CHECKED_KEY = "espalier.checked";
const CHECKED_VALUE = "crc32c of the file, its own digits as zeros";
const ZEROS = "00000000";

/** The entries as written, first in the metadata. */
export const CHECKSUM_ENTRIES: readonly (readonly [string, string])[] = [
  [CHECKED_KEY, CHECKED_VALUE],
  [CHECKSUM_KEY, ZEROS],
];

/** Text before the digits. Unique: quotation marks inside a JSON text have a backslash before them. */
const BEFORE = new TextEncoder().encode(`"${CHECKSUM_KEY}":"`);

/** Position and digits of a file's checksum. */
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
 * Remove the two entries from a file's metadata and return the checksum; null if the file has neither and is of another
 * program. `start` is all bytes up to the end of the header.
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
    return fail("cannot read the checksum: the file is corrupt");
  return { at: at + BEFORE.length, digits };
}

/** Checksum of a file whose bytes arrive in order; the digits count as zeros. `finish` compares. */
export class ChecksumReader {
  private readonly crc = new Crc32c();
  private readonly checksum: Checksum;

  /** @param start All bytes up to the end of the header. */
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
      `checksum differs: expected ${digits}, got ${this.crc.hex}: the file is corrupt, or another program changed it and kept the metadata ${CHECKSUM_KEY}`,
    );
  }
}

/** Write the checksum into a file's first bytes (up to the end of the header), in which its digits are zeros. */
export function writeChecksum(start: Uint8Array, data: Iterable<Uint8Array>): void {
  const crc = new Crc32c().update(start);
  for (const bytes of data) crc.update(bytes);
  start.set(new TextEncoder().encode(crc.hex), find(start, BEFORE) + BEFORE.length);
}
