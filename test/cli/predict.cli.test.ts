// `espalier predict` against logits that torchvision computed in float64, with weights and input made by a formula.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { likeliest } from "../../src/cli/predict_guesses.ts";
import { type FileArray, parseNpy, parseSafetensors, writeNpy, writeSafetensors } from "../../src/io/index.ts";
import { buildModel } from "../../src/models/index.ts";
import { formula, weightsByFormula } from "../../tools/golden/ops_zoo_logits.ts";
import { ownLines } from "../support/cli.ts";
import { espalierHere as espalier } from "../support/cli_here.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-predict-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);
const golden = parseSafetensors(readFileSync(join(import.meta.dirname, "../golden/zoo_logits.safetensors")), "golden");

/** Weights of a model under its own names, or with something before each. */
function weightsFile(name: string, model: string, prefix = ""): string {
  const module = buildModel(model, { channels: 3, size: 64, classes: 1000 });
  const arrays = new Map<string, FileArray>();
  for (const [key, { shape }] of module.namedState()) {
    arrays.set(prefix + key, { dtype: "F32", shape: [...shape], data: weightsByFormula("zoo", key, shape) });
  }
  writeFileSync(at(name), writeSafetensors(arrays, {}));
  return at(name);
}

const shape = [2, 3, 64, 64];
writeFileSync(at("x.npy"), writeNpy({ dtype: "F32", shape, data: formula("zoo", "input", 2 * 3 * 64 * 64) }));

test("logits of MobileNetV2 equal PyTorch's, sample by sample too; prints the most likely classes", async () => {
  const weights = weightsFile("mobilenet.safetensors", "mobilenet-v2", "module.");
  const run = ["predict", "--model", "mobilenet-v2", "--weights", weights, "--input", at("x.npy")];
  const result = await espalier([...run, "--output", at("y.npy"), "--batch-size", "1", "--top", "3"]);
  expect(ownLines(result.err)).toEqual([]);
  expect(result.code).toBe(0);
  expect(result.out).toMatch(/names translated: data-parallel/);
  expect(result.out).toMatch(/loaded all 262 arrays/);
  const got = parseNpy(readFileSync(at("y.npy")));
  const want = golden.tensors.get("mobilenet_v2/logits");
  expect(got.shape).toEqual([2, 1000]);
  const [a, b] = [got.data as Float32Array, want?.data as Float32Array];
  const most = b.reduce((m, v) => Math.max(m, Math.abs(v)), 0);
  expect(a.reduce((m, v, i) => Math.max(m, Math.abs(v - b[i]!)), 0) / most).toBeLessThan(1e-4);
  const best = likeliest(a.subarray(0, 1000), 3).map(({ class: c }) => c);
  expect(result.out).toContain(`x.npy[0]: ${best[0]} (`);
});

test("names arrays that do not fit, and leaves no file", async () => {
  const weights = weightsFile("resnet.safetensors", "resnet-18");
  const wrong = await espalier([
    ...["predict", "--model", "mobilenet-v2", "--weights", weights],
    ...["--input", at("x.npy"), "--output", at("none.npy")],
  ]);
  expect(wrong.code).toBe(2);
  expect(wrong.err).toMatch(/does not fit the model/);
  expect(wrong.err).toMatch(/missing in the file/);
  expect(() => readFileSync(at("none.npy"))).toThrow();

  writeFileSync(at("flat.npy"), writeNpy({ dtype: "F32", shape: [4], data: new Float32Array(4) }));
  const flat = await espalier(["predict", "--model", "resnet-18", "--weights", weights, "--input", at("flat.npy")]);
  expect(flat.err).toMatch(/flat\.npy: expected an array \[n, c, h, w\] or \[c, h, w\], got \[4\]/);
  const nameless = await espalier(["predict", "--weights", weights, "--input", at("x.npy")]);
  expect(nameless.err).toMatch(/does not name its model; give --model/);
});
