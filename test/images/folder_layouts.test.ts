// Folders found in practice: parts with every name, wrappers, stray files. Each is read as intended, or refused with a
// line on what was found.
import { chownSync, mkdirSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { imageLayout, openImageSources } from "../../src/images/open.ts";
import { tarOf, temporaryFolder, writeFiles } from "./files.ts";

const root = temporaryFolder();
let count = 0;
function folder(...names: readonly string[]): string {
  const dir = join(root, String(count++));
  mkdirSync(dir);
  return writeFiles(dir, Object.fromEntries(names.map((name) => [name, name])));
}
/** Return the paths of images 0..n-1 in each of the class folders below a part. */
const images = (part: string, classes: readonly string[], n = 2): string[] =>
  classes.flatMap((name) => Array.from({ length: n }, (_, i) => join(part, name, `${i}.jpg`)));
const pets = ["cats", "dogs"];

async function read(dir: string, options = {}) {
  const { train, test: held, about } = await openImageSources(dir, options);
  return { train: train.length, test: held.length, classes: train.classes, about };
}
const refusal = (dir: string, options = {}): Promise<string> =>
  openImageSources(dir, options).then(
    () => "not refused",
    (error: Error) => error.message.replaceAll(root, ""),
  );

describe("parts with other names", () => {
  test.each([
    ["training_set", "test_set"],
    ["Train", "Val"],
    ["train", "testing"],
    ["TRAIN", "VALID"],
    ["seg_train", "seg_test"],
    ["trn", "dev"],
    ["train2017", "val2017"],
    ["Training Data", "Validation Data"],
    ["traindir", "valdir"],
  ])("%s and %s", async (train, held) => {
    const found = await read(folder(...images(train, pets, 4), ...images(held, pets)));
    expect(found).toMatchObject({ train: 8, test: 4, classes: pets });
    expect(found.about.from).toEqual({ train: `${train}/`, test: `${held}/` });
  });

  test("prefers val to test, notes the unused one, and joins several folders of one part", async () => {
    const dir = folder(
      ...images("train.X1", ["ant", "bee"]),
      ...images("train.X2", ["cow"]),
      ...images("val.X", ["ant", "bee", "cow"], 1),
      ...images("test", ["ant"]),
    );
    const found = await read(dir);
    expect(found).toMatchObject({ train: 6, test: 3, classes: ["ant", "bee", "cow"] });
    expect(found.about.notes).toEqual(["test: not used, testing is with val.X"]);
  });

  test("reads a part within itself, such as train/train, and val/images with its list", async () => {
    const dir = folder(...images("train/train", pets, 4), ...images("test/Test", pets));
    expect(await read(dir)).toMatchObject({ train: 8, test: 4, classes: pets });
    const tiny = folder(...images("train", ["n01", "n02"]), "val/images/v0.jpg", "val/images/v1.jpg");
    writeFiles(tiny, { "val/val_annotations.txt": "v0.jpg\tn02\t0\nv1.jpg\tn01\t0\n" });
    const { test: held } = await openImageSources(tiny);
    expect([held.label(0), held.label(1)]).toEqual([1, 0]);
  });

  test("treats names of parts among classes as classes", async () => {
    const dir = folder(...images("", ["bus", "car", "train"], 10));
    expect(await read(dir)).toMatchObject({ train: 27, test: 3, classes: ["bus", "car", "train"] });
    expect((await read(folder(...images("", ["invalid", "valid"], 10)))).classes).toEqual(["invalid", "valid"]);
  });

  test("refuses parts beside classes, no train part, and parts in the names or folders of classes", async () => {
    expect(await refusal(folder(...images("train", pets), ...images("", ["birds"])))).toMatch(
      /birds: expected only parts .* or only class folders, got images beside the train part/,
    );
    expect(await refusal(folder(...images("val", pets)))).toMatch(/val: expected a folder train beside the test part/);
    expect(await refusal(folder(...images("", ["cat_train", "cat_test", "dog_train", "dog_test"])))).toMatch(
      /expected train\/<class> and val\/<class>, got names of part and class in one/,
    );
    const inside = folder(...images("cats", ["train", "test"]), ...images("dogs", ["train", "test"]));
    expect(await refusal(inside)).toMatch(
      /expected train\/cats and test\/cats, got parts within a class: cats\/train and cats\/test/,
    );
  });
});

describe("parts with unknown names", () => {
  test.each([
    ["seen", "unseen"],
    ["tr", "te"],
    ["entrenamiento", "prueba"],
  ])("refuses %s and %s with the same folders in both, or reads them as classes on request", async (one, other) => {
    const dir = folder(...images(one, pets, 8), ...images(other, [...pets, "more"], 8));
    const [first, second] = [one, other].sort();
    expect(await refusal(dir)).toContain(
      `: ${first}, ${second}: each holds the folders cats, dogs: expected parts named train and val (test, ...)`,
    );
    expect((await read(dir, { layout: "folder" })).classes).toEqual([first, second]);
  });

  test("accepts classes with subfolders, with one common name, or with images beside them", async () => {
    const own = folder(...images("cats", ["siam", "all"], 8), ...images("dogs", ["pug", "all"], 8));
    expect((await read(own)).classes).toEqual(pets);
    const beside = folder(...images("cats", ["in", "out"], 8), ...images("dogs", ["in", "out"], 8), "dogs/1.jpg");
    expect((await read(beside)).classes).toEqual(pets);
  });

  test("refuses names of class and part in one", async () => {
    const names = ["catstest", "catstrain", "dogstest", "dogstrain"];
    expect(await refusal(folder(...images("", names, 8)))).toMatch(/got names of part and class in one: .*dogstrain/);
  });

  test("reads a folder within itself by its own name", async () => {
    const dir = folder(...images("seg_train/seg_train", pets, 4), ...images("seg_test/seg_test", pets));
    expect(await read(dir)).toMatchObject({ train: 8, test: 4, classes: pets });
  });
});

describe("wrappers and other levels", () => {
  test.each([
    ["a folder of parts", ["w/train", "w/val"]],
    ["a folder of classes", ["w"]],
    ["two of them", ["v/w/train", "v/w/test"]],
  ])("reports %s", async (_, parts) => {
    const dir = folder(...parts.flatMap((part) => images(part, pets)), "README.md", ".DS_Store", "__MACOSX/x.jpg");
    const inner = parts[0]?.startsWith("v") ? "v/w" : "w";
    expect(await refusal(dir)).toContain(
      `expected at least two classes, got one: did you mean ${dir.replace(root, "")}/${inner}?`,
    );
  });

  test("recognises a wrapper beside annotations, a folder one level too low, and a single part", async () => {
    const dir = folder(...images("mydata/train", pets), "annotations/a.xml");
    expect(await refusal(dir)).toContain(`did you mean ${dir.replace(root, "")}/mydata?`);
    const parts = folder(...images("train", pets, 10), ...images("val", pets));
    expect(await refusal(join(parts, "train/cats"))).toMatch(
      /10 images without class folders.* did you mean .*train\?/,
    );
    expect((await read(join(parts, "train"))).about.notes).toEqual([
      expect.stringMatching(/^val is beside \S+: use the folder above to test with it$/),
    ]);
  });

  test("refuses a single class in every layout", async () => {
    expect(await refusal(folder(...images("", ["cats"], 20)))).toMatch(
      /expected at least two classes, got one: all 20 images are of class cats/,
    );
    expect(await refusal(folder(...images("train", ["cats"]), ...images("val", ["cats"])))).toMatch(
      /expected at least two classes, got one/,
    );
    expect(await refusal(folder(...images("train/flowers", pets), ...images("val/flowers", pets)))).toMatch(
      /expected at least two classes, got one: did you mean .*train\/flowers\?/,
    );
    const members = Array.from({ length: 20 }, (_, i) => [[`${i}.jpg`, "x"] as const, [`${i}.cls`, "3"] as const]);
    const dir = writeFiles(folder(), { "train-0.tar": await tarOf(members.flat()) });
    expect(await refusal(dir)).toMatch(/expected at least two classes: all \d+ samples are of class 3/);
  });

  test("refuses a part that is also the other one, shards from within, and a file instead of a folder", async () => {
    const same = folder(...images("train", pets));
    symlinkSync("train", join(same, "val"));
    expect(await refusal(same)).toMatch(/val: the same folder as the train part/);
    const shards = folder("train/index.json", "train/shard-00000.bin");
    expect(await refusal(join(shards, "train"))).toMatch(
      /expected a folder of parts, got the shards of one part; did you mean \/\d+\?/,
    );
    expect(await refusal(join(folder("a.zip"), "a.zip"))).toMatch(/expected a folder, got a file/);
  });

  test("names the files beside images without classes", async () => {
    expect(await refusal(folder("1.jpg", "2.jpg", "labels.csv"))).toMatch(
      /got 2 images without class folders \(labels in labels.csv are not supported\)/,
    );
    expect(await refusal(folder("images/1.jpg", "labels/1.txt"))).toMatch(/images/);
    expect(await refusal(folder("images/1.jpg", "masks/1.png"))).toMatch(
      /expected a folder of images for each class, got images, masks/,
    );
    expect(await refusal(folder("train/1.jpg", "test/2.jpg"))).toMatch(
      /train: expected a folder of images for each class, got 1 images without class folders/,
    );
    expect(await refusal(folder("data.zip", "more.tar.gz"))).toMatch(/no images, but data.zip, more.tar.gz: unpack/);
    expect(await refusal(folder("notes.txt"))).toMatch(/no images: .*; found notes.txt/);
  });
});

describe("matching the classes of both parts by name", () => {
  test("notes a subset, and refuses another name with a suggestion", async () => {
    const dir = folder(...images("train", ["ant", "bee", "cow"]), ...images("val", ["cow"]));
    const { test: held, about } = await openImageSources(dir);
    expect(held.label(0)).toBe(2);
    expect(about.notes).toEqual(["classes without test samples: ant, bee"]);
    expect(await refusal(folder(...images("train", pets), ...images("val", ["Cats"])))).toMatch(
      /val\/Cats: expected a class of the train images \(cats, dogs\) \(did you mean cats\?\)/,
    );
  });

  test("accepts accents in either form of Unicode, and refuses the same name in both", async () => {
    const [one, two] = ["café".normalize("NFC"), "café".normalize("NFD")];
    const { test: held } = await openImageSources(folder(...images("train", ["bar", one]), ...images("val", [two])));
    expect(held.label(0)).toBe(1);
    expect(await refusal(folder(...images("train", [one, two])))).toMatch(
      /two class folders of this name, in two forms/,
    );
  });

  test("notes capitals and numbers", async () => {
    const notes = async (classes: string[]) => (await read(folder(...images("", classes, 10)))).about.notes;
    expect(await notes(["Cat", "cat"])).toEqual([
      "the classes Cat and cat differ only in case or punctuation; they count as two",
    ]);
    expect(await notes(["1", "2", "10"])).toEqual(["class names are numbers, sorted as text: 1, 10, 2"]);
    expect(await notes(["0", "1", "2"])).toEqual([]);
  });

  test("notes a test part larger than the train part", async () => {
    const { about } = await read(folder(...images("train", pets, 1), ...images("val", pets, 5)));
    expect(about.notes).toEqual(["more test samples (10) than training samples (2)"]);
  });
});

describe("skipped files are counted", () => {
  test("other endings, system files, loose images; .jfif and .jpe are JPEG", async () => {
    const dir = folder(
      ...images("train", pets),
      ...images("val", pets),
      ...["train/cats/odd.jfif", "train/cats/odd.JPE", "train/cats/a.bmp", "train/dogs/b.BMP", "train/dogs/c.heic"],
      ...["train/cats/Thumbs.db", "train/.DS_Store", "train/cats/deep/er/3.png", "train/loose.jpg", "README.md"],
    );
    const { about, ...found } = await read(dir);
    expect(found).toMatchObject({ train: 7, test: 4 });
    expect(about.passedOver).toEqual([
      { what: ".bmp images, an unsupported format", count: 2, example: "train/cats/a.bmp" },
      { what: "hidden and system files", count: 2, example: expect.any(String) },
      { what: ".heic images, an unsupported format", count: 1, example: "train/dogs/c.heic" },
      { what: ".md files", count: 1, example: "README.md" },
      { what: "images in no class folder", count: 1, example: "train/loose.jpg" },
    ]);
  });

  test("names the content of an empty class, and counts empty files", async () => {
    expect(await refusal(folder(...images("train", ["cats"]), "train/dogs/1.bmp"))).toMatch(
      /train\/dogs: a class folder without images .*; it holds .bmp images, an unsupported format, as train\/dogs\/1/,
    );
    const dir = writeFiles(folder(...images("train", pets), ...images("val", pets)), { "train/cats/0.jpg": "" });
    expect((await read(dir)).about.notes).toEqual(["1 image files are empty, as train/cats/0.jpg"]);
  });

  test("skips archives beside folders", async () => {
    const dir = folder(...images("train", pets), ...images("val", pets));
    writeFiles(dir, { "train.tar": await tarOf([["a.jpg", "x"]]), "all.zip": "x" });
    expect(await imageLayout(dir)).toBe("folder");
    const { about } = await read(dir);
    expect(about.notes).toEqual(["train.tar beside the folders: skipped (--layout webdataset reads them)"]);
    expect(about.passedOver).toEqual([{ what: "archives beside the images", count: 2, example: "all.zip" }]);
    expect(await refusal(dir, { layout: "webdataset" })).toMatch(/train.tar: a: a sample without a label/);
    expect(await refusal(dir, { layout: "parquet" })).toMatch(
      /all.zip: expected \*.parquet, got a packed archive: unpack it first/,
    );
    expect(await refusal(dir, { layout: "ilsvrc" })).toMatch(/images without class folders, and no mapping file/);
  });
});

describe("links", () => {
  test("to images and folders elsewhere are read; broken ones and circles are named", async () => {
    const pool = folder("0.jpg", "1.jpg", ...images("more", ["x"]));
    const dir = folder("cats/0.jpg", ...images("", ["dogs"], 9));
    for (let i = 1; i < 9; i++) symlinkSync(join(pool, "1.jpg"), join(dir, `cats/${i}.jpg`));
    symlinkSync(join(pool, "more/x"), join(dir, "cats/folder"));
    expect(await read(dir)).toMatchObject({ train: 18, test: 2, classes: pets });
    expect(await refusal(dir, { followLinks: false })).toMatch(/cats\/1.jpg: a link out of the folder, to/);
    // What harms nothing is counted.
    symlinkSync(join(pool, "gone.txt"), join(dir, "cats/gone.txt"));
    expect((await read(dir)).about.passedOver).toMatchObject([{ what: "broken links", count: 1 }]);
    symlinkSync("round.jpg", join(dir, "cats/round.jpg"));
    expect(await refusal(dir)).toMatch(/cats\/round.jpg: the links form a circle/);
    const circle = folder(...images("", pets));
    symlinkSync("..", join(circle, "cats/up"));
    expect(await refusal(circle)).toMatch(/cats\/up: a link to .*, which contains it/);
  });

  test("refuses one folder as two classes or as both parts; notes images in both parts; skips devices", async () => {
    const twice = folder(...images("", pets, 10));
    symlinkSync("cats", join(twice, "felines"));
    expect(await refusal(twice)).toMatch(/felines: the same folder as cats, by a link/);
    const both = folder(...images("train", pets), ...images("val", ["dogs"]));
    symlinkSync("../train/cats", join(both, "val/cats"));
    expect(await refusal(both)).toMatch(/val\/cats: the same folder as train\/cats, by a link/);
    const shared = folder(...images("train", pets), ...images("val", pets));
    symlinkSync("../../train/cats/0.jpg", join(shared, "val/cats/7.jpg"));
    symlinkSync("/dev/null", join(shared, "val/cats/8.jpg"));
    const { about } = await read(shared);
    expect(about.notes).toContain("1 test images are the files of train images, by links, as val/cats/7.jpg");
    const device = { what: "sockets, pipes and devices", count: 1, example: "val/cats/8.jpg" };
    expect(about.passedOver).toEqual([device]);
  });

  test("refuses files of another user unless requested", async () => {
    const dir = folder(...images("", pets, 10));
    // Root can change the owner of a file; other users read a file of root.
    const away = process.getuid?.() === 0 ? join(folder("1.jpg"), "1.jpg") : "/etc/hostname";
    if (process.getuid?.() === 0) chownSync(away, 12345, 12345);
    symlinkSync(away, join(dir, "cats/away.jpg"));
    expect(await refusal(dir)).toMatch(
      /cats\/away.jpg: .*belongs to another user; --follow-links \(followLinks\) permits/,
    );
    expect(await read(dir, { followLinks: true })).toMatchObject({ train: 19, test: 2 });
  });
});
