// Written files carry a checksum that every reader compares: no flipped bit is accepted.
import { expect, test } from "vitest";
import { CHECKED_KEY, CHECKSUM_KEY } from "../../src/io/checksum.ts";
import {
  DamagedFileError,
  type FileArray,
  fileRangesOf,
  parseSafetensors,
  parseSafetensorsHeader,
  readModelWeights,
  readSafetensors,
  SafetensorsError,
  safetensorsHeaderLength,
  writeSafetensors,
  writeSparseModel,
} from "../../src/io/index.ts";

const values = (n: number) => Float32Array.from({ length: n }, (_, i) => (i % 3 === 0 ? i + 0.5 : 0));
const dense = new Map<string, FileArray>([
  ["conv.weight", { dtype: "F32", shape: [2, 9], data: values(18) }],
  ["steps", { dtype: "U8", shape: [3], data: Uint8Array.of(1, 2, 3) }],
]);
const weights = new Map([["fc.weight", { data: values(48), shape: [2, 24] }]]);
const kinds: readonly (readonly [string, Uint8Array])[] = [
  ["a model", writeSafetensors(dense, { model: "lenet", classNames: '["a","b"]' })],
  ["a model without a word", writeSafetensors(dense)],
  ["a checkpoint", writeSafetensors(dense, { format: "espalier-checkpoint-2", progress: '{"step":18}' })],
  ["a sparse model", writeSparseModel(weights, { model: "lenet" })],
  ["compressed rows", writeSparseModel(weights, {}, { layout: "csr" })],
  ["blocks", writeSparseModel(weights, {}, { layout: "block" })],
];

function refusal(read: () => unknown): string {
  try {
    read();
  } catch (error) {
    expect(error).toBeInstanceOf(DamagedFileError);
    expect(error).toBeInstanceOf(SafetensorsError);
    expect((error as SafetensorsError).file).toBe("m.safetensors");
    return (error as Error).message;
  }
  return "";
}

test.each(kinds)("%s: refuses every single flipped bit", async (_, good) => {
  expect(readModelWeights(good, "m.safetensors").weights.size).toBeGreaterThan(0);
  const accepted: number[] = [];
  for (let bit = 0; bit < 8 * good.length; bit++) {
    const bad = good.with(bit >> 3, good[bit >> 3]! ^ (1 << (bit & 7)));
    if (refusal(() => parseSafetensors(bad, "m.safetensors")) === "") accepted.push(bit);
  }
  expect(accepted).toEqual([]);
  const last = good.with(good.length - 1, good.at(-1)! ^ 64);
  const words = /^m.safetensors: checksum differs: expected [0-9a-f]{8}, got [0-9a-f]{8}: the file is corrupt/;
  expect(refusal(() => readModelWeights(last, "m.safetensors"))).toMatch(words);
  await expect(readSafetensors(fileRangesOf(last, "m.safetensors"))).rejects.toThrow(words);
});

test("refuses a changed word of the metadata in a valid file", () => {
  const [, , [, good]] = kinds as [unknown, unknown, [string, Uint8Array]];
  const text = new TextDecoder("latin1").decode(good).replace('\\"step\\":18', '\\"step\\":12');
  const bad = Uint8Array.from(text, (c) => c.charCodeAt(0));
  expect(refusal(() => parseSafetensors(bad, "m.safetensors"))).toContain("checksum differs");
});

test("refuses one of the two entries alone", () => {
  const [, good] = kinds[0]!;
  const text = new TextDecoder("latin1").decode(good);
  for (const key of [CHECKSUM_KEY, CHECKED_KEY]) {
    const bad = Uint8Array.from(text.replace(key, "x".repeat(key.length)), (c) => c.charCodeAt(0));
    expect(refusal(() => parseSafetensors(bad, "m.safetensors"))).toBe(
      "m.safetensors: cannot read the checksum: the file is corrupt",
    );
  }
});

test("reads files of other programs without a checksum", () => {
  const header = '{"__metadata__":{"format":"pt"},"w":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}';
  const bytes = new Uint8Array(8 + header.length + 4);
  new DataView(bytes.buffer).setUint32(0, header.length, true);
  bytes.set(new TextEncoder().encode(header), 8);
  const { checked, metadata } = parseSafetensors(bytes);
  expect([checked, [...metadata]]).toEqual([false, [["format", "pt"]]]);
  expect(parseSafetensors(writeSafetensors(dense)).checked).toBe(true);
});

test("keeps the checksum out of the metadata, and its keys from the caller", () => {
  expect(parseSafetensors(writeSafetensors(dense, { a: "b" })).metadata).toEqual(new Map([["a", "b"]]));
  for (const key of [CHECKSUM_KEY, CHECKED_KEY])
    expect(() => writeSafetensors(dense, { [key]: "0" })).toThrow(`metadata "${key}" is reserved for the checksum`);
  // Text that looks like the entry, in a value before and behind it.
  const sly = `"${CHECKSUM_KEY}":"00000000"`;
  expect(parseSafetensors(writeSafetensors(dense, { [sly]: sly })).metadata).toEqual(new Map([[sly, sly]]));
});

test("reads the same arrays by ranges, each into separate memory", async () => {
  for (const [, bytes] of kinds) {
    const asked: [number, number][] = [];
    const source = {
      name: "m",
      size: bytes.length,
      read: async (begin: number, end: number) => {
        asked.push([begin, end]);
        return bytes.slice(begin, end);
      },
    };
    expect(await readSafetensors(source)).toEqual(parseSafetensors(bytes, "m"));
    expect(asked[1]).toEqual([0, 8 + safetensorsHeaderLength(bytes)]);
  }
});

test("keeps offsets beyond 2^32 exact in a header", () => {
  const far = 5 * 2 ** 30;
  const info = (shape: number, begin: number, end: number) =>
    `{"dtype":"F32","shape":[${shape}],"data_offsets":[${begin},${end}]}`;
  const text = new TextEncoder().encode(`{"a":${info(far / 4, 0, far)},"b":${info(1, far, far + 4)}}`);
  const start = new Uint8Array(8 + text.length);
  new DataView(start.buffer).setUint32(0, text.length, true);
  start.set(text, 8);
  const { tensors, dataOffset } = parseSafetensorsHeader(start, "m", start.length + far + 4);
  expect([tensors.get("b")?.begin, dataOffset]).toEqual([far, start.length]);
});
