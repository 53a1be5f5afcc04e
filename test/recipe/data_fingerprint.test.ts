// Fingerprints of data: the same wherever the files lie, another for every change, and quick for a million images.
import { mkdtempSync, rmSync } from "node:fs";
import { cp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { sourceDigest } from "../../src/images/index.ts";
import {
  type DataFingerprint,
  dataFingerprintSchema,
  fingerprintDifference,
  fingerprintOf,
} from "../../src/recipe/data_fingerprint.ts";
import { loadSplits } from "../../src/recipe/datasets.ts";
import { squaresFolder } from "../support/idx_folder.ts";
import { jpegFolder } from "../support/jpeg_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-print-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);
const classes = ["dots", "rings"] as const;
beforeAll(async () => {
  await jpegFolder(at("a"), { perClass: 3, valPerClass: 2, sides: [8, 12], classes });
});

async function print(dir: string, name = "images"): Promise<DataFingerprint> {
  const splits = await loadSplits({ name, dir, size: name === "images" ? 8 : undefined }, 1);
  try {
    return await fingerprintOf(splits);
  } finally {
    await splits.close();
  }
}

describe("image files", () => {
  test("the fingerprint stays the same in another folder, and through JSON", async () => {
    await cp(at("a"), at("moved"), { recursive: true });
    const first = await print(at("a"));
    const back = dataFingerprintSchema.parse(JSON.parse(JSON.stringify(first)));
    expect(fingerprintDifference(back, await print(at("moved")))).toBeNull();
    expect(first).toMatchObject({ layout: "folder", train: { count: 6, shape: [3, 8, 8], classes } });
  });

  test("a byte of one image, one more image and another class name each change it", async () => {
    const first = await print(at("a"));
    await cp(at("a"), at("other"), { recursive: true });
    await writeFile(at("other/val/dots/0001.jpg"), "other bytes");
    expect(fingerprintDifference(first, await print(at("other")))).toBe(
      "the test part has 4 samples as before, but others, or in another order",
    );
    await writeFile(at("other/train/dots/9.jpg"), "x");
    expect(fingerprintDifference(first, await print(at("other")))).toBe(
      "the training part had 6 samples, now it has 7",
    );
    await jpegFolder(at("names"), { perClass: 3, valPerClass: 2, sides: [8, 12], classes: ["dots", "wedge"] });
    expect(fingerprintDifference(first, await print(at("names")))).toBe(
      "the classes of the training part were dots, rings, now they are dots, wedge",
    );
  });
});

test("a pixel or a label of a small set in memory changes it", async () => {
  const dir = squaresFolder(at("idx"), 40, 10);
  const { train, test: tested, layout } = await loadSplits({ name: "idx", dir }, 1);
  if (!("images" in train)) throw new Error("idx data is held in memory");
  const first = await fingerprintOf({ train, test: tested, layout });
  const images = train.images.slice();
  images[5] = 255 - images[5]!;
  const labels = train.labels.slice();
  labels[3] = (labels[3]! + 1) % 4;
  for (const other of [
    { ...train, images },
    { ...train, labels },
  ]) {
    const now = await fingerprintOf({ train: other, test: tested, layout });
    expect(fingerprintDifference(first, now)).toMatch(/^the training part has 40 samples as before, but/);
  }
  expect(fingerprintDifference(first, { ...first, layout: "mnist" })).toBe(
    "the layout of the data was idx, now it is mnist",
  );
});

test("covers the labels of a million images in a moment", async () => {
  const length = 1_000_000;
  const source = (odd: number) => ({
    ...{ name: "many", length, classes: ["a", "b"] },
    key: (i: number) => `train/n01440764/n01440764_${i}.JPEG`,
    label: (i: number) => (i === odd ? 1 : 0),
    read: async (i: number) => new Uint8Array(5000).fill(i),
    close: async () => {},
  });
  await sourceDigest(source(0));
  const started = performance.now();
  const first = await sourceDigest(source(777_777));
  // Some tens of milliseconds on a quiet machine; the bound is for a busy one.
  expect(performance.now() - started).toBeLessThan(1500);
  expect(await sourceDigest(source(777_778))).not.toBe(first);
});
