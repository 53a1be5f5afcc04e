// The format of shards: output is read back, faults are named.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  checkShardHeader,
  imagesPerShard,
  readShardLabels,
  shardBytes,
  shardImageOffset,
  shardLabelsOffset,
  writeShardHeader,
  writeShardLabels,
} from "../../src/io/shard.ts";
import { formatShardIndex, parseShardIndex, type ShardIndex, shardFile } from "../../src/io/shard_index.ts";

const shape = [3, 4, 5] as const;

function shard(labels: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(shardBytes(shape, labels.length)).fill(7);
  writeShardHeader(bytes, shape, labels.length);
  writeShardLabels(bytes, shardLabelsOffset(shape, labels.length), labels);
  return bytes;
}

describe("a shard", () => {
  test("is filled by header, images and labels without overlap", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(999), { minLength: 1, maxLength: 20 }), (labels) => {
        const bytes = shard(labels);
        checkShardHeader("s", bytes, shape, labels.length);
        expect(bytes.subarray(64, shardImageOffset(shape, labels.length)).every((b) => b === 7)).toBe(true);
        expect([...readShardLabels("s", bytes.subarray(64 + 60 * labels.length), 1000)]).toEqual(labels);
      }),
    );
  });

  test("holds as many images as fit, but at least one", () => {
    expect(imagesPerShard(shape, 64 + 64 * 10)).toBe(10);
    expect(imagesPerShard(shape, 64 + 64 * 10 - 1)).toBe(9);
    expect(imagesPerShard(shape, 1)).toBe(1);
  });

  test("names the fault of a header", () => {
    const good = shard([1, 2]);
    const changed = (at: number, value: number) => good.with(at, value);
    expect(() => checkShardHeader("a.bin", good.subarray(0, 10), shape, 2)).toThrow(
      /a.bin: expected a header of 64 bytes, got 10/,
    );
    expect(() => checkShardHeader("a.bin", changed(0, 0), shape, 2)).toThrow(/a.bin: not a shard/);
    expect(() => checkShardHeader("a.bin", changed(8, 9), shape, 2)).toThrow(/expected version 1, got 9/);
    expect(() => checkShardHeader("a.bin", good, shape, 3)).toThrow(/expected 3 images, as in its index, got 2/);
    expect(() => checkShardHeader("a.bin", good, [3, 5, 4], 2)).toThrow(
      /expected images \[3, 5, 4\], as in its index, got \[3, 4, 5\]/,
    );
  });

  test("names a label outside the classes", () => {
    const bytes = shard([1, 2]).subarray(shardLabelsOffset(shape, 2));
    expect(() => readShardLabels("a.bin", bytes, 2)).toThrow(/a.bin: image 1: label: expected 0..1, got 2/);
  });
});

const sum = "0123456789abcdef".repeat(4);
const index: ShardIndex = {
  name: "pictures",
  shape,
  view: [4, 4],
  classes: ["a", "b"],
  length: 5,
  mean: [0.5, 0.5, 0.5],
  std: [0.2, 0.2, 0.2],
  fingerprint: sum,
  skipped: ["b/7.jpg"],
  shards: [
    { file: shardFile(0), count: 3, sha256: sum },
    { file: shardFile(1), count: 2, sha256: sum },
  ],
};

describe("index.json", () => {
  test("reads its own output", () => {
    const {
      format: _f,
      version: _v,
      checksum: _c,
      ...read
    } = parseShardIndex("i", formatShardIndex(index)) as ShardIndex & {
      format: string;
      version: number;
      checksum: string;
    };
    expect(read).toEqual(index);
  });

  const broken: readonly (readonly [name: string, change: Record<string, unknown>, message: RegExp])[] = [
    ["another format", { format: "other" }, /format: expected "espalier-shards", got "other"/],
    ["a later version", { version: 3 }, /version: expected version 2, got 3/],
    ["no checksum", { checksum: undefined }, /checksum is missing/],
    ["a checksum of an older version", { version: 1 }, /checksum is not a key/],
    ["another text", { name: "other" }, /checksum differs: expected [0-9a-f]{8}, got [0-9a-f]{8}/],
    ["an unknown key", { extra: 1 }, /extra is not a key/],
    ["a missing key", { mean: undefined }, /mean is missing/],
    ["a wrong value", { length: -1 }, /length: expected an integer >= 1, got -1/],
    ["a shape of two", { shape: [3, 4] }, /shape: expected three integers/],
    ["no deviation", { std: [0, 1, 1] }, /std: expected a list of numbers > 0/],
    ["other counts", { length: 6 }, /length: expected 5, the images of its shards, got 6/],
    ["a large view", { view: [5, 5] }, /view: expected at most the images' 4x5, got 5x5/],
    ["two channels of mean", { mean: [0, 0] }, /mean and std: expected 3 each, one per channel, got 2 and 3/],
    [
      "a path",
      { shards: [{ file: "../x", count: 5, sha256: sum }] },
      /shards\[0\].file: expected a name as shard-00000.bin/,
    ],
    ["a shard twice", { shards: [index.shards[0], index.shards[0]] }, /shards\[1\].file: expected shard-00001.bin/],
    ["no digest", { shards: [{ file: shardFile(0), count: 5, sha256: "x" }] }, /sha256: expected a SHA-256/],
    ["an unknown key of a shard", { shards: [{ ...index.shards[0], z: 0 }] }, /shards\[0\].z is not a key/],
  ];
  test.each(broken)("refuses %s", (_, change, message) => {
    const value = { ...(JSON.parse(formatShardIndex(index)) as object), ...change };
    expect(() => parseShardIndex("dir/index.json", JSON.stringify(value))).toThrow(message);
    expect(() => parseShardIndex("dir/index.json", JSON.stringify(value))).toThrow(/^dir\/index.json: /);
  });

  test("refuses any single flipped bit", () => {
    const good = new TextEncoder().encode(formatShardIndex(index));
    for (let bit = 0; bit < 8 * good.length; bit++) {
      const bad = good.with(bit >> 3, good[bit >> 3]! ^ (1 << (bit & 7)));
      expect(() => parseShardIndex("i", new TextDecoder("utf-8", { ignoreBOM: true }).decode(bad))).toThrow(/^i: /);
    }
  });

  test("reads an index of version 1, which had no checksum", () => {
    const { checksum: _, ...old } = { ...JSON.parse(formatShardIndex(index)), version: 1 };
    expect(parseShardIndex("i", JSON.stringify(old)).shards).toEqual(index.shards);
  });

  test("refuses text that is no JSON object", () => {
    expect(() => parseShardIndex("i", "{")).toThrow(/i: not JSON/);
    expect(() => parseShardIndex("i", "[]")).toThrow(/expected a JSON object/);
  });
});
