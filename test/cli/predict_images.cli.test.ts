// `espalier predict` on image files: the logits are those of the same pixels given as an array, and the words are clear.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { centralPlan, decodeImage } from "../../src/images/index.ts";
import { type FileArray, parseNpy, writeNpy, writeSafetensors } from "../../src/io/index.ts";
import { buildModel } from "../../src/models/index.ts";
import { weightsByFormula } from "../../tools/golden/ops_zoo_logits.ts";
import { noisy, plain, temporaryFolder, writeFiles } from "../images/files.ts";
import { ownLines } from "../support/cli.ts";
import { espalierHere } from "../support/cli_here.ts";

const root = temporaryFolder();
const at = (...names: string[]) => join(root, ...names);
const [mean, std] = [
  [0.5, 0.4, 0.3],
  [0.2, 0.25, 0.3],
];
const classNames = Array.from({ length: 10 }, (_, i) => `kind ${i}`);
const paths = ["a.jpg", "b.png", "folder/c.jpg", "folder/deeper/d.JPEG"];

/** A small network with weights made by a formula. */
function weights(name: string, metadata: Record<string, string>, channels = 3): string {
  const module = buildModel("resnet-8-narrow", { channels, size: 32, classes: 10 });
  const arrays = new Map<string, FileArray>();
  for (const [key, { shape }] of module.namedState()) {
    arrays.set(key, { dtype: "F32", shape: [...shape], data: weightsByFormula("zoo", key, shape) });
  }
  writeFileSync(at(name), writeSafetensors(arrays, { model: "resnet-8-narrow", ...metadata }));
  return at(name);
}

/** The images as an array [n, 3, 32, 32], made here. */
async function asArray(resize: number): Promise<string> {
  const data = new Float32Array(paths.length * 3 * 1024);
  const bytes = new Uint8Array(3 * 1024);
  for (const [n, path] of paths.entries()) {
    const plan = (height: number, width: number) => centralPlan(height, width, resize, 32);
    await decodeImage({ source: root, key: path }, readFileSync(at(path)), plan, bytes, { exact: true });
    for (const [i, byte] of bytes.entries()) {
      const c = Math.floor(i / 1024);
      data[n * bytes.length + i] = (byte / 255 - mean[c]!) / std[c]!;
    }
  }
  writeFileSync(at(`x${resize}.npy`), writeNpy({ dtype: "F32", shape: [paths.length, 3, 32, 32], data }));
  return at(`x${resize}.npy`);
}

async function logits(input: readonly string[], file: string, ...flags: string[]): Promise<Float32Array> {
  const result = await espalierHere([
    "predict",
    "--weights",
    file,
    "--input",
    ...input,
    "--output",
    at("y.npy"),
    ...flags,
  ]);
  expect(result.code, result.err).toBe(0);
  return parseNpy(readFileSync(at("y.npy"))).data as Float32Array;
}

let model = "";
beforeAll(async () => {
  const bytes = [
    await noisy(1, 50, 70),
    await plain([200, 40, 90], 20, 33),
    await noisy(2, 64, 48),
    await noisy(3, 40, 40),
  ];
  writeFiles(root, Object.fromEntries(paths.map((path, i) => [path, bytes[i]!])));
  const about = { input: "3x32x32", normalise: JSON.stringify({ mean, std }), classNames: JSON.stringify(classNames) };
  model = weights("model.safetensors", about);
});

describe("logits", () => {
  test("equal those of an array of the same pixels, by the model file and by flags", async () => {
    const most = (a: Float32Array, b: Float32Array) => a.reduce((m, v, i) => Math.max(m, Math.abs(v - b[i]!)), 0);
    const images = [at("a.jpg"), at("b.png"), at("folder")];
    const want = await logits([await asArray(37)], model);
    expect(want).toHaveLength(40);
    expect(most(await logits(images, model, "--batch-size", "3"), want)).toBeLessThan(1e-5);

    const silent = weights("silent.safetensors", {});
    const flags = ["--size", "32", "--resize", "34", "--mean", mean.join(","), "--std", std.join(",")];
    const other = await logits([await asArray(34)], model);
    expect(most(await logits(images, silent, ...flags), other)).toBeLessThan(1e-5);
    expect(most(want, other)).toBeGreaterThan(1e-3);
  });

  test("prints the most likely classes of each image by name", async () => {
    const run = ["predict", "--weights", model, "--input", at("folder"), "--top", "2"];
    const spoken = await espalierHere(run);
    expect(ownLines(spoken.err)).toEqual([]);
    const lines = spoken.out.trim().split("\n").slice(-2);
    for (const [i, path] of ["c.jpg", "deeper/d.JPEG"].entries()) {
      expect(lines[i]).toContain(`${at("folder", path)}: `);
      expect(lines[i]).toMatch(/: kind \d \((< )?[\d.]+ %\), kind \d \((< )?[\d.]+ %\)$/);
    }
    const records = (await espalierHere([...run, "--json"])).out
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(records[0]).toMatchObject({ kind: "prediction", sample: at("folder/c.jpg") });
    expect(records[0].guesses[0].name).toBe(`kind ${records[0].guesses[0].class}`);
    expect(records.at(-1)).toMatchObject({ kind: "result", samples: 2, classes: 10 });
  });
});

describe("one clear line", () => {
  test.each<[string, () => string[], RegExp]>([
    ["arrays and images", () => [at("x37.npy"), at("a.jpg")], /one \.npy file or images, got both: .*x37\.npy/],
    ["several arrays", () => [at("x37.npy"), at("x34.npy")], /--input: expected one \.npy file, got 2/],
    ["a size for an array", () => [at("x37.npy"), "--size", "20"], /--size: is for images; the array .*x37\.npy/],
    ["no such file", () => [at("nowhere.jpg")], /nowhere\.jpg: no such file or folder/],
    ["a folder without images", () => [at("empty")], /empty: no images/],
    ["two numbers for three channels", () => [at("a.jpg"), "--mean", "1,2"], /expected three numbers.*got 1,2/],
    ["a spread of zero", () => [at("a.jpg"), "--std", "1,0,1"], /expected three numbers > 0, got 1,0,1/],
  ])("%s", async (_, input, words) => {
    writeFiles(root, { "empty/notes.txt": "no image" });
    const { code, err } = await espalierHere(["predict", "--weights", model, "--input", ...input()]);
    expect([code, ownLines(err)]).toEqual([expect.any(Number), [expect.stringMatching(words)]]);
    expect(code).not.toBe(0);
  });

  test("refuses a model file without image input, or with invalid metadata", async () => {
    const grey = weights("grey.safetensors", { input: "1x32x32" }, 1);
    const odd = weights("odd.safetensors", { normalise: '{"mean": [0, 0], "std": 1}' });
    const run = (file: string) => espalierHere(["predict", "--weights", file, "--input", at("a.jpg")]);
    expect((await run(grey)).err).toMatch(/grey\.safetensors: its network takes 1x32x32, images have three channels/);
    expect((await run(odd)).err).toMatch(/odd\.safetensors: its metadata "normalise": expected \{mean, std\}/);
  });
});
