// Archives: parts by their names, classes by theirs, members with dots, and invalid labels.
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { describe, expect, test } from "vitest";
import type { EncodedSource } from "../../src/images/encoded_source.ts";
import { imageLayout, openImageData, openImageSources } from "../../src/images/open.ts";
import { packShards } from "../../src/images/pack.ts";
import { openParquet } from "../../src/images/parquet.ts";
import { openWebdataset } from "../../src/images/webdataset.ts";
import { type Member, noisy, parquetOf, type Row, tarOf, temporaryFolder, writeFiles } from "./files.ts";

const root = temporaryFolder();
let count = 0;
const folder = (files: Record<string, Uint8Array | string>) => writeFiles(join(root, String(count++)), files);
const tar = (labels: readonly (number | string)[]) =>
  tarOf(
    labels.flatMap((label, i): Member[] => [
      [`${i}.jpg`, `image ${i}`],
      [`${i}.cls`, String(label)],
    ]),
  );
const rows = (labels: readonly number[]): Row[] => labels.map((label, i) => ({ bytes: Uint8Array.of(i), label }));
const labelsOf = (source: EncodedSource) => Array.from({ length: source.length }, (_, i) => source.label(i));
const refusal = (dir: string, options = {}): Promise<string> =>
  openImageSources(dir, options).then(
    () => "not refused",
    (error: Error) => error.message.replaceAll(root, ""),
  );

describe("parts of archives", () => {
  test.each([
    [["imagenet-train-000000.tar", "imagenet-train-000001.tar"], ["imagenet-val-000000.tar"], []],
    [["a/train/0.tar", "a/train/1.tar"], ["a/test/0.tar"], []],
    [["0.tar", "1.tar"], ["x_dev.tar"], []],
    [["train-0.tar"], ["validation-0.tar"], ["test-0.tar", "unlabeled-0.tar"]],
  ])("%s", async (train, held, unused) => {
    const files: Record<string, Uint8Array> = {};
    for (const [names, labels] of [
      [train, [0, 1, 0]],
      [held, [1, 0]],
      [unused, [0]],
    ] as const) {
      for (const name of names) files[name] = await tar(labels);
    }
    const found = await openImageSources(folder(files));
    expect([found.train.length, found.test.length]).toEqual([3 * train.length, 2 * held.length]);
    expect(found.about.notes).toEqual(
      unused.length > 0 ? [`${unused.join(", ")}: not used, testing is with ${held[0]}`] : [],
    );
  });

  test("holds out a share if no name is a part, with a note, and refuses a mix", async () => {
    const bytes = await tar([0, 1, 0, 1, 0, 1, 0, 1, 0, 1]);
    const { about } = await openImageSources(folder({ "0.tar": bytes, "1.tar": bytes }), { heldOut: 0.2 });
    expect(about).toMatchObject({
      heldOut: true,
      notes: ["the names of the archives name no part (train, val, test)"],
    });
    expect(about.from.test).toBe("held out of 2 archives, 0.tar to 1.tar, 20 % of each class");
    expect(await refusal(folder({ "train-0.tar": bytes, "new-0.tar": bytes }))).toMatch(
      /new-0.tar: expected train or val \(test, ...\) in each name, got none beside train-0.tar/,
    );
    expect(await refusal(folder({ "train-val-0.tar": bytes, "test-0.tar": bytes }))).toMatch(
      /train-val-0.tar: expected the name of one part, got both train and test/,
    );
  });

  test("counts packed archives beside others, and refuses packed ones alone", async () => {
    const bytes = await tar([0, 1]);
    const dir = folder({ "train-0.tar": bytes, "val-0.tar": bytes, "val-1.tar.gz": "x", "more.zip": "x" });
    expect((await openImageSources(dir)).about.passedOver).toEqual([
      { what: "archives of another kind", count: 2, example: "more.zip" },
    ]);
    const gzipped = folder({ "train-0.tar.gz": "x", "val-0.tgz": "x" });
    expect(await refusal(gzipped)).toMatch(/no images, but train-0.tar.gz/);
    expect(await refusal(gzipped, { layout: "webdataset" })).toMatch(
      /train-0.tar.gz: expected \*.tar, got a packed archive/,
    );
    expect(await imageLayout(folder({ "deep/data/train-0.tar": bytes }))).toBe("webdataset");
  });
});

