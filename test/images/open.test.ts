// A folder's layout is detected from its content; every layout gives the same images.
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { imageLayout, openImageData, openImageSources } from "../../src/images/open.ts";
import { packShards } from "../../src/images/pack.ts";
import { jpegFolder } from "../support/jpeg_folder.ts";
import { collect, epoch, type Member, noisy, parquetOf, tarOf, temporaryFolder, writeFiles } from "./files.ts";

const root = temporaryFolder();
const at = (name: string) => join(root, name);
const images = await Promise.all(Array.from({ length: 6 }, (_, i) => noisy(i)));
const rows = images.map((bytes, i) => ({ bytes: new Uint8Array(bytes), label: i % 2 }));
const members = (first: number): Member[] =>
  [0, 1].flatMap((i) => [[`${i}.jpg`, images[first + i]!] as const, [`${i}.cls`, String(i)] as const]);
const small = { size: 24, resize: 28 };

beforeAll(async () => {
  await jpegFolder(at("folder"), { perClass: 3, valPerClass: 1, sides: [30, 40] });
  writeFiles(at("tar"), {
    "train-00.tar": await tarOf(members(0)),
    "train-01.tar": await tarOf(members(2)),
    "validation-00.tar": await tarOf(members(4)),
  });
  writeFiles(at("hub/data"), {
    "train-00000-of-00001.parquet": parquetOf(rows.slice(0, 4), ["x", "y"]),
    "test-00000-of-00001.parquet": parquetOf(rows.slice(4), ["x", "y"]),
  });
  const { train, test: held } = await openImageSources(at("folder"));
  await packShards(train, at("shards/train"), { resize: 28, view: 24 });
  await packShards(held, at("shards/test"), { resize: 28, view: 24 });
});

test.each([
  ["folder", "folder", 30, 10, 10],
  ["tar", "webdataset", 4, 2, 2],
  ["hub", "parquet", 4, 2, 2],
  ["shards", "shards", 30, 10, 10],
])("%s is read as %s", async (name, layout, trained, tested, classes) => {
  const data = await openImageData(at(name), small);
  expect([data.layout, data.train.length, data.test.length, data.train.classes.length]).toEqual([
    layout,
    trained,
    tested,
    classes,
  ]);
  expect(data.train.shape).toEqual([3, 24, 24]);
  const seen = (await collect(data.test, epoch({ training: false }))).reduce((n, { size }) => n + size, 0);
  expect(seen).toBe(tested);
  await Promise.all([data.train.close(), data.test.close()]);
});

describe("limit", () => {
  test.each(["folder", "tar", "hub"])("of %s takes the first images of each class, and tests on all", async (name) => {
    const whole = await openImageSources(at(name));
    const data = await openImageData(at(name), { ...small, limit: 1 });
    expect(data.train.length).toBe(whole.train.classes.length);
    expect(data.test.length).toBe(whole.test.length);
    const labels = Array.from({ length: data.train.length }, (_, i) => data.train.samples.label(i));
    expect(labels.sort((a, b) => a - b)).toEqual(whole.train.classes.map((_, i) => i));
    const seen = (await collect(data.train, epoch({ training: false }))).reduce((n, { size }) => n + size, 0);
    expect(seen).toBe(data.train.length);
    await Promise.all([data, whole].flatMap(({ train, test: held }) => [train.close(), held.close()]));
  });

  test("is refused beyond the images of a class, below 1, and for shards", async () => {
    await expect(openImageData(at("folder"), { limit: 4 })).rejects.toThrow(
      /expected 4 images of each class, got 3 of class/,
    );
    await expect(openImageData(at("folder"), { limit: 0 })).rejects.toThrow(/images of each class/);
    await expect(openImageData(at("shards"), { limit: 1 })).rejects.toThrow(/limit: expected nothing/);
  });
});

describe("splits", () => {
  test("holds out a share of archives without a test part; closing one part leaves the other open", async () => {
    const dir = writeFiles(at("one"), { "all.parquet": parquetOf([...rows, ...rows, ...rows], null) });
    const { train, test: held } = await openImageSources(dir, { heldOut: 0.4 });
    expect([train.length, held.length]).toEqual([10, 8]);
    await train.close();
    expect(await held.read(0)).toBeInstanceOf(Uint8Array);
    await held.close();
    expect(train.groups?.starts[0]).toBe(0);
  });

  test("refuses no train part, a missing folder, shards as a source", async () => {
    const dir = writeFiles(at("testonly"), { "test-0.tar": await tarOf(members(0)) });
    await expect(openImageSources(dir)).rejects.toThrow(/\*.tar: no training files: expected names train\*/);
    await expect(imageLayout(at("none"))).rejects.toThrow(/none: no such folder/);
    await expect(openImageSources(at("shards"))).rejects.toThrow(/expected encoded images, got shards/);
  });
});

test("generates the same JPEGs each time", async () => {
  const options = { perClass: 2, sides: [20, 24], classes: ["rings", "wedge"] } as const;
  const [a, b] = [await jpegFolder(at("a"), options), await jpegFolder(at("b"), options)];
  expect(readdirSync(join(a, "train"))).toEqual(["rings", "wedge"]);
  const read = async (dir: string) => (await openImageSources(dir, { heldOut: 0.5 })).test.read(0);
  expect(await read(a)).toEqual(await read(b));
});
