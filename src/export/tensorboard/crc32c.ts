// The checksum of TensorFlow's record files.
import { crc32c } from "../../io/crc32c.ts";

export { crc32c };

/**
 * The checksum as record files store it: rotated right by 15 bits plus a constant, so that data which holds checksums of its
 * own does not check against itself. Source: TensorFlow, tensorflow/core/lib/hash/crc32c.h.
 */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