describe("webdataset", () => {
  const open = async (members: readonly Member[], beside: Record<string, string> = {}) =>
    openWebdataset([join(folder({ "train-0.tar": await tarOf(members), ...beside }), "train-0.tar")]);
  const text = async (source: EncodedSource, i: number) => new TextDecoder().decode(await source.read(i));

  test("reads names with dots: their own label, that of their stem, or none", async () => {
    const source = await open([
      ["n01/img.v1.jpg", "one"],
      ["n01/img.v1.cls", "1"],
      ["n01/img.v2.jpg", "two"],
      ["n01/img.v2.cls", "2"],
      ["b.small.jpg", "three"],
      ["b.cls", "0"],
      ["c.jpg", "four"],
      ["c.mask.png", "a mask"],
      ["c.cls", "0"],
      ["d.txt", "words"],
    ]);
    const found = await Promise.all(Array.from({ length: source.length }, (_, i) => text(source, i)));
    expect([found, labelsOf(source)]).toEqual([
      ["one", "two", "three", "four"],
      [1, 2, 0, 0],
    ]);
    expect(source.passedOver).toEqual([
      { what: ".txt members", count: 1, example: "d.txt" },
      { what: "images with dots in their names that belong to no label", count: 1, example: "c.mask" },
    ]);
  });

  test("needs a classes.txt for class names, beside the archives or above them", async () => {
    const members: Member[] = [
      ["0.jpg", "x"],
      ["0.cls", "dog"],
      ["1.jpg", "x"],
      ["1.json", '{"label": "cat"}'],
    ];
    await expect(open(members)).rejects.toThrow(
      /class names in .cls or .json \(cat, dog\): expected a classes.txt beside the archives, one name a line/,
    );
    expect(labelsOf(await open(members, { "classes.txt": "cat\r\ndog \n\n" }))).toEqual([1, 0]);
    await expect(open(members, { "classes.txt": "cat\ndog\ncat\n" })).rejects.toThrow(
      /cat: expected each class once, got it twice/,
    );
    const dir = folder({
      "train/0.tar": await tar(["dog", "cat"]),
      "val/0.tar": await tar(["cat", "dog"]),
      "classes.txt": "cat\ndog\n",
    });
    const found = await openImageSources(dir);
    expect([labelsOf(found.train), labelsOf(found.test)]).toEqual([
      [1, 0],
      [0, 1],
    ]);
  });

  test("matches parts with their own lists by name", async () => {
    const files = {
      "train/0.tar": await tar([0, 1]),
      "train/classes.txt": "cat\ndog\n",
      "val/0.tar": await tar([0, 1]),
      "val/classes.txt": "dog\ncat\n",
    };
    expect(labelsOf((await openImageSources(folder(files))).test)).toEqual([1, 0]);
    expect(await refusal(folder({ ...files, "val/classes.txt": "dog\nbird\n" }))).toMatch(
      /bird: expected a class of the train images \(cat, dog\)/,
    );
  });

  test("refuses labels from 0 in one part and from 1 in the other, and archives without any label", async () => {
    const dir = folder({ "train-0.tar": await tar([1, 2, 3]), "val-0.tar": await tar([0, 1, 2]) });
    expect(await refusal(dir)).toMatch(/the training labels are 1..3, the test labels 0..2/);
    const up = folder({ "train-0.tar": await tar([0, 1, 2]), "val-0.tar": await tar([1, 2, 3]) });
    expect(await refusal(up)).toMatch(/label: expected one of 3 classes/);
    const images: Member[] = ["cats/1.jpg", "dogs/1.jpg"].map((name) => [name, "x"]);
    await expect(open(images)).rejects.toThrow(
      /expected labels .*, got 2 images without any: unpack it into a folder for each class/,
    );
  });
});

