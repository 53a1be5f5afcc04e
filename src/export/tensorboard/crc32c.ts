// CRC-32C (Castagnoli), which TensorFlow's record files carry. Not the CRC-32 of zip and PNG: another polynomial.

/** The polynomial 0x1EDC6F41 with its bits reversed, as the byte-wise method wants it. */
const POLYNOMIAL = 0x82f63b78;

const table = Uint32Array.from({ length: 256 }, (_, byte) => {
  let crc = byte;
  for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
  return crc;
});

/** The checksum, an unsigned 32-bit number; of "123456789" it is 0xe3069283. Source: RFC 3720, appendix B.4. */
export function crc32c(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) crc = (table[(crc ^ byte) & 0xff] as number) ^ (crc >>> 8);
  return (crc ^ 0xffffffff) >>> 0;
}

/**
 * The checksum as record files store it: rotated right by 15 bits plus a constant, so that data which holds checksums of its
 * own does not check against itself. Source: TensorFlow, tensorflow/core/lib/hash/crc32c.h.
 */
export function maskedCrc32c(bytes: Uint8Array): number {
  const crc = crc32c(bytes);
  return (((crc >>> 15) | (crc << 17)) + 0xa282ead8) >>> 0;
}
