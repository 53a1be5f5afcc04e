// `espalier eval --kernels`: a model that was pruned by blocks has the same accuracy by dense and by sparse kernels.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeSparseModel } from "../../src/io/index.ts";
import { blockLenet } from "../support/block_lenet.ts";
import { espalierHere } from "../support/cli_here.ts";
import { squaresFolder } from "../support/idx_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-kernels-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const file = join(scratch, "model.block.safetensors");
let data = "";

beforeAll(() => {
  data = squaresFolder(join(scratch, "data"), 40, 40);
  const { weights, metadata } = blockLenet();
  writeFileSync(file, writeSparseModel(weights, metadata, { layout: "block" }));
});

async function run(...flags: string[]) {
  const { out, err, code } = await espalierHere(["eval", file, "--data-dir", data, ...flags]);
  expect(`${code} ${err}`).toMatch(/^0 /);
  expect(code).toBe(0);
  return out;
}

test("sparse kernels give the same result, and the record names the kernel of each layer", async () => {
  const resultOf = (text: string) => JSON.parse(text.trim().split("\n").at(-1)!) as Record<string, unknown>;
  const dense = resultOf(await run("--json"));
  const block = resultOf(await run("--json", "--kernels", "block"));
  expect(dense["kernels"]).toBeUndefined();
  const kernels = block["kernels"] as { name: string; kernel: string }[];
  expect(kernels).toHaveLength(4);
  for (const { kernel } of kernels) expect(kernel).toMatch(/^block [84]$/);
  expect(block["accuracy"]).toBe(dense["accuracy"]);
  expect(Math.abs((block["loss"] as number) - (dense["loss"] as number))).toBeLessThan(1e-5);
  expect(await run("--kernels", "block")).toMatch(/^kernels: block 8 in \d layers/m);
});

test("an unknown kernel is refused", async () => {
  const { err, code } = await espalierHere(["eval", file, "--kernels", "fast"]);
  expect(err).toMatch(/--kernels.*auto, dense, block, csr/);
  expect(code).toBe(2);
});
