// Files that are damaged, hostile or no images at all, through the commands that meet them: each ends with one line that
// names the file and the fault, and nothing is written outside the output folder.
import { copyFileSync, existsSync, mkdirSync, readdirSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { parquetWriteBuffer } from "hyparquet-writer";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FileArray, writeNpy, writeSafetensors } from "../../src/io/index.ts";
import { buildModel } from "../../src/models/index.ts";
import { blankPng, noisy, tarOf, temporaryFolder, writeFiles } from "../images/files.ts";
import { espalier, ownLines } from "../support/cli.ts";
import { espalierHere } from "../support/cli_here.ts";

const root = temporaryFolder();
const at = (...names: string[]) => join(root, ...names);
const torchFile = join(import.meta.dirname, "../io/torch/os_system.pt");

/** Two classes of two good images, and further files. */
async function images(name: string, files: Record<string, Uint8Array | string>): Promise<void> {
  const good = await Promise.all([1, 2, 3, 4].map((seed) => noisy(seed)));
  const [a, b, c, d] = good as [Buffer, Buffer, Buffer, Buffer];
  const classes = { "train/cat/1.jpg": a, "train/cat/2.jpg": b, "train/dog/1.jpg": c, "val/cat/1.jpg": d };
  writeFiles(at(name), { ...classes, ...files });
}

/** A safetensors file whose header is said to be so long. */
function headed(text: string, length: bigint): Buffer {
  const bytes = Buffer.alloc(8 + text.length);
  bytes.writeBigUInt64LE(length);
  bytes.write(text, 8);
  return bytes;
}

/** Every path below the sandbox with its size, but for the output folder's own. */
const listing = () =>
  readdirSync(root, { recursive: true, encoding: "utf8" })
    .filter((path) => path !== "out" && !path.startsWith("out/"))
    .sort()
    .map((path) => `${path} ${statSync(at(path), { throwIfNoEntry: false })?.size}`);

/** A model file in the output folder, of a network for two classes. */
function goodModel(): string {
  const arrays = new Map<string, FileArray>();
  for (const [key, { shape }] of buildModel("resnet-8-narrow", { channels: 3, size: 32, classes: 2 }).namedState()) {
    const data = new Float32Array(shape.reduce((a, b) => a * b, 1)).fill(0.1);
    arrays.set(key, { dtype: "F32", shape: [...shape], data });
  }
  mkdirSync(at("out"), { recursive: true });
  writeFileSync(
    at("out", "good.safetensors"),
    writeSafetensors(arrays, { model: "resnet-8-narrow", input: "3x32x32" }),
  );
  return at("out", "good.safetensors");
}

let before: string[] = [];
beforeAll(async () => {
  const whole = await noisy(9, 200, 300);
  await images("good", {});
  await images("text", { "train/dog/0.jpg": "a cat, in words" });
  await images("badval", { "val/dog/0.jpg": "a dog, in words" });
  await images("cut", { "train/dog/0.jpg": whole.subarray(0, whole.length / 2) });
  await images("huge", { "train/dog/0.png": blankPng(20000) });
  await images("zero", { "train/dog/0.jpg": "" });
  await images("hollow", { "train/eel/notes.txt": "no image" });
  await images("linked", {});
  mkdirSync(at("secret"));
  writeFileSync(at("secret/1.jpg"), whole);
  symlinkSync(at("nowhere"), at("linked/train/dog/away"));
  writeFiles(at("tar"), {
    "train.tar": await tarOf([
      ["../../escaped.jpg", whole],
      ["../../escaped.cls", "0"],
    ]),
  });
  writeFiles(at("notar"), { "train.tar": Buffer.alloc(700, 7) });
  const schema = [{ name: "caption", data: ["a", "b"], type: "STRING" as const }];
  writeFiles(at("hub"), { "train.parquet": new Uint8Array(parquetWriteBuffer({ columnData: schema })) });
  writeFiles(at("nohub"), { "train.parquet": "PAR1 or so they say" });
  writeFiles(at("notshards"), { "train/index.json": '{"format": "espalier-shards"' });
  copyFileSync(torchFile, at("evil.pt"));
  writeFiles(root, {
    "long.safetensors": headed("{}", 10n ** 12n),
    "none.safetensors": "",
    "text.pt": "no weights",
    "x.npy": writeNpy({ dtype: "F32", shape: [1, 3, 32, 32], data: new Float32Array(3072) }),
    "cut.npy": writeNpy({ dtype: "F32", shape: [1, 3, 32, 32], data: new Float32Array(3072) }).subarray(0, 900),
  });
  before = listing();
});
afterAll(() => expect(listing()).toEqual(before));

async function refused(args: readonly string[], words: RegExp): Promise<void> {
  const { code, out, err } = await espalierHere(args);
  const lines = ownLines(err);
  expect(lines, out).toHaveLength(1);
  expect(lines[0]).toMatch(words);
  expect(lines[0]).not.toMatch(/unexpected error|\bat .*:\d+:\d+/);
  expect(code).toBeGreaterThan(0);
  expect(listing()).toEqual(before);
}

