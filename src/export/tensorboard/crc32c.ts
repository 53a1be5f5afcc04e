// Checksum of TensorFlow's record files.
import { crc32c } from "../../io/crc32c.ts";

export { crc32c };

/**
 * Compute the masked checksum of record files: rotated right by 15 bits plus a constant, so that checksums of data which
 * contains checksums stay useful. Source: TensorFlow, tensorflow/core/lib/hash/crc32c.h.
 */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
