import { expect, test } from "vitest";
import { loadIdxDataset, loadIdxSplits } from "../../src/data/idx_dataset.ts";
import { type ByteSource, memorySource } from "../../src/data/source.ts";
import { GzipError } from "../../src/io/gzip.ts";
import { IdxError } from "../../src/io/idx.ts";
import { gzip, idx } from "../io/idx_files.ts";
import { idxFiles } from "./fixtures.ts";

const images = "train-images-idx3-ubyte";
const labels = "train-labels-idx1-ubyte";

/** The one-line message with which these files are refused. */
async function refusal(change: Record<string, Uint8Array | undefined>, options = {}): Promise<string> {
  const files: Record<string, Uint8Array | undefined> = { ...idxFiles(), ...change };
  const kept = new Map(Object.entries(files).filter((entry): entry is [string, Uint8Array] => entry[1] !== undefined));
  const error = await loadIdxDataset(memorySource(kept, "dir"), { split: "train", ...options }).catch(
    (cause: unknown) => cause,
  );
  expect(error instanceof IdxError || error instanceof GzipError).toBe(true);
  expect((error as Error).message).toMatch(/^dir: \S+: [^\r\n]+$/);
  return (error as Error).message;
}

test("reads both splits; classes, mean and std come from the train files", async () => {
  const source = memorySource(idxFiles());
  const { train, test: held } = await loadIdxSplits(source);
  expect(train.shape).toEqual([1, 2, 3]);
  expect([...train.labels]).toEqual([0, 1, 2, 3, 0]);
  expect([...train.images]).toEqual([...Array(30).keys()]);
  expect(held.length).toBe(2);
  expect(held.classes).toEqual(["0", "1", "2", "3"]);
  expect(train.mean[0]).toBeCloseTo(14.5 / 255, 12);
  expect(train.std[0]).toBeCloseTo(Math.sqrt((30 ** 2 - 1) / 12) / 255, 12);
  expect([held.mean, held.std]).toEqual([train.mean, train.std]);
  expect(await loadIdxDataset(source, { split: "test" })).toEqual(held);
  expect(await loadIdxDataset(source, { split: "train" })).toEqual(train);
});

test("finds gzipped files and files with a dot, in any mixture", async () => {
  const want = await loadIdxSplits(memorySource(idxFiles()));
  for (const rename of [
    (name: string) => `${name}.gz`,
    (name: string) => name.replace("-idx", ".idx"),
    (name: string) => `${name.replace("-idx", ".idx")}.gz`,
  ]) {
    const files = new Map<string, Uint8Array>();
    for (const [name, bytes] of Object.entries(idxFiles())) {
      files.set(rename(name), rename(name).endsWith(".gz") && name !== labels ? await gzip(bytes) : bytes);
    }
    expect(await loadIdxSplits(memorySource(files))).toEqual(want);
  }
});

test("does not read what the options give", async () => {
  const read: string[] = [];
  const files = memorySource(idxFiles());
  const source: ByteSource = {
    ...files,
    read: (path) => {
      read.push(path);
      return files.read(path);
    },
  };
  const given = { name: "mine", classes: ["x", "y", "z"], mean: [0.5], std: [0.25] };
  const held = await loadIdxDataset(source, { split: "test", ...given });
  expect(read).toEqual(["t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte"]);
  expect(held).toMatchObject({ ...given, length: 2 });
});

test("reports each fault in one line that names the file", async () => {
  const { [images]: good } = idxFiles();
  expect(await refusal({ [images]: undefined })).toBe(
    `dir: ${images}: missing, also as ${images}.gz, train-images.idx3-ubyte, train-images.idx3-ubyte.gz`,
  );
  expect(await refusal({ [labels]: undefined })).toContain(`${labels}: missing`);
  expect(await refusal({ [images]: new Uint8Array(0) })).toBe(`dir: ${images}: file is empty`);
  expect(await refusal({ [images]: good!.subarray(0, 40) })).toContain(
    "truncated: U8 [5,2,3]: expected 46 bytes, got 40",
  );
  expect(await refusal({ [images]: new Uint8Array([...good!, 0]) })).toContain(
    "too long: U8 [5,2,3]: expected 46 bytes, got 47",
  );
  expect(await refusal({ [images]: new TextEncoder().encode("<html>") })).toContain("wrong magic 3c 68 74 6d");
  expect(await refusal({ [labels]: good })).toBe(`dir: ${labels}: expected labels U8 or I32 [n], got U8 [5,2,3]`);
  expect(await refusal({ [images]: idx(8, [5], [0, 1, 2, 3, 4]) })).toContain("expected images U8 [n,h,w], got U8 [5]");
  expect(await refusal({ [images]: idx(9, [5, 1, 1], [0, 1, 2, 3, 4]) })).toContain("got I8 [5,1,1]");
  expect(await refusal({ [images]: idx(8, [0, 2, 3], []), [labels]: idx(8, [0], []) })).toContain("no images: U8");
  expect(await refusal({ [labels]: idx(8, [4], [0, 1, 2, 3]) })).toBe(
    `dir: ${labels}: expected 5 labels, one for each image of ${images}, got 4`,
  );
  expect(await refusal({}, { classes: ["a", "b", "c"] })).toBe(
    `dir: ${labels}: label at index 3: expected 0..2, got 3`,
  );
  expect(await refusal({ [labels]: idx(12, [5], Array(20).fill(255)) })).toContain(
    "label at index 0: expected 0..65535, got -1",
  );
  expect(await refusal({}, { size: [28, 28] })).toBe(`dir: ${images}: expected images of 28x28 pixels, got 2x3`);
});

test("a test label beyond the train classes names the test file", async () => {
  const files = { ...idxFiles(), "t10k-labels-idx1-ubyte": idx(8, [2], [2, 9]) };
  await expect(loadIdxDataset(memorySource(files), { split: "test" })).rejects.toThrow(
    "memory: t10k-labels-idx1-ubyte: label at index 1: expected 0..3, got 9",
  );
});

test("reports corrupt gzip data as such", async () => {
  const packed = await gzip(idxFiles()[images]!);
  const only = (bytes: Uint8Array) => ({ [images]: undefined, [`${images}.gz`]: bytes });
  expect(await refusal(only(packed.subarray(0, 30)))).toMatch(/ubyte\.gz: corrupt or truncated gzip data/);
  const flipped = packed.slice();
  flipped[packed.length - 6]! ^= 1;
  expect(await refusal(only(flipped))).toMatch(/ubyte\.gz: corrupt or truncated gzip data/);
  const short = await gzip(idxFiles()[images]!.slice(0, 20));
  expect(await refusal(only(short))).toContain("truncated: U8 [5,2,3]: expected 46 bytes, got 20");
});

test("refuses 256 classes because of one corrupt label", async () => {
  const count = 20;
  const made = (label: number) => ({
    [images]: idx(8, [count, 1, 1], new Uint8Array(count)),
    [labels]: idx(
      8,
      [count],
      Uint8Array.from({ length: count }, (_, i) => (i === 7 ? label : i % 10)),
    ),
  });
  expect(await refusal(made(255))).toContain(
    `${labels}: label 255 at 7 makes 256 classes, but only 11 of them have an image: is it corrupt?`,
  );
  // Numbers that begin at 1, or a class without images, are how some sets are.
  const source = memorySource({ ...idxFiles(), ...made(12) }, "dir");
  expect((await loadIdxDataset(source, { split: "train" })).classes.length).toBe(13);
});
