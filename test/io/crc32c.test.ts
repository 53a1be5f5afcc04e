// CRC-32C against its definition, bit by bit, and in pieces.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Crc32c, crc32c } from "../../src/io/crc32c.ts";

/** Compute CRC-32C by the definition of RFC 3720: a division of polynomials, one bit at a time. */
function byDefinition(bytes: Uint8Array): number {
  let crc = 0xffffffff;
  for (const byte of bytes) {
    crc ^= byte;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1;
  }
  return (crc ^ 0xffffffff) >>> 0;
}

test("known values of RFC 3720", () => {
  expect(crc32c(new TextEncoder().encode("123456789"))).toBe(0xe3069283);
  expect(crc32c(new Uint8Array(32))).toBe(0x8a9136aa);
  expect(crc32c(new Uint8Array(32).fill(255))).toBe(0x62a8ab43);
  expect(new Crc32c().hex).toBe("00000000");
});

test("handles any bytes in any pieces at any alignment", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.array(fc.nat(40), { maxLength: 8 }),
      fc.nat(7),
      (data, cuts, at) => {
        const bytes = new Uint8Array(data.length + at).subarray(at);
        bytes.set(data);
        const sum = new Crc32c();
        let from = 0;
        for (const cut of cuts) {
          sum.update(bytes.subarray(from, from + cut));
          from += cut;
        }
        expect(sum.update(bytes.subarray(from)).value).toBe(byDefinition(data));
      },
    ),
    { numRuns: 500 },
  );
});
