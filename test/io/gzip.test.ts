import fc from "fast-check";
import { expect, test } from "vitest";
import { GzipError, gunzip, gunzipIfPacked, isGzip } from "../../src/io/gzip.ts";
import { gzip } from "./idx_files.ts";

/** Make bytes that hardly compress, so that packed data span several reads. */
const noise = Uint8Array.from({ length: 300_000 }, (_, i) => Math.imul(i, 0x9e3779b9) >>> 24);

async function refusal(bytes: Uint8Array, options = {}): Promise<string> {
  const error = await gunzip(bytes, "x.gz", options).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(GzipError);
  expect((error as Error).message).toMatch(/^x\.gz: [^\r\n]+$/);
  return (error as Error).message;
}

test("unpacks packed data", async () => {
  const packed = await gzip(noise);
  for (const bytes of [packed, Buffer.from(packed)]) {
    expect(Buffer.compare(await gunzip(bytes), noise)).toBe(0);
  }
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 300 }), async (bytes) => {
      const copy = new Uint8Array(bytes);
      expect(await gunzip(await gzip(copy))).toEqual(copy);
    }),
    { numRuns: 20 },
  );
});

test("unpacks only data that start as gzip", async () => {
  expect(isGzip(new Uint8Array([0x1f, 0x8b]))).toBe(true);
  const plain = new Uint8Array([0, 0, 8, 1]);
  expect(await gunzipIfPacked(plain)).toBe(plain);
  expect(await gunzipIfPacked(await gzip(plain))).toEqual(plain);
  expect(await refusal(plain)).toContain("not gzip data: expected 1f 8b at the start");
});

test("refuses corrupt data in one line", async () => {
  const packed = await gzip(noise);
  for (const size of [2, 9, 19, 100, packed.length >> 1, packed.length - 9, packed.length - 1]) {
    expect(await refusal(packed.subarray(0, size))).toContain("corrupt or truncated gzip data");
  }
  for (const at of [2, 500, packed.length >> 1, packed.length - 6]) {
    const bytes = packed.slice();
    bytes[at]! ^= 0x55;
    expect(await refusal(bytes)).toContain("corrupt or truncated gzip data");
  }
  for (const tail of [new Uint8Array(8), new TextEncoder().encode("more text"), packed]) {
    expect(await refusal(new Uint8Array([...packed, ...tail]))).toContain("corrupt");
  }
});

test("limits the unpacked size before all of it is in memory", async () => {
  const bomb = await gzip(new Uint8Array(50_000_000));
  expect(bomb.length).toBeLessThan(60_000);
  expect(await refusal(bomb, { maxBytes: 1_000_000 })).toContain("expected at most 1000000 unpacked bytes, got more");
  expect((await gunzip(bomb, "x", { maxBytes: 50_000_000 })).length).toBe(50_000_000);
});

test("refuses data that unpack to far more than their size, unless allowed", async () => {
  const bomb = await gzip(new Uint8Array(70 * 2 ** 20));
  expect(bomb.length).toBeLessThan(100_000);
  expect(await refusal(bomb)).toMatch(/expected at most 67108864 unpacked bytes, got more/);
  expect((await gunzip(bomb, "x.gz", { maxBytes: 2 ** 30 })).length).toBe(70 * 2 ** 20);
});