const large = /expected at most 134217728 pixels, got 20000 x 20000/;
const tar = /train\.tar: "\.\.\/\.\.\/escaped\.jpg": expected a plain relative path as the member's name/;
const columns = /train\.parquet: expected the columns image or img.* and label.*, got caption/;

describe("espalier pack", () => {
  test.each<[string, RegExp]>([
    ["text", /train\/dog\/0\.jpg: not an image/],
    ["cut", /train\/dog\/0\.jpg: VipsJpeg: premature end of JPEG image/],
    ["huge", new RegExp(`train/dog/0\\.png: ${large.source}`)],
    ["zero", /train\/dog\/0\.jpg: the file is empty/],
    ["hollow", /train\/eel: a class folder without images/],
    ["linked", /train\/dog\/away: a broken link/],
    ["tar", tar],
    ["notar", /train\.tar: not a complete tar archive/],
    ["hub", columns],
    ["nohub", /train\.parquet: not a complete parquet file/],
    ["notshards", /expected encoded images, got shards/],
    ["nowhere", /nowhere: no such folder/],
  ])("%s", (name, words) => refused(["pack", at(name), "--out", at("out", name), "--json"], words));
});

describe("espalier train", () => {
  const train = (name: string, ...more: string[]) => {
    const run = ["train", "--data", "images", "--data-dir", at(name), "--model", "resnet-8-narrow", "--size", "32"];
    return [...run, "--epochs", "1", "--batch-size", "3", "--json", "--out", at("out", `run_${name}`), ...more];
  };
  test.each<[string, RegExp]>([
    ["text", /train\/dog\/0\.jpg: not an image/],
    ["cut", /train\/dog\/0\.jpg: VipsJpeg: premature end of JPEG image/],
    ["huge", new RegExp(`train/dog/0\\.png: ${large.source}`)],
    ["hollow", /train\/eel: a class folder without images/],
    ["linked", /train\/dog\/away: a broken link/],
    ["tar", tar],
    ["hub", columns],
    ["notshards", /train\/index\.json: not JSON/],
  ])("%s", (name, words) => refused(train(name), words));

  test("refuses weights that would run code", () =>
    refused(train("good", "--weights", at("evil.pt")), /evil\.pt: .*posix\.system is not allowed/));
});

describe("espalier predict, weights", () => {
  const predict = (weights: string, input: string) => {
    const files = ["--weights", weights, "--input", input, "--output", at("out", "y.npy")];
    return ["predict", "--model", "resnet-8-narrow", ...files];
  };
  test.each<[string, string, RegExp]>([
    [
      "evil.pt",
      "x.npy",
      /evil\.pt: .*GLOBAL.*posix\.system is not allowed in a weights file: loading it could run code/,
    ],
    ["text.pt", "x.npy", /text\.pt: this is a text that starts with "no weights"/],
    ["long.safetensors", "x.npy", /long\.safetensors: .*header/],
    ["none.safetensors", "x.npy", /none\.safetensors: /],
    ["nowhere.pt", "x.npy", /nowhere\.pt: /],
  ])("weights %s", (weights, input, words) => refused(predict(at(weights), at(input)), words));
});

describe("espalier predict, input", () => {
  test.each<[string, RegExp]>([
    ["text/train/dog/0.jpg", /train\/dog: 0\.jpg: not an image/],
    ["cut/train/dog/0.jpg", /train\/dog: 0\.jpg: VipsJpeg: premature end of JPEG image/],
    ["huge/train/dog", new RegExp(`train/dog: 0\\.png: ${large.source}`)],
    ["zero/train/dog/0.jpg", /train\/dog: 0\.jpg: the file is empty/],
    ["linked/train", /dog\/away: a broken link/],
    ["cut.npy", /cut\.npy: /],
    ["tar/train.tar", /tar: train\.tar: not an image/],
  ])("images %s", async (input, words) => {
    await refused(["predict", "--weights", goodModel(), "--input", at(input), "--output", at("out", "y.npy")], words);
    expect(existsSync(at("out", "y.npy"))).toBe(false);
  });
});

describe("espalier eval", () => {
  const run = (file: string) => ["eval", at(file), "--model", "lenet-bn", "--data", "mnist"];
  test.each<[string, RegExp]>([
    ["evil.pt", /evil\.pt: /],
    ["long.safetensors", /long\.safetensors: .*header/],
    ["none.safetensors", /none\.safetensors: /],
  ])("%s", (file, words) => refused(run(file), words));

  test("refuses a folder with a file that is not an image", () =>
    refused(["eval", goodModel(), "--data", "images", "--data-dir", at("badval")], /val\/dog\/0\.jpg: not an image/));
});

test("prints the same line without a stack in a separate process", async () => {
  const { code, out, err } = await espalier(["pack", at("tar"), "--out", at("out", "spawned")]);
  expect([code, out]).toEqual([1, ""]);
  expect(err.trim().split("\n")).toEqual([expect.stringMatching(tar)]);
  expect(listing()).toEqual(before);
});
