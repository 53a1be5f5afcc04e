// Folders of images: their content, its order, and refusals.
import { mkdirSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { EncodedSource } from "../../src/images/encoded_source.ts";
import { openImageFolder } from "../../src/images/folder.ts";
import { temporaryFolder, writeFiles } from "./files.ts";

const root = temporaryFolder();
let count = 0;
/** Make a folder with these files; their bytes are their names. */
function folder(...names: readonly string[]): string {
  const dir = join(root, String(count++));
  mkdirSync(dir);
  return writeFiles(dir, Object.fromEntries(names.map((name) => [name, name])));
}
const listed = (s: EncodedSource) => Array.from({ length: s.length }, (_, i) => `${s.key(i)} ${s.label(i)}`);

describe("train and val", () => {
  test("sorts classes and files by their characters, and skips other files", async () => {
    const dir = folder(
      "train/b/2.JPEG",
      "train/b/10.jpg",
      "train/B/x.png",
      "train/b/deep/er/y.webp",
      "train/b/notes.txt",
      "train/.hidden/z.jpg",
      "train/b/.DS_Store",
      "val/b/v.jpg",
    );
    const { train, test: held } = await openImageFolder(dir);
    expect(train.classes).toEqual(["B", "b"]);
    expect(listed(train)).toEqual([
      "train/B/x.png 0",
      "train/b/10.jpg 1",
      "train/b/2.JPEG 1",
      "train/b/deep/er/y.webp 1",
    ]);
    expect(listed(held)).toEqual(["val/b/v.jpg 1"]);
    expect(new TextDecoder().decode(await train.read(2))).toBe("train/b/2.JPEG");
  });

  test.each(["validation", "valid", "test"])("uses a folder %s for testing too, but prefers val", async (name) => {
    const dir = folder("train/a/1.jpg", `${name}/a/2.jpg`);
    expect(listed((await openImageFolder(dir)).test)).toEqual([`${name}/a/2.jpg 0`]);
    writeFiles(dir, { "val/a/3.jpg": "" });
    expect(listed((await openImageFolder(dir)).test)).toEqual(["val/a/3.jpg 0"]);
  });
});

describe("held-out share", () => {
  const names = ["a", "b"].flatMap((c) => Array.from({ length: 20 }, (_, i) => `${c}/${i}.jpg`));

  test("is drawn from each class, by the seed, without loss or overlap", async () => {
    const dir = folder(...names);
    const { train, test: held } = await openImageFolder(dir, { heldOut: 0.25, seed: 3 });
    expect([train.length, held.length]).toEqual([30, 10]);
    expect(listed(held).filter((k) => k.endsWith(" 0"))).toHaveLength(5);
    expect([...listed(train), ...listed(held)].map((k) => k.split(" ")[0]).sort()).toEqual([...names].sort());
    expect(listed((await openImageFolder(dir, { heldOut: 0.25, seed: 3 })).test)).toEqual(listed(held));
    expect(listed((await openImageFolder(dir, { heldOut: 0.25, seed: 4 })).test)).not.toEqual(listed(held));
  });

  test("is also taken from train/ without a test part", async () => {
    const { test: held } = await openImageFolder(folder(...names.map((n) => `train/${n}`)));
    expect(held.length).toBe(4);
  });

  test("refuses a share that leaves one part empty", async () => {
    await expect(openImageFolder(folder("a/1.jpg", "b/1.jpg"))).rejects.toThrow(/share of 0.1 holds out 0 of 2 images/);
    await expect(openImageFolder(folder("a/1.jpg"), { heldOut: 1.5 })).rejects.toThrow(
      /share: expected a number in \(0, 1\)/,
    );
  });
});

describe("refusals", () => {
  test("no folder, no images, an empty class, a class only in val", async () => {
    await expect(openImageFolder(join(root, "none"))).rejects.toThrow(/none: no such folder/);
    await expect(openImageFolder(folder("readme.txt"))).rejects.toThrow(
      /no images: expected a folder of images for each/,
    );
    await expect(openImageFolder(folder("train/a/1.jpg", "train/b/x.txt"))).rejects.toThrow(
      /train\/b: a class folder without images/,
    );
    await expect(openImageFolder(folder("train/a/1.jpg", "val/c/1.jpg"))).rejects.toThrow(
      /val\/c: expected a class of the train images/,
    );
    await expect(openImageFolder(folder("train/a/1.jpg", "val/.keep"))).rejects.toThrow(/val: no images, and no class/);
  });

  test("links out of the folder, unless allowed; links within are followed", async () => {
    const outside = folder("1.jpg");
    const dir = folder("train/a/1.jpg", "val/a/2.jpg", ".pool/3.jpg");
    symlinkSync(join(dir, ".pool"), join(dir, "train/b"));
    expect((await openImageFolder(dir)).train.classes).toEqual(["a", "b"]);
    symlinkSync(join(outside, "1.jpg"), join(dir, "train/a/out.jpg"));
    await expect(openImageFolder(dir, { followLinks: false })).rejects.toThrow(
      /train\/a\/out.jpg: a link out of the folder, to .*1.jpg/,
    );
    for (const options of [{}, { followLinks: true }]) {
      const { train, about } = await openImageFolder(dir, options);
      expect(train.length).toBe(3);
      expect(about.notes).toEqual(["links out of the folder that were followed: 1"]);
    }
    symlinkSync(join(dir, "gone"), join(dir, "train/a/gone.jpg"));
    await expect(openImageFolder(dir, { followLinks: true })).rejects.toThrow(/gone.jpg: a broken link/);
  });

  test("links in a circle", async () => {
    const dir = folder("train/a/1.jpg");
    symlinkSync(join(dir, "train/a"), join(dir, "train/a/again"));
    await expect(openImageFolder(dir)).rejects.toThrow(/train\/a\/again: a link to train\/a, which contains it/);
  });

  test("a file that was removed before it is read", async () => {
    const { train } = await openImageFolder(folder("train/a/1.jpg", "train/a/2.jpg", "val/a/3.jpg"));
    expect(new TextDecoder().decode(await train.read(0))).toBe("train/a/1.jpg");
    rmSync(join(train.name, "train/a/1.jpg"));
    await expect(train.read(0)).rejects.toThrow(/train\/a\/1.jpg: no such file/);
  });
});

describe("ILSVRC's val folder without class folders", () => {
  const train = ["n01440764", "n01443537", "n02119789"].map((wnid) => `train/${wnid}/${wnid}_1.JPEG`);
  const val = [1, 2, 3].map((i) => `val/ILSVRC2012_val_0000000${i}.JPEG`);
  const labels = async (files: Record<string, string>, options = {}) => {
    const { test: held } = await openImageFolder(writeFiles(folder(...train, ...val), files), options);
    return Array.from({ length: held.length }, (_, i) => held.label(i));
  };

  test("reads the devkit's numbers with their synsets", async () => {
    const truth = { "ILSVRC2012_validation_ground_truth.txt": "3\n1\n2\n" };
    const map = { "map_clsloc.txt": "n02119789 1 kit_fox\nn01440764 2 tench\nn01443537 3 goldfish\n" };
    expect(await labels({ ...truth, ...map })).toEqual([1, 2, 0]);
    expect(await labels({ ...truth, "synsets.txt": "n02119789\nn01440764\nn01443537\n" })).toEqual([1, 2, 0]);
    await expect(labels(truth)).rejects.toThrow(
      /ground_truth.txt: holds class numbers .* map_clsloc.txt or synsets.txt/,
    );
    await expect(labels({ ...truth, "map_clsloc.txt": "n02119789 1 kit_fox" })).rejects.toThrow(
      /line 1: .* no class 3/,
    );
    await expect(labels({ "val.txt": "1\n2\n" })).rejects.toThrow(/expected 3 lines, one per image, got 2/);
  });

  test("reads names with wnids, as text or as CSV with a heading", async () => {
    const rows = [1, 2, 3].map((i, k) => `ILSVRC2012_val_0000000${i},${train[2 - k]?.split("/")[1]} 85 1 499 272`);
    expect(await labels({ "LOC_val_solution.csv": ["ImageId,PredictionString", ...rows].join("\n") })).toEqual([
      2, 1, 0,
    ]);
    const text = [3, 2, 1].map((i) => `ILSVRC2012_val_0000000${i}.JPEG ${i - 1}`).join("\r\n");
    expect(await labels({ "val.txt": text })).toEqual([0, 1, 2]);
  });

  test("names missing and unknown entries", async () => {
    await expect(labels({})).rejects.toThrow(/val: images without class folders, and no mapping file \(ILSVRC2012/);
    await expect(labels({ "val.txt": "ILSVRC2012_val_00000001 n01440764\n" })).rejects.toThrow(
      /val.txt: no line for the image ILSVRC2012_val_00000002.JPEG/,
    );
    await expect(labels({ "val.txt": "ILSVRC2012_val_00000001 n99999999\n" })).rejects.toThrow(
      /line 1: expected a class of the train images or a number below \d+, got "n99999999"/,
    );
    await expect(labels({}, { mapping: "/nowhere/map.txt" })).rejects.toThrow(/map.txt: no such file/);
  });
});
