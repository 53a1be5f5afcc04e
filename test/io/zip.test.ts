import { deflateRawSync } from "node:zlib";
import fc from "fast-check";
import { expect, test } from "vitest";
import { readZip, writeZip, ZipError } from "../../src/io/zip.ts";

const text = (words: string) => new TextEncoder().encode(words);
const sample = () =>
  writeZip(
    new Map([
      ["a.txt", text("hello")],
      ["b/c", new Uint8Array([1, 2])],
    ]),
  );

async function refusal(bytes: Uint8Array, options = {}): Promise<string> {
  const error = await readZip(bytes, "f", options).catch((cause: unknown) => cause);
  expect(error).toBeInstanceOf(ZipError);
  expect((error as Error).message).toMatch(/^f: byte \d+: [^\r\n]+$/);
  return (error as Error).message;
}

/** Replace a u16 of the first directory entry. */
function patched(offset: number, value: number, from = sample()) {
  const view = new DataView(from.buffer);
  const directory = view.getUint32(from.length - 22 + 16, true);
  view.setUint16(directory + offset, value, true);
  return from;
}

/** Replace the stored file of an archive by `data` deflated by zlib. */
function deflated(data: Uint8Array): Uint8Array {
  const packed = new Uint8Array(deflateRawSync(data));
  const stored = writeZip(new Map([["x", data]]));
  const head = stored.slice(0, 31);
  const tail = stored.slice(31 + data.length);
  const view = new DataView(tail.buffer);
  view.setUint16(10, 8, true);
  view.setUint32(20, packed.length, true);
  view.setUint32(tail.length - 22 + 16, 31 + packed.length, true);
  return new Uint8Array([...head, ...packed, ...tail]);
}

test("reads back its output, and writes the same bytes for the same files", async () => {
  const files = await readZip(sample());
  expect([...files]).toEqual([
    ["a.txt", text("hello")],
    ["b/c", new Uint8Array([1, 2])],
  ]);
  expect(sample()).toEqual(sample());
  expect((await readZip(writeZip(new Map()))).size).toBe(0);
  await fc.assert(
    fc.asyncProperty(
      fc.dictionary(
        fc.string({ unit: "grapheme", minLength: 1 }).map((s) => `${s}.`),
        fc.uint8Array(),
      ),
      async (dictionary) => {
        const map = new Map(Object.entries(dictionary).map(([name, data]) => [name, new Uint8Array(data)]));
        expect(await readZip(writeZip(map))).toEqual(map);
      },
    ),
    { numRuns: 30 },
  );
});

test("reads deflated files, folders, comments and data before the archive's end", async () => {
  const data = Uint8Array.from({ length: 200_000 }, (_, i) => (i >> 3) & 255);
  expect((await readZip(deflated(data))).get("x")).toEqual(data);
  expect((await readZip(writeZip(new Map([["folder/", new Uint8Array(0)]])))).size).toBe(0);
  const plain = sample();
  new DataView(plain.buffer).setUint16(plain.length - 2, 3, true);
  expect((await readZip(new Uint8Array([...plain, 1, 2, 3]))).size).toBe(2);
});

test("detects corruption", async () => {
  const bytes = sample();
  const at = bytes.indexOf("h".charCodeAt(0), 30);
  bytes[at]! ^= 1;
  expect(await refusal(bytes)).toBe('f: byte 0: "a.txt" is corrupt: its checksum differs');
  expect(await refusal(new Uint8Array(100))).toContain("not a zip archive");
  expect(await refusal(sample().subarray(0, 60))).toContain("the directory at the end is missing");
  expect(await refusal(patched(0, 0))).toContain("byte 75: the directory ends after 0 of 2 files");
  expect(await refusal(patched(42, 7))).toContain('"a.txt" has no header here');
  expect(await refusal(patched(24, 6))).toContain('byte 0: "a.txt" has a wrong size: expected 6 bytes, got 5');
  const packed = deflated(new Uint8Array(1000));
  packed[33]! ^= 255;
  expect(await refusal(packed)).toContain("is corrupt");
  const names = writeZip(
    new Map([
      ["a", text("1")],
      ["b", text("2")],
    ]),
  );
  names.forEach((byte, i) => {
    if (byte === "b".charCodeAt(0) && names[i - 1] === 0) names[i] = "a".charCodeAt(0);
  });
  expect(await refusal(names)).toContain('two files are named "a"');
});

