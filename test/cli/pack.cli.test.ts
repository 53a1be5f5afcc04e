// `espalier pack`: shards that training reads, made in one go or in two, and what it refuses.
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { openImageData } from "../../src/images/index.ts";
import { FolderLock } from "../../src/node_internal.ts";
import { collect, epoch, temporaryFolder, writeFiles } from "../images/files.ts";
import { espalier } from "../support/cli.ts";
import { espalierHere } from "../support/cli_here.ts";
import { jpegFolder } from "../support/jpeg_folder.ts";

const root = temporaryFolder();
const at = (...names: string[]) => join(root, ...names);
const small = ["--resize", "28", "--view", "24", "--shard-mb", "0.02"];

beforeAll(async () => {
  await jpegFolder(at("images"), { perClass: 4, valPerClass: 1, sides: [30, 60] });
});

/** All files below a folder, by path. */
function contents(dir: string): Map<string, Buffer> {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return new Map(paths.map((path) => [path.slice(dir.length + 1), readFileSync(path)]));
}

test("packs a folder, prints a summary, and does nothing the second time", async () => {
  const run = ["pack", at("images"), "--out", at("shards"), ...small];
  const first = await espalierHere(run);
  expect([first.code, first.out]).toEqual([0, expect.stringContaining("40 images to train with, 10 to test with")]);
  expect(first.out).toMatch(/50 images of 28x28 in 7 shards, 0\.\d MiB; 50 decoded, \d+ images\/s/);
  expect(first.out).toContain(`npm run -s espalier -- train --data images --data-dir ${at("shards")}`);
  expect(first.err).toContain("pack 50/50 (100 %)");

  const data = await openImageData(at("shards"));
  expect([data.layout, data.train.length, data.test.length, ...data.train.shape]).toEqual([
    "shards",
    40,
    10,
    3,
    24,
    24,
  ]);
  expect(data.train.classes).toHaveLength(10);
  const seen = await collect(data.test, epoch({ training: false }));
  expect(seen.flatMap(({ y }) => [...y])).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  await Promise.all([data.train.close(), data.test.close()]);

  const before = contents(at("shards"));
  const again = await espalierHere([...run, "--json"]);
  const lines = again.out.trim().split("\n");
  expect(lines).toHaveLength(1);
  const result = JSON.parse(lines[0]!) as Record<string, unknown>;
  expect(result).toMatchObject({ kind: "result", train: 40, test: 10, classes: 10, stored: [28, 28], view: [24, 24] });
  expect(result).toMatchObject({ shards: 7, decoded: 0, imagesPerSecond: null, skipped: [] });
  expect(result["bytes"]).toBe(
    [...before].reduce((sum, [name, bytes]) => sum + (name.endsWith(".bin") ? bytes.length : 0), 0),
  );
  expect(contents(at("shards"))).toEqual(before);
});

test("an interrupt stops it, and the same command continues to the same bytes", async () => {
  await jpegFolder(at("more"), { perClass: 6, sides: [120, 160] });
  const run = (out: string) => [
    "pack",
    at("more"),
    "--out",
    out,
    "--resize",
    "96",
    "--shard-mb",
    "0.3",
    "--workers",
    "1",
  ];
  const kill = (out: string) => (out.includes("to train with") ? ("SIGINT" as const) : null);
  const stopped = await espalier(run(at("broken")), { kill });
  expect(stopped.err).toMatch(/stopped at image \d+ of 60; the same command continues after the last complete shard/);
  expect(stopped.code).toBe(130);
  expect(existsSync(at("broken", "test"))).toBe(false);
  expect((await espalierHere(run(at("broken")))).code).toBe(0);
  expect((await espalierHere(run(at("whole")))).code).toBe(0);
  expect(contents(at("broken"))).toEqual(contents(at("whole")));
});

