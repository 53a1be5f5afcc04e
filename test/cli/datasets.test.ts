// Loading data sets: limits, image files, and the plans of a dry run.
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { timedBatch } from "../../src/cli/dry_run.ts";
import { ImageError, openImageFolder, packShards } from "../../src/images/index.ts";
import { isStreamed, type StreamedDataset } from "../../src/internal.ts";
import { loadInMemory, loadSplits } from "../../src/recipe/datasets.ts";
import { withAdvice } from "../../src/recipe/image_data.ts";
import { plannedData } from "../../src/recipe/planned_data.ts";
import { forEncoder } from "../../src/recipe/spiking.ts";
import { squaresFolder } from "../support/idx_folder.ts";
import { jpegFolder } from "../support/jpeg_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-data-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const idx = { name: "idx", dir: squaresFolder(join(scratch, "data"), 80, 30) };

describe("a limit", () => {
  test("of images limits the training set per class, and keeps the whole test set", async () => {
    const all = await loadInMemory(idx, 1);
    const few = await loadInMemory({ ...idx, limit: 3 }, 1);
    expect(few.train.length).toBe(12);
    for (const c of [0, 1, 2, 3]) expect([...few.train.labels].filter((l) => l === c)).toHaveLength(3);
    expect(few.train.mean).toEqual(all.train.mean);
    expect(few.test).toEqual(all.test);
    await expect(loadSplits({ ...idx, limit: 60 }, 1)).rejects.toThrow(
      /^dataset idx: expected 60 samples of each class, got \d+ of class \d$/,
    );
  });

  test("of events limits both", async () => {
    const { train, test: tested } = await loadSplits({ name: "events", limit: 4, size: 16 }, 2);
    expect([train.length, tested.length]).toEqual([48, 12]);
  });
});

/** A file of zeros that takes no room, after two records of CIFAR-100 whose fine labels are 1 and 2. */
function hollow(path: string, bytes: number): void {
  const records = new Uint8Array(2 * 3074);
  records[1] = 1;
  records[3074 + 1] = 2;
  writeFileSync(path, records);
  truncateSync(path, bytes);
}

test("reads CIFAR from its binary files", async () => {
  const dir = join(scratch, "cifar");
  mkdirSync(dir);
  hollow(join(dir, "train.bin"), 50_000 * 3074);
  hollow(join(dir, "test.bin"), 10_000 * 3074);
  const { train, test: tested } = await loadInMemory({ name: "cifar100", dir }, 1);
  expect([train.length, tested.length, train.classes.length, ...train.shape]).toEqual([50_000, 10_000, 100, 3, 32, 32]);
  await expect(loadSplits({ name: "cifar10", dir }, 1)).rejects.toThrow(/data_batch_1.bin: no such file/);
  await expect(loadSplits({ name: "cifar10" }, 1)).rejects.toThrow(/cifar10: give the folder of its binary version/);
});

