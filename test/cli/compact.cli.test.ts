// A pruned run, compacted on the command line: the comparison on the adapter, and the same accuracy by the model's name.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readModelWeights, writeSafetensors } from "../../src/io/index.ts";
import { espalier } from "../support/cli.ts";
import { squaresFolder } from "../support/idx_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-compact-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);

test("a compacted run has the same test result, and predicts by its name", async () => {
  const data = squaresFolder(at("data"), 160, 60);
  const own = ["--data", "idx", "--data-dir", data];
  const trained = await espalier(["train", ...own, "--epochs", "1", "--batch-size", "16", "--out", at("run")]);
  expect(trained.code).toBe(0);
  const file = at("run/model.safetensors");
  const { weights, metadata } = readModelWeights(new Uint8Array(readFileSync(file)), file);
  // Half of the second convolution's filters, with their batch norm.
  for (const [name, size] of [
    ["3.weight", 200],
    ["4.weight", 1],
    ["4.bias", 1],
  ] as const)
    weights.get(name)!.data.fill(0, 0, 8 * size);
  writeFileSync(at("pruned.safetensors"), writeSafetensors(weights, Object.fromEntries(metadata)));
  const compacted = await espalier(["compact", at("pruned.safetensors")]);
  expect(compacted.err).not.toMatch(/error/);
  expect(compacted.out).toMatch(/^\| 3 .* 16 -> \d \|/m);
  expect(compacted.out).toMatch(/^outputs differ by at most \d\.\de-\d+ of the largest, on 4 random samples$/m);
  const results = await Promise.all(
    ["pruned.safetensors", "pruned.compact.safetensors"].map(async (name) => {
      const { code, out } = await espalier(["eval", at(name), "--data-dir", data, "--json"]);
      expect(code).toBe(0);
      return JSON.parse(out.trim().split("\n").at(-1)!) as { accuracy: number; loss: number };
    }),
  );
  expect(results[1]!.accuracy).toBe(results[0]!.accuracy);
  expect(results[1]!.loss).toBeCloseTo(results[0]!.loss, 5);
  const other = await espalier(["eval", at("pruned.compact.safetensors"), "--data-dir", data, "--model", "resnet-8"]);
  expect(other.code).not.toBe(0);
  expect(other.err).toContain("model resnet-8: not the one that was compacted");
});

test("a run begins with a compacted file, prunes on, and its model is compacted again", async () => {
  const data = squaresFolder(at("more"), 160, 60);
  const pruned = at("pruned.safetensors");
  const compacted = await espalier(["compact", pruned, "--no-fold", "--no-check", "--output", at("small.safetensors")]);
  expect(compacted.code).toBe(0);
  const sizesOf = (file: string) => {
    const { metadata } = readModelWeights(new Uint8Array(readFileSync(file)), file);
    return JSON.parse(metadata.get("compact")!) as Record<string, { readonly weight?: readonly number[] }>;
  };
  const [outputs, inputs] = sizesOf(at("small.safetensors"))["3"]!.weight!;
  const row = new RegExp(`^\\| 3\\.weight \\| ${outputs}x${inputs}x5x5 `, "m");
  writeFileSync(
    at("next.yaml"),
    `data: { name: idx, dir: ${data} }\nepochs: 3\nbatchSize: 16\nweights: ${at("small.safetensors")}\nout: ${at("next")}\nprune: { method: soft, group: filter, groupSparsity: 0.3, steer: threshold, freezeEpoch: 1, compact: true, dense: [first, last] }\n`,
  );
  const trained = await espalier(["train", at("next.yaml")]);
  expect(trained.err).not.toMatch(/error/);
  expect(trained.code).toBe(0);
  expect(trained.out).toMatch(/small\.safetensors: a compacted model: \d layers of other sizes$/m);
  expect(trained.out).toMatch(row);
  expect(readFileSync(at("next/config.yaml"), "utf8")).toContain(`"3":{"weight":[${outputs},${inputs},5,5]`);
  const tested = await espalier(["eval", at("next")]);
  expect(tested.code).toBe(0);
  expect(tested.out).toMatch(row);
  const resumed = await espalier(["train", "--resume", at("next")]);
  expect(resumed.out).toContain("already finished");
  const again = await espalier(["compact", at("next"), "--no-check"]);
  expect(again.code).toBe(0);
  expect(sizesOf(at("next/model.compact.safetensors"))["3"]!.weight![0]).toBeLessThanOrEqual(outputs!);
});