describe("invalid labels", () => {
  test("are reported with the expected ones; integers with a point are numbers", async () => {
    const one = async (labels: readonly (number | string)[], names: Record<string, string> = {}) =>
      refusal(folder({ "train-0.tar": await tar(labels), ...names }));
    expect(await one([0, -1])).toMatch(/1: label: expected an integer from 0 to 65535, got -1/);
    expect(await one([0, "0.5"])).toMatch(/1: label: expected an integer from 0 to 65535, got 0.5/);
    const names = { "classes.txt": "cat\nbird\n" };
    expect(await one(["cat", "dog"], names)).toMatch(/label: expected one of 2 classes \(cat, bird\), got "dog"/);
    expect(await one([0, 2], names)).toMatch(/label: expected one of 2 classes \(cat, bird, counted from 0\), got 2/);
    const pointed = folder({ "train-0.tar": await tar(["0.0", "1."]), "val-0.tar": await tar([1, 0]) });
    expect(labelsOf((await openImageSources(pointed)).train)).toEqual([0, 1]);
  });

  test("uses numbers beside names in order, with a note", async () => {
    const note = /names no classes: labels are numbered in the order of the train images' classes, 0 for cat/;
    const numbers = parquetOf(rows([1, 0]), null);
    for (const train of [parquetOf(rows([0, 1]), ["cat", "dog"]), wordsParquet(["dog", "cat"])]) {
      const found = await openImageSources(folder({ "train-0.parquet": train, "test-0.parquet": numbers }));
      expect([labelsOf(found.test), found.about.notes]).toEqual([[1, 0], [expect.stringMatching(note)]]);
      await Promise.all([found.train.close(), found.test.close()]);
    }
    const tars = { "train/0.tar": await tar([0, 1]), "val/0.tar": await tar([1, 0]) };
    const found = await openImageSources(folder({ ...tars, "train/classes.txt": "cat\ndog\n" }));
    expect(found.about.notes).toEqual([expect.stringMatching(note)]);
    expect((await openImageSources(folder({ ...tars, "classes.txt": "cat\ndog\n" }))).about.notes).toEqual([]);
  });

  test("counts members of systems, and files beside the archives", async () => {
    const members: Member[] = [
      ["._0.jpg", "x"],
      ["0.jpg", "x"],
      ["0.cls", "0"],
      [".DS_Store", "x"],
      ["./1.jpg", "x"],
      ["./1.cls", "1"],
    ];
    const archive = await tarOf(members);
    const { about } = await openImageSources(
      folder({ "train.tar": archive, "val.tar": archive, "x.jpg": "x", "README.md": "x", "classes.txt": "a\nb\n" }),
    );
    expect(about.passedOver).toEqual([
      { what: "hidden and system files", count: 4, example: "._0.jpg" },
      { what: ".md files", count: 1, example: "README.md" },
      { what: "images beside the archives", count: 1, example: "x.jpg" },
    ]);
  });

  test("names the members beside the images of archives without labels", async () => {
    const captions: Member[] = ["0", "1"].flatMap((key): Member[] => [
      [`${key}.jpg`, "x"],
      [`${key}.txt`, "a cat"],
    ]);
    const dir = folder({ "train-0.tar": await tarOf(captions) });
    expect(await refusal(dir)).toMatch(/expected labels .*, got 2 images without any; found 2 .txt members: unpack/);
  });
});

test("refuses several data sets, with their folders", async () => {
  const files = Object.fromEntries(
    ["plain/train/0", "plain/test/0", "other/train/0"].map((name) => [`${name}.parquet`, wordsParquet(["a", "b"])]),
  );
  expect(await refusal(folder(files))).toMatch(
    /expected one data set, got several with parts in other, plain; choose one of these folders/,
  );
  const { train } = await openImageSources(join(folder(files), "plain"));
  expect(train.length).toBe(2);
  await train.close();
});

test("refuses a packed test part, unless the layout is given", async () => {
  const photos = Object.fromEntries(
    ["a", "b"].flatMap((name) => Array.from({ length: 8 }, (_, i) => [`train/${name}/${i}.jpg`, "x"])),
  );
  for (const name of ["val.zip", "my-test.tar.gz", "validation.tar"]) {
    const dir = folder({ ...photos, [name]: "x" });
    expect(await refusal(dir)).toContain(`${name}: a test part by its name, in an unsupported archive`);
    expect((await openImageSources(dir, { layout: "folder" })).train.length).toBe(14);
  }
  const words = wordsParquet([..."abababababababababababab"]);
  const mixed = folder({ "train-0.parquet": words, "val-0.tar": await tar([0, 1]) });
  expect(await refusal(mixed)).toContain("val-0.tar: a test part by its name");
  const { train } = await openImageSources(folder({ ...photos, "old.zip": "x" }));
  expect(train.length).toBe(14);
});