describe("image files", () => {
  const folder = join(scratch, "jpegs");
  const shards = join(scratch, "shards");
  beforeAll(async () => {
    await jpegFolder(folder, { perClass: 4, sides: [24, 28], classes: ["dots", "rings"] });
    const { train, test: tested } = await openImageFolder(folder, { heldOut: 0.25 });
    await packShards(train, join(shards, "train"), { resize: 24, view: 20 });
    await packShards(tested, join(shards, "test"), { resize: 24, view: 20 });
    await train.close();
    await tested.close();
    writeFileSync(join(folder, "train/dots/0001.jpg"), "no image");
  });

  test("are read from folders and shards; corrupt ones are reported and counted; closing stops reading", async () => {
    const told: string[] = [];
    const files = await loadSplits({ name: "images", dir: folder, size: 20, heldOut: 0.25, skipBad: 1 }, 1, {
      onDamaged: ({ key }, count) => told.push(`${count} ${key}`),
    });
    const packed = await loadSplits({ name: "images", dir: shards }, 1);
    for (const [data, stored] of [
      [files, 20],
      [packed, 24],
    ] as const) {
      expect([data.train.length, data.test.length, data.stored]).toEqual([6, 2, [stored, stored]]);
      expect(data.train.shape).toEqual([3, 20, 20]);
    }
    for (const split of [files.train, files.test] as StreamedDataset[]) {
      for await (const _ of split.batches({ batchSize: 4, epoch: 0, seed: 0, startBatch: 0, training: true }));
    }
    expect(told).toEqual(["1 train/dots/0001.jpg"]);
    expect(files.damaged).toEqual([expect.stringMatching(/^train\/dots\/0001.jpg: /)]);
    await files.close();
    await packed.close();
    const again = (packed.train as StreamedDataset).batches({
      ...{ batchSize: 4, epoch: 0, seed: 0, startBatch: 0, training: true },
    });
    await expect(again[Symbol.asyncIterator]().next()).rejects.toThrow(/closed/);
  });

  test.each([
    { resize: 30 },
    { mapping: "m.txt" },
    { augment: { scale: [0.5, 1] as [number, number] } },
    { augment: { jitter: { hue: 0.1 } } },
  ])("shards refuse %o", async (settings) => {
    const [key] = Object.keys(settings.augment ?? settings);
    const message = new RegExp(`^(data|augment)\\.${key}: expected no value, since \\S+ holds shards`);
    await expect(loadSplits({ name: "images", dir: shards, ...settings }, 1)).rejects.toThrow(message);
  });

  test("an encoder's scale does not change the reader", async () => {
    const { test: tested, close } = await loadSplits({ name: "images", dir: shards }, 1);
    const scaled = forEncoder(tested, "poisson") as StreamedDataset;
    expect([scaled.mean, scaled.std]).toEqual([
      [0, 0, 0],
      [1, 1, 1],
    ]);
    const labels: number[] = [];
    const batches = scaled.batches({ batchSize: 2, epoch: 0, seed: 0, startBatch: 0, training: false });
    for await (const batch of batches) labels.push(...batch.y);
    expect(labels).toEqual([0, 1]);
    await close();
  });

  test("a corrupt image comes with advice, unless some are allowed", () => {
    const error = new ImageError("d", "a.jpg", "is cut");
    expect((withAdvice(error, { name: "images" }) as Error).message).toMatch(/^d: a.jpg: is cut; --skip-bad 10 skips/);
    expect(withAdvice(error, { name: "images", skipBad: 2 })).toBe(error);
    const other = new RangeError("x");
    expect(withAdvice(other, { name: "images" })).toBe(other);
  });
});

describe("a dry run without the files", () => {
  test("uses the counts of the data set, and says so", async () => {
    const data = plannedData({ name: "images", dir: join(scratch, "nowhere"), size: 8 });
    expect([data?.train.length, data?.test.length, data?.train.classes.length]).toEqual([1_281_167, 50_000, 1000]);
    expect([data?.imagined, data?.stored, data?.train.shape]).toEqual([true, [8, 8], [3, 8, 8]]);
    expect(data?.notes).toEqual([
      expect.stringMatching(
        /^no image was read, since \S+nowhere is not there: planned with .* ImageNet \(ILSVRC 2012\)$/,
      ),
    ]);
    const train = data?.train as StreamedDataset;
    const batches = train.batches({
      ...{ batchSize: 1000, epoch: 0, seed: 0, startBatch: 1280, training: true },
    });
    expect(batches.length).toBe(1282);
    const sizes: number[] = [];
    for await (const batch of batches) {
      expect(batch.x).toHaveLength(batch.size * 192);
      sizes.push(batch.size);
    }
    expect(sizes).toEqual([1000, 167]);
  });

  test("of CIFAR has images in memory, limited per class", () => {
    const data = plannedData({ name: "cifar10", limit: 5 });
    expect(data && isStreamed(data.train)).toBe(false);
    expect([data?.train.length, data?.test.length]).toEqual([50, 10_000]);
  });

  test("returns null for other data, and if the files exist", () => {
    expect(plannedData({ name: "mnist" })).toBeNull();
    expect(plannedData({ name: "idx", dir: "nowhere" })).toBeNull();
    expect(plannedData({ name: "images", dir: scratch })).toBeNull();
  });
});

test("a dry run times fewer images if a software adapter would take minutes", () => {
  const recipe = { batchSize: 256, microBatch: 32 };
  expect(timedBatch(recipe, 4.1e9, false)).toBe(256);
  expect(timedBatch(recipe, 3e5, true)).toBe(256);
  expect(timedBatch(recipe, 4.1e9, true)).toBe(2);
  expect(timedBatch(recipe, 5e7, true)).toBe(32);
  expect(timedBatch({ batchSize: 256 }, 5e7, true)).toBe(66);
  expect(timedBatch({ batchSize: 1 }, 1e12, true)).toBe(1);
});
