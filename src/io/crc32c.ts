// CRC-32C (Castagnoli): checksum of Espalier's files and of TensorFlow's records. Zip and PNG use CRC-32, which has another
// polynomial.

/** Polynomial 0x1EDC6F41 with its bits reversed, as the byte-wise method needs it. */
const POLYNOMIAL = 0x82f63b78;

/** Eight tables in one array: table k advances a byte's remainder by k more zero bytes. */
const tables = ((): Int32Array => {
  const all = new Int32Array(8 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ POLYNOMIAL : crc >>> 1;
    all[byte] = crc;
  }
  for (let i = 256; i < all.length; i++) {
    const before = all[i - 256]!;
    all[i] = (before >>> 8) ^ all[before & 255]!;
  }
  return all;
})();

/** True on little-endian machines, which the word-wise method needs. All machines with WebGPU are. */
const LITTLE = new Uint8Array(Uint32Array.of(1).buffer)[0] === 1;

/** Checksum of bytes that arrive in pieces, in the order of the file. */
export class Crc32c {
  private crc = -1;

  /** Add bytes, 8 at a time ("slicing by 8"), about 1 GB/s. */
  update(bytes: Uint8Array): this {
    const t = tables;
    let crc = this.crc;
    let at = 0;
    const end = bytes.length;
    const aligned = LITTLE ? Math.min(end, (4 - (bytes.byteOffset & 3)) & 3) : end;
    for (; at < aligned; at++) crc = t[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8);
    const words = new Int32Array(bytes.buffer, at < end ? bytes.byteOffset + at : 0, Math.floor((end - at) / 4));
    const pairs = words.length - (words.length % 2);
    for (let i = 0; i < pairs; i += 2) {
      const a = crc ^ words[i]!;
      const b = words[i + 1]!;
      crc =
        t[1792 + (a & 255)]! ^
        t[1536 + ((a >>> 8) & 255)]! ^
        t[1280 + ((a >>> 16) & 255)]! ^
        t[1024 + (a >>> 24)]! ^
        t[768 + (b & 255)]! ^
        t[512 + ((b >>> 8) & 255)]! ^
        t[256 + ((b >>> 16) & 255)]! ^
        t[b >>> 24]!;
    }
    for (at += 4 * pairs; at < end; at++) crc = t[(crc ^ bytes[at]!) & 255]! ^ (crc >>> 8);
    this.crc = crc;
    return this;
  }

  /** Checksum of all bytes so far, an unsigned 32-bit number. */
  get value(): number {
    return (this.crc ^ -1) >>> 0;
  }

  /** The same as eight hexadecimal digits. */
  get hex(): string {
    return this.value.toString(16).padStart(8, "0");
  }
}

/** Return the checksum of bytes; "123456789" gives 0xe3069283. Source: RFC 3720, appendix B.4. */
export const crc32c = (bytes: Uint8Array): number => new Crc32c().update(bytes).value;