test("refuses a folder in use; a failed start leaves no folder", async () => {
  const run = ["pack", at("more"), "--out", at("shared", "shards"), "--resize", "96"];
  mkdirSync(at("shared", "shards"), { recursive: true });
  {
    using _other = await FolderLock.take(at("shared", "shards"), { command: "espalier pack others" });
    const refused = await espalierHere(run);
    expect(refused.err).toMatch(/shards: is in use by process \d+ on .*: espalier pack others\. Wait until it ends/);
    expect(refused.code).toBe(1);
  }
  expect((await espalierHere(run)).code).toBe(0);
  expect(readdirSync(at("shared", "shards")).sort()).toEqual(["test", "train"]);
  mkdirSync(at("nothing"));
  expect((await espalierHere(["pack", at("nothing"), "--out", at("empty", "shards")])).code).not.toBe(0);
  expect(existsSync(at("empty"))).toBe(false);
});

test("skips corrupt images if allowed, each by name; a share is held out by its seed", async () => {
  await jpegFolder(at("bad"), { perClass: 5, sides: [30, 40], classes: ["blob", "rings"] });
  writeFileSync(at("bad", "train", "blob", "0003.jpg"), "no image");
  const run = (out: string, ...more: string[]) => {
    return espalierHere(["pack", at("bad"), "--out", at(out), ...small, "--held-out", "0.4", ...more]);
  };
  const { code, out, err } = await run("bad_out", "--skip-bad", "1", "--json");
  expect([code, err]).toEqual([0, ""]);
  const result = JSON.parse(out) as { train: number; test: number; skipped: string[] };
  expect([result.train + result.test, result.skipped]).toEqual([9, ["train/blob/0003.jpg"]]);
  const spoken = await run("bad_again", "--skip-bad", "1");
  expect(spoken.err).toMatch(/skipped, 1 of (train|test): .*train\/blob\/0003\.jpg: not an image/);
  expect(spoken.out).toContain("1 corrupt ones skipped");
  const other = await run("bad_out", "--skip-bad", "1", "--seed", "3");
  expect([other.code, other.err]).toEqual([1, expect.stringMatching(/a pack of other images or options/)]);
});

describe("refuses", () => {
  const images = at("images");
  test.each<[string, string[], RegExp]>([
    ["a folder among the images", ["--out", join(images, "shards")], /--out .*: expected a folder outside the images/],
    ["the images' own folder", ["--out", images], /expected a folder outside the images/],
    ["a folder of other things", ["--out", at("taken")], /--out .*taken: holds notes\.txt, which is not a shard/],
    ["other things in its parts", ["--out", at("mixed")], /holds train\/cat\.jpg, which is not a shard/],
    ["a file", ["--out", at("taken", "notes.txt")], /notes\.txt: expected a folder, got a file/],
    ["to guess a size", ["--out", at("never"), "--no-resize"], /--no-resize: expected --size/],
    ["a view larger than the images", ["--out", at("never"), "--view", "300"], /view: expected .* 1\.\.256, got 300/],
    ["a number that is none", ["--out", at("never"), "--size", "big"], /--size: expected a number, got big/],
    ["a share of everything", ["--out", at("never"), "--held-out", "1"], /./],
  ])("%s", async (name, flags, words) => {
    mkdirSync(at("mixed", "train"), { recursive: true });
    writeFiles(root, { "taken/notes.txt": "mine", "mixed/train/cat.jpg": "mine too" });
    const dir = name === "a share of everything" ? at("images", "train") : images;
    const result = await espalierHere(["pack", dir, ...flags]);
    expect(result.code).not.toBe(0);
    expect(result.err.trim().split("\n")).toHaveLength(1);
    expect(result.err).toMatch(words);
    expect(existsSync(at("never"))).toBe(false);
    expect(existsSync(join(images, "shards"))).toBe(false);
  });

  test("accepts a finished pack for another view", async () => {
    const run = ["pack", images, "--out", at("seen"), "--resize", "28"];
    expect((await espalierHere([...run, "--view", "24"])).code).toBe(0);
    const other = await espalierHere([...run, "--view", "20"]);
    expect([other.code, other.err]).toEqual([
      1,
      expect.stringMatching(/is packed already: view: expected 20, 20, got 24, 24/),
    ]);
  });
});
