// The example of image folders, cut small: files are made, trained on from JPEGs and from shards, and looked at again.

import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { temporaryFolder } from "../images/files.ts";
import { ownLines } from "../support/cli.ts";
import { espalierHere } from "../support/cli_here.ts";

const root = temporaryFolder();
const at = (...names: string[]) => join(root, ...names);
const repository = resolve(import.meta.dirname, "../..");

async function run(...args: string[]): Promise<Record<string, unknown>[]> {
  const { code, out, err } = await espalierHere([...args, "--json"]);
  expect(code, err).toBe(0);
  return out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("writes JPEG files, trains on them, packs them, trains on shards, and classifies them", async () => {
  const flags = ["--import", "tsx", "--import", "./tools/wgsl_node.mjs", "examples/image_folder/make.ts"];
  const make = () =>
    promisify(execFile)(process.execPath, [...flags, at("digits"), "--train", "20", "--val", "10"], {
      cwd: repository,
    });
  expect((await make()).stdout).toContain("20 JPEG files to train with and 10 to test with");
  expect((await make()).stdout).toContain("is there already");
  expect(existsSync(at("digits.making"))).toBe(false);

  const trained = ["--epochs", "1", "--batch-size", "20", "--warmup", "0"];
  const pack = ["--out", at("shards"), "--resize", "40", "--view", "32"];
  const [packed] = await run("pack", at("digits"), ...pack);
  expect(packed).toMatchObject({ train: 20, test: 10, classes: 10, view: [32, 32] });
  for (const [recipe, folder] of [
    ["jpeg_digits", "digits"],
    ["jpeg_digits_shards", "shards"],
  ] as const) {
    const settings = [join(repository, `recipes/small/${recipe}.yaml`), "--data-dir", at(folder), ...trained];
    const records = await run("train", ...settings, "--out", at(`run_${folder}`));
    expect(records.at(-1)).toMatchObject({ kind: "result", steps: 1 });
  }

  const seen = await espalierHere([
    "predict",
    "--weights",
    at("run_digits/model.safetensors"),
    "--input",
    at("digits/val/3"),
  ]);
  expect(ownLines(seen.err)).toEqual([]);
  expect(
    seen.out
      .trim()
      .split("\n")
      .filter((line) => /val\/3\/\d{5}\.jpg: \d \(/.test(line)),
  ).toHaveLength(1);
});
