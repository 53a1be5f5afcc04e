// `espalier eval --kernels`: a model that was pruned by blocks has the same accuracy by dense and by sparse kernels.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeSparseModel } from "../../src/io/index.ts";
import { buildModel } from "../../src/models/index.ts";
import { StateBuffer } from "../../src/nn/index.ts";
import { espalierHere } from "../support/cli_here.ts";
import { squaresFolder } from "../support/idx_folder.ts";
import { pruneBlocks } from "../support/prune_blocks.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-kernels-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const file = join(scratch, "model.block.safetensors");
let data = "";

beforeAll(() => {
  data = squaresFolder(join(scratch, "data"), 40, 40);
  const model = buildModel("lenet-bn", { channels: 1, size: 28, classes: 4 });
  const weights = [...model.namedState()].map(([name, p]) => {
    const values = p.initialValues();
    const isPruned = !(p instanceof StateBuffer) && p.shape.length > 1 && p.shape[0]! >= 8;
    const pruned = isPruned ? pruneBlocks(values, p.shape, { size: 8, zeros: 0.9 }) : values;
    return [name, { data: pruned, shape: p.shape }] as const;
  });
  const metadata = { model: "lenet-bn", data: "idx", input: "1x28x28", classes: "4" };
  writeFileSync(file, writeSparseModel(new Map(weights), metadata, { layout: "block" }));
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