/** Make a parquet file whose labels are words. */
function wordsParquet(labels: readonly string[]): Uint8Array {
  return new Uint8Array(
    parquetWriteBuffer({
      columnData: [
        { name: "image", data: labels.map((_, i) => Uint8Array.of(i)), type: "BYTE_ARRAY" },
        { name: "label", data: [...labels], type: "STRING" },
      ],
    }),
  );
}

describe("parquet", () => {
  test("matches files with another class order by name", async () => {
    const dir = folder({
      "data/train-00000-of-00002.parquet": parquetOf(rows([0, 1]), ["cat", "dog"]),
      "data/train-00001-of-00002.parquet": parquetOf(rows([0, 1]), ["dog", "cat"]),
      "data/test-00000-of-00001.parquet": parquetOf(rows([0, 1]), ["dog", "cat"]),
    });
    const { train, test: held, about } = await openImageSources(dir);
    expect([labelsOf(train), labelsOf(held), train.classes]).toEqual([
      [0, 1, 1, 0],
      [1, 0],
      ["cat", "dog"],
    ]);
    expect(about.from.train).toBe("2 archives in data/, train-00000-of-00002.parquet to train-00001-of-00002.parquet");
    const other = folder({
      "train-0.parquet": parquetOf(rows([0, 1]), ["cat", "dog"]),
      "test-0.parquet": parquetOf(rows([0]), ["bird"]),
    });
    expect(await refusal(other)).toMatch(/bird: expected a class of the train images \(cat, dog\)/);
  });

  test("uses words as classes, in the order of their characters", async () => {
    const dir = folder({
      "train.parquet": wordsParquet(["dog", "ant", "dog"]),
      "valid.parquet": wordsParquet(["dog"]),
    });
    const { train, test: held } = await openImageSources(dir);
    expect([train.classes, labelsOf(train), labelsOf(held)]).toEqual([["ant", "dog"], [1, 0, 1], [1]]);
    const other = folder({ "train.parquet": wordsParquet(["a", "b"]), "val.parquet": wordsParquet(["c"]) });
    expect(await refusal(other)).toMatch(/c: expected a class of the train images \(a, b\)/);
    const path = (bytes: Uint8Array) => join(folder({ "x.parquet": bytes }), "x.parquet");
    await expect(openParquet([path(wordsParquet(["a"])), path(parquetOf(rows([1]), null))])).rejects.toThrow(
      /expected names as labels, as in the files before, got numbers/,
    );
  });

  test("notes labels without names that start at 1, and one far from the others", async () => {
    const numbers = Array.from({ length: 20 }, (_, i) => 1 + (i % 3));
    const dir = folder({ "all.parquet": parquetOf(rows(numbers), null) });
    expect((await openImageSources(dir)).about.notes).toContain(
      "the labels start at 1: class 0 has no sample, so the first output is not trained",
    );
    const far = folder({ "all.parquet": parquetOf(rows([...numbers, 0, 255]), null) });
    expect(await refusal(far)).toMatch(
      /the labels are 0..3, 255: a network of 256 classes, of which 251 have no sample/,
    );
  });
});

test("matches shards of parts with other class orders by name", async () => {
  const picture = new Uint8Array(await noisy(1));
  const source = (classes: string[]): EncodedSource => ({
    ...{ name: "held", length: 4, classes },
    key: (i) => String(i),
    label: (i) => i % 2,
    read: async () => picture,
    close: async () => {},
  });
  const dir = join(root, "shards");
  await packShards(source(["a", "b"]), join(dir, "train"), { resize: 24, view: 20 });
  await packShards(source(["b", "a"]), join(dir, "test"), { resize: 24, view: 20 });
  const { train, test: held, layout } = await openImageData(dir);
  expect([layout, held.classes, [0, 1, 2, 3].map((i) => held.samples.label(i))]).toEqual([
    "shards",
    ["a", "b"],
    [1, 0, 1, 0],
  ]);
  expect((await train.samples.pixels(0)).length).toBe(3 * 20 * 20);
  await Promise.all([train.close(), held.close()]);
});
