// Packing into shards and reading them: the same bits for any start, bounded memory, and errors for corruption.
import { readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { cp, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ImageBatch, StreamedDataset } from "../../src/data/index.ts";
import { decodedDataset } from "../../src/images/decoded_dataset.ts";
import type { EncodedSource, ImageError } from "../../src/images/encoded_source.ts";
import { packShards } from "../../src/images/pack.ts";
import { PositionedFiles } from "../../src/images/positioned_files.ts";
import { openShards as open, type ShardOptions } from "../../src/images/shard_dataset.ts";
import { formatShardIndex, parseShardIndex, type ShardIndex } from "../../src/io/index.ts";
import { collect, epoch, noisy, sourceOf, temporaryFolder, writeFiles } from "./files.ts";

const root = temporaryFolder();
const images = await Promise.all(Array.from({ length: 23 }, (_, i) => noisy(i, 40 + i, 60 - i)));
const source = sourceOf(images);
const garbage = new Uint8Array(64).fill(3);
/** 32 x 32 stored, 28 x 28 for the network, five images a shard. */
const options = { resize: 32, view: 28, shardBytes: 64 + 5 * (3 * 32 * 32 + 4) + 1 };
const packed = join(root, "packed");
const strip = (batches: readonly ImageBatch[]) => batches.map(({ x, y, indices, crop }) => [x, y, indices, crop]);
let count = 0;
/** Copy the packed folder, to corrupt the copy. */
async function copy(): Promise<string> {
  const dir = join(root, `copy${count++}`);
  await cp(packed, dir, { recursive: true });
  return dir;
}

/** Open shards; close them at the end. */
const opened: StreamedDataset[] = [];
async function openShards(dir: string, more?: ShardOptions) {
  const dataset = await open(dir, more);
  opened.push(dataset);
  return dataset;
}
afterAll(() => Promise.all(opened.map((dataset) => dataset.close())));

beforeAll(async () => {
  await packShards(source, packed, options);
});

describe("packing", () => {
  test("writes shards of the requested size, an index, and nothing else", async () => {
    expect(readdirSync(packed).sort()).toEqual(["index.json", ...[0, 1, 2, 3, 4].map((i) => `shard-0000${i}.bin`)]);
    const index = parseShardIndex("i", readFileSync(join(packed, "index.json"), "utf8"));
    expect([index.length, ...index.shape, ...index.view, ...index.shards.map((s) => s.count)]).toEqual([
      23, 3, 32, 32, 28, 28, 5, 5, 5, 5, 3,
    ]);
    expect(statSync(join(packed, "shard-00000.bin")).size).toBe(64 + 5 * (3072 + 4));
  });

  test("stores decoded bytes: evaluation gets the same bytes from files and from shards", async () => {
    const shards = await openShards(packed, { size: 28 });
    const files = decodedDataset(source, { size: 28, resize: 32 });
    const [a, b] = [
      await collect(shards, epoch({ training: false })),
      await collect(files, epoch({ training: false })),
    ];
    const cut = ({ x: bytes, crop, size }: ImageBatch) =>
      Uint8Array.from({ length: size * 3 * 784 }, (_, i) => {
        const [n, c, y, x] = [Math.floor(i / 2352), Math.floor(i / 784) % 3, Math.floor(i / 28) % 28, i % 28];
        const [top = 0, left = 0] = [...(crop?.subarray(4 * n, 4 * n + 2) ?? [])];
        return bytes[((n * 3 + c) * 32 + top + y) * 32 + left + x]!;
      });
    expect(a.map(cut)).toEqual(b.map(({ x }) => x));
    expect(a.map(({ y }) => [...y])).toEqual(b.map(({ y }) => [...y]));
  });

  test("writes the same files for any number of workers, and does not rewrite them", async () => {
    const dir = join(root, "again");
    await packShards(source, dir, { ...options, workers: 1 });
    for (const name of readdirSync(packed))
      expect(readFileSync(join(dir, name))).toEqual(readFileSync(join(packed, name)));
    const read: number[] = [];
    await packShards({ ...source, read: async (i) => images[read.push(i)] as Uint8Array }, dir, options);
    expect(read).toEqual([]);
  });

  test("continues after an interrupt: keeps finished shards, and rewrites changed ones", async () => {
    const dir = join(root, "broken");
    const breaks: EncodedSource = {
      ...source,
      read: (i) => (i === 17 ? Promise.reject(new Error("unplugged")) : source.read(i)),
    };
    await expect(packShards(breaks, dir, options)).rejects.toThrow("unplugged");
    expect(readdirSync(dir).sort()).toEqual(["packing.json", ...[0, 1, 2].map((i) => `shard-0000${i}.bin`)]);
    await expect(openShards(dir)).rejects.toThrow(
      /index.json: no such file: packing writes the index of the shards last/,
    );
    truncateSync(join(dir, "shard-00001.bin"), 1000);
    const read = new Set<number>();
    const steps: number[] = [];
    const counted: EncodedSource = {
      ...source,
      read(i) {
        read.add(i);
        return source.read(i);
      },
    };
    await packShards(counted, dir, { ...options, onProgress: (done, total) => steps.push(done, total) });
    expect([...read].sort((a, b) => a - b)).toEqual([5, 6, 7, 8, 9, 15, 16, 17, 18, 19, 20, 21, 22]);
    expect(steps.slice(-2)).toEqual([23, 23]);
    for (const name of readdirSync(packed))
      expect(readFileSync(join(dir, name))).toEqual(readFileSync(join(packed, name)));
    expect(readdirSync(dir)).toHaveLength(6);
  });

  test("continues after a kill between a shard and its note, before the first shard, or after the index", async () => {
    const dir = join(root, "killed");
    const note = join(dir, "packing.json");
    let atFirst: string[] = [];
    const breaks: EncodedSource = {
      ...source,
      read(i) {
        if (i === 0) atFirst = readdirSync(dir);
        return i === 7 ? Promise.reject(new Error("unplugged")) : source.read(i);
      },
    };
    await expect(packShards(breaks, dir, { ...options, workers: 1 })).rejects.toThrow("unplugged");
    expect(atFirst).toEqual(["packing.json"]); // The folder says whose it is before it holds a shard.
    const { fingerprint } = JSON.parse(readFileSync(note, "utf8")) as { fingerprint: string };
    writeFileSync(note, JSON.stringify({ fingerprint, shards: [] }));
    expect(readdirSync(dir).sort()).toEqual(["packing.json", "shard-00000.bin"]);
    await packShards(source, dir, options);
    for (const name of readdirSync(packed))
      expect(readFileSync(join(dir, name))).toEqual(readFileSync(join(packed, name)));
    writeFileSync(note, JSON.stringify({ fingerprint, shards: [] }));
    await packShards(source, dir, options);
    expect(readdirSync(dir)).toHaveLength(6);
  });
});

describe("packing next to other files, and refusals", () => {
  test("does not mix with other files in the folder", async () => {
    await expect(packShards(source, packed, { ...options, resize: 36 })).rejects.toThrow(
      /a pack of other images or options/,
    );
    const dir = join(root, "other");
    await mkdir(dir);
    writeFileSync(join(dir, "shard-00000.bin"), "");
    await expect(packShards(source, dir, options)).rejects.toThrow(
      /shard-00000.bin: expected an empty folder, got shards of another source/,
    );
    writeFileSync(join(dir, "packing.json"), '{"fingerprint": "x", "shards": []}');
    await expect(packShards(source, dir, options)).rejects.toThrow(
      /packing.json: an unfinished pack of other images or options/,
    );
  });

  test("stops at corrupt images, or leaves them out by name", async () => {
    const bad = sourceOf(images.map((image, i) => (i === 1 || i === 8 ? garbage : image)));
    await expect(packShards(bad, join(root, "bad0"), options)).rejects.toThrow(/^held: image 1: not an image/);
    await expect(packShards(bad, join(root, "bad1"), { ...options, skipBad: 1 })).rejects.toThrow(
      /held: image 8: .*more than the 1 corrupt images allowed/,
    );
    const told: string[] = [];
    const onBad = ({ key }: ImageError) => told.push(key);
    const index = await packShards(bad, join(root, "bad2"), { ...options, skipBad: 2, onBad });
    expect(told).toEqual(["image 1", "image 8"]);
    expect([index.length, ...index.skipped, ...index.shards.map((s) => s.count)]).toEqual([21, ...told, 4, 4, 5, 5, 3]);
    const dataset = await openShards(join(root, "bad2"), { verify: true });
    const whole = await openShards(packed);
    const ordered = { training: false, batchSize: 23 };
    const [[a], [b]] = [await collect(dataset, epoch(ordered)), await collect(whole, epoch(ordered))];
    expect([...(a?.y ?? [])]).toEqual([...(b?.y ?? [])].filter((_, i) => i !== 1 && i !== 8));
    expect(a?.x.subarray(3072, 6144)).toEqual(b?.x.subarray(2 * 3072, 3 * 3072));
  });

  test("packs images unchanged if all have the size", async () => {
    const square = sourceOf(await Promise.all([1, 2, 3].map((i) => noisy(i, 16, 16))));
    const dir = join(root, "square");
    const index = await packShards(square, dir, { resize: null, size: 16, view: 16 });
    expect([...index.shape]).toEqual([3, 16, 16]);
    const dataset = await openShards(dir, { flip: 0 });
    const [batch] = await collect(dataset, epoch({ training: false }));
    const [same] = await collect(decodedDataset(square, { size: 16, resize: 16 }), epoch({ training: false }));
    expect(batch?.x).toEqual(same?.x);
    expect(batch?.crop).toBeUndefined();
  });

  test("can be stopped", async () => {
    const controller = new AbortController();
    const stop = { ...options, signal: controller.signal, onProgress: () => controller.abort(new Error("enough")) };
    await expect(packShards(source, join(root, "stopped"), stop)).rejects.toThrow("enough");
  });

  test("names options out of range", async () => {
    const of = (more: object) => expect(packShards(source, join(root, "never"), { ...options, ...more })).rejects;
    await of({ view: 33 }).toThrow(/packShards: view: expected an integer in 1..32, got 33/);
    await of({ resize: 0 }).toThrow(/resize: expected/);
    await of({ shardBytes: 0 }).toThrow(/shardBytes: expected/);
    expect(readdirSync(root)).not.toContain("never");
  });
});

describe("reading", () => {
  test("returns every image once, with crops that fit, half of them mirrored", async () => {
    const dataset = await openShards(packed);
    const crops: number[][] = [];
    for (let e = 0; e < 20; e++) {
      const batches = await collect(dataset, epoch({ epoch: e }));
      expect(batches.flatMap(({ indices }) => [...indices]).sort((a, b) => a - b)).toEqual(images.map((_, i) => i));
      for (const { crop, size } of batches) {
        for (let i = 0; i < size; i++) crops.push([...(crop?.subarray(4 * i, 4 * i + 4) ?? [])]);
      }
    }
    for (const side of [0, 1]) {
      const values = new Set(crops.map((p) => p[side]));
      expect([...values].sort()).toEqual([0, 1, 2, 3, 4]);
    }
    const mirrored = crops.filter((p) => p[2] === 1).length / crops.length;
    expect(Math.abs(mirrored - 0.5)).toBeLessThan(0.1); // 460 draws: four deviations of 0.023
    expect(dataset.shape).toEqual([3, 28, 28]);
  });

  test("returns the same bits when resumed at batch k, and with other numbers of workers", async () => {
    const run = async (more: object, from = 0) => {
      const dataset = await openShards(packed, more);
      const batches = strip(await collect(dataset, epoch({ epoch: 2, startBatch: from })));
      await dataset.close();
      return batches;
    };
    const all = await run({ workers: 1, prefetch: 0 });
    expect(await run({ workers: 6, prefetch: 4 })).toEqual(all);
    for (const k of [1, 4, 5]) expect(await run({}, k)).toEqual(all.slice(k));
  });

  test("returns the same bits from memory as from the files, and needs the files no more", async () => {
    const dir = await copy();
    const held = await openShards(dir);
    const read = await openShards(packed, { memory: 0 });
    const first = strip(await collect(held, epoch()));
    expect(first).toEqual(strip(await collect(read, epoch())));
    for (let i = 0; i < 5; i++) truncateSync(join(dir, `shard-0000${i}.bin`), 64);
    for (const at of [epoch(), epoch({ epoch: 4 }), epoch({ training: false })])
      expect(strip(await collect(held, at))).toEqual(strip(await collect(read, at)));
    await Promise.all([held.close(), read.close()]);
  });

  test("crops reach into the borders on request", async () => {
    const dataset = await openShards(packed, { size: 32, pad: 4, flip: 0 });
    const tops = new Set<number>();
    for (let e = 0; e < 20; e++) {
      for (const { crop, pad, size } of await collect(dataset, epoch({ epoch: e }))) {
        expect(pad).toBe(4);
        for (let i = 0; i < size; i++) tops.add(crop![4 * i]!);
      }
    }
    expect([...tops].sort((a, b) => a - b)).toEqual([-4, -3, -2, -1, 0, 1, 2, 3, 4]);
    const [whole] = await collect(dataset, epoch({ training: false }));
    expect([whole!.crop, whole!.pad]).toEqual([undefined, undefined]);
  });

  test("uses the memory of a few batches for any number of epochs", async () => {
    const dataset = await openShards(packed, { prefetch: 2 });
    await collect(dataset, epoch());
    const perBatch = 4 * (3072 + 4 + 16);
    expect(dataset.bytesMade).toBeLessThanOrEqual(4 * perBatch);
    const made = dataset.bytesMade;
    for (let e = 1; e < 30; e++) await collect(dataset, epoch({ epoch: e }));
    expect(dataset.bytesMade).toBe(made);
  });

  test("opens few files for any number of shards", async () => {
    const files = new PositionedFiles(2);
    const into = new Uint8Array(8);
    for (let round = 0; round < 3; round++) {
      await Promise.all([0, 1, 2, 3, 4].map((i) => files.read(join(packed, `shard-0000${i}.bin`), into, 0)));
      expect(files.count).toBeLessThanOrEqual(2);
    }
    await files.close();
  });
});

describe("damage", () => {
  const fails = async (dir: string, message: RegExp, more = {}) =>
    expect(openShards(dir, more)).rejects.toThrow(message);

  test("refuses a shard that is truncated, missing, another file, or with other labels", async () => {
    const cut = await copy();
    truncateSync(join(cut, "shard-00002.bin"), 5000);
    await fails(cut, /shard-00002.bin: truncated or corrupt: expected 15444 bytes for 5 images, got 5000/);
    rmSync(join(cut, "shard-00002.bin"));
    await fails(cut, /shard-00002.bin: no such file, but it is in the index/);
    const other = await copy();
    const bytes = readFileSync(join(other, "shard-00001.bin"));
    writeFileSync(
      join(other, "shard-00001.bin"),
      bytes.map((b, i) => (i < 8 ? 0 : b)),
    );
    await fails(other, /shard-00001.bin: not a shard/);
    writeFileSync(
      join(other, "shard-00001.bin"),
      bytes.map((b, i) => (i === 64 + 5 * 3072 ? 77 : b)),
    );
    await fails(other, /shard-00001.bin: image 0: label: expected 0..2, got 77/);
  });

  test("finds changed pixels when a shard is first used, or before on request", async () => {
    const dir = await copy();
    const bytes = readFileSync(join(dir, "shard-00003.bin"));
    writeFileSync(
      join(dir, "shard-00003.bin"),
      bytes.map((b, i) => (i === 500 ? b ^ 1 : b)),
    );
    const dataset = await openShards(dir);
    const words = /shard-00003.bin: corrupt: expected SHA-256 \w{64}, got \w{64}/;
    await expect(collect(dataset, epoch({ training: false }))).rejects.toThrow(words);
    await expect(collect(dataset, epoch({ training: false }))).rejects.toThrow(words);
    await fails(dir, /shard-00003.bin: corrupt: expected SHA-256 [0-9a-f]{64}, got/, { verify: true });
  });

  test("refuses a shard that is truncated during use", async () => {
    const dir = await copy();
    const dataset = await openShards(dir, { verify: true });
    truncateSync(join(dir, "shard-00004.bin"), 100);
    await expect(collect(dataset, epoch({ training: false }))).rejects.toThrow(
      /shard-00004.bin: truncated: expected \d+ more bytes, it ends at byte 100/,
    );
  });

  test("refuses an invalid index, and options out of range", async () => {
    const dir = await copy();
    writeFileSync(join(dir, "index.json"), "{}");
    await fails(dir, /index.json: format is missing/);
    await fails(packed, /size: expected an integer in 1..32, got 33/, { size: 33 });
    await fails(packed, /flip: expected a number/, { flip: -1 });
  });
});

test("allocates no memory for an index that claims more images than its shards hold", async () => {
  const dir = writeFiles(join(root, "claims"), { "shard-00000.bin": new Uint8Array(64) });
  const index: ShardIndex = {
    ...{
      name: "made",
      shape: [3, 4, 4],
      view: [4, 4],
      classes: ["a"],
      length: 2 ** 40,
      mean: [0, 0, 0],
      std: [1, 1, 1],
    },
    ...{ fingerprint: "0".repeat(64), skipped: [] },
    shards: [{ file: "shard-00000.bin", count: 2 ** 40, sha256: "0".repeat(64) }],
  };
  writeFiles(dir, { "index.json": formatShardIndex(index) });
  await expect(open(dir)).rejects.toThrow(
    /shard-00000.bin: truncated or corrupt: expected \d+ bytes for 1099511627776 images, got 64/,
  );
});