test("refuses unsupported archives by name", async () => {
  expect(await refusal(patched(8, 0x801))).toContain('"a.txt" is encrypted');
  expect(await refusal(patched(10, 12))).toContain('byte 75: "a.txt" has packing method 12: expected 0 or 8');
  const large = patched(20, 0xffff);
  expect(await refusal(patched(22, 0xffff, large))).toContain('"a.txt" is ZIP64');
  const many = sample();
  new DataView(many.buffer).setUint16(many.length - 12, 0xffff, true);
  expect(await refusal(many)).toContain(
    "byte 175: ZIP64 is not supported: the archive has 65535 files or 4 GiB, or more",
  );
});

test("limits the unpacked size", async () => {
  expect(await refusal(deflated(new Uint8Array(5000)), { maxBytes: 4999 })).toContain(
    'byte 0: "x": expected at most 4999 unpacked bytes in all files, got more',
  );
  expect(await refusal(sample(), { maxBytes: 6 })).toContain(
    'byte 40: "b/c": expected at most 6 unpacked bytes in all files, got more',
  );
});

test("ends in ZipError or files for arbitrary bytes", async () => {
  const damaged = fc
    .tuple(
      fc.constantFrom(sample(), deflated(new Uint8Array(300))),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { maxLength: 6 }),
      fc.nat(),
    )
    .map(([bytes, changes, cut]) => {
      const copy = bytes.slice(0, cut % 3 === 0 ? cut % bytes.length : bytes.length);
      for (const [at, value] of changes) if (copy.length > 0) copy[at % copy.length] = value;
      return copy;
    });
  await fc.assert(
    fc.asyncProperty(fc.oneof(fc.uint8Array({ maxLength: 100 }), damaged), async (bytes) => {
      const result = await readZip(bytes, "f").catch((cause: unknown) => cause);
      expect(result instanceof Map || result instanceof ZipError, String(result)).toBe(true);
    }),
    { numRuns: 300 },
  );
});

/** Make an archive with several names for one packed file, as in zip bombs. */
function overlapping(names: number): Uint8Array {
  const whole = writeZip(new Map([["x", text("some bytes")]]));
  const start = new DataView(whole.buffer).getUint32(whole.length - 22 + 16, true);
  const entry = whole.slice(start, whole.length - 22);
  const end = whole.slice(whole.length - 22);
  const entries = Array.from({ length: names }, (_, i) => {
    const copy = entry.slice();
    copy[46] = 97 + i;
    return copy;
  });
  const view = new DataView(end.buffer);
  view.setUint16(8, names, true);
  view.setUint16(10, names, true);
  view.setUint32(12, names * entry.length, true);
  return new Uint8Array([...whole.slice(0, start), ...entries.flatMap((bytes) => [...bytes]), ...end]);
}

test("refuses files that share bytes with one another or with the directory", async () => {
  expect((await readZip(overlapping(1))).size).toBe(1);
  expect(await refusal(overlapping(3))).toBe('f: byte 0: "a" and "b" overlap');
  // The last file said to be longer: into the directory.
  const long = sample();
  const view = new DataView(long.buffer);
  const directory = view.getUint32(long.length - 22 + 16, true);
  view.setUint32(directory + 46 + 5 + 20, 4, true);
  view.setUint32(directory + 46 + 5 + 24, 4, true);
  expect(await refusal(long)).toMatch(/"b\/c" and the directory overlap/);
});

test("refuses an archive that unpacks to far more than its size, and does not open other files", async () => {
  const bomb = deflated(new Uint8Array(80 * 2 ** 20));
  expect(bomb.length).toBeLessThan(100_000);
  expect(await refusal(bomb)).toMatch(/"x": expected at most 67108864 unpacked bytes in all files, got more/);
  expect((await readZip(bomb, "f", { wanted: (name) => name !== "x" })).size).toBe(0);
  expect((await readZip(bomb, "f", { maxBytes: 80 * 2 ** 20 })).get("x")?.length).toBe(80 * 2 ** 20);
});
