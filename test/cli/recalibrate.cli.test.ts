// Re-estimated statistics of batch norm on the command line: both numbers in the files of a run, and `espalier recalibrate`.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FileArrayInput, parseSafetensors, readModelWeights, writeNpz } from "../../src/io/index.ts";
import { espalier } from "../support/cli.ts";
import { squaresFolder } from "../support/idx_folder.ts";
import { randomArray } from "../support/random.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-recalibrate-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);
const bytes = (name: string) => new Uint8Array(readFileSync(at(name)));
type Json = Record<string, unknown>;
const lines = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Json);
const result = (run: string) => JSON.parse(readFileSync(at(`${run}/result.json`), "utf8")) as Json;
const epochs = (run: string) =>
  lines(readFileSync(at(`${run}/metrics.jsonl`), "utf8")).filter(({ kind }) => kind === "epoch");
const trail = (run: string) => lines(readFileSync(at(`${run}/trail/trail.jsonl`), "utf8"));
const modelOf = (run: string) => readModelWeights(bytes(`${run}/model.safetensors`), "model");
const STATISTICS = /running_(mean|var)$/;

let data = "";
async function train(out: string, ...more: string[]): Promise<string> {
  const common = ["--data", "idx", "--data-dir", data, "--epochs", "2", "--batch-size", "16", "--seed", "3"];
  const run = await espalier(["train", ...common, "--sparsity", "0.9", "--trail", "--out", at(out), ...more]);
  expect(run.err).not.toMatch(/^espalier: error/m);
  expect(run.code).toBe(0);
  return run.out + run.err;
}

beforeAll(async () => {
  data = squaresFolder(at("data"), 160, 60);
  const out = await train("run", "--recalibrate", "4");
  expect(out).toMatch(/^epoch 2\/2 .* test accuracy [\d.]+ % {2}raw [\d.]+ % {2}sparsity/m);
  expect(out).toMatch(
    /^batch norm re-estimated from 4 training batches; before: test accuracy [\d.]+ %, loss [\d.]+$/m,
  );
});

describe("a run with --recalibrate", () => {
  test("has both numbers in result.json, metrics.jsonl, the trail, the card and the model's metadata", () => {
    const { accuracy, loss, rawAccuracy, rawLoss, recalibrated } = result("run");
    expect(recalibrated).toBe(4);
    expect(rawLoss).not.toBe(loss);
    const last = epochs("run").at(-1)!;
    expect(last).toMatchObject({
      testAccuracy: accuracy,
      testLoss: loss,
      rawTestAccuracy: rawAccuracy,
      rawTestLoss: rawLoss,
    });
    expect(trail("run").at(-1)).toMatchObject({ accuracy, loss, rawAccuracy });
    const share = (100 * (rawAccuracy as number)).toFixed(2);
    expect(readFileSync(at("run/README.md"), "utf8")).toContain(
      `- Batch norm: running statistics re-estimated from 4 training batches; with those of training: accuracy ${share} %, loss ${(rawLoss as number).toFixed(4)}`,
    );
    const { metadata } = modelOf("run");
    expect([metadata.get("recalibrated"), metadata.get("rawAccuracy")]).toEqual(["4", String(rawAccuracy)]);
  });

  test("exports the statistics that were tested, and checkpoints those of training", async () => {
    const { weights } = modelOf("run");
    const checkpoint = parseSafetensors(bytes("run/checkpoints/step_00000020.safetensors")).tensors;
    const entry = readModelWeights(bytes("run/trail/epoch-0002.sparse.safetensors"), "trail").weights;
    for (const [name, { data: values }] of weights) {
      expect(entry.get(name)!.data, name).toEqual(values);
      const own = checkpoint.get(`model.${name}`)!.data;
      if (STATISTICS.test(name)) expect(own, name).not.toEqual(values);
      else expect(own, name).toEqual(values);
    }
    const { out, code } = await espalier(["eval", at("run"), "--data-dir", data, "--json"]);
    expect(code).toBe(0);
    const tested = lines(out).at(-1)!;
    expect(tested["accuracy"]).toBe(result("run")["accuracy"]);
    // In batches of another size.
    expect(tested["loss"]).toBeCloseTo(result("run")["loss"] as number, 6);
  });

  test("trains the same weights as one with --recalibrate 0, which has one number", async () => {
    const out = await train("raw", "--recalibrate", "0");
    expect(out).not.toMatch(/ raw |re-estimated/);
    expect(result("raw")).not.toHaveProperty("rawAccuracy");
    expect(epochs("raw").map((e) => e["testLoss"])).toEqual(epochs("run").map((e) => e["rawTestLoss"]));
    const [one, other] = [modelOf("raw").weights, modelOf("run").weights];
    for (const [name, { data: values }] of one)
      if (!STATISTICS.test(name)) expect(other.get(name)!.data, name).toEqual(values);
  });

  test("compares with both numbers", async () => {
    const page = at("compare.html");
    const { out, code } = await espalier(["compare", at("run"), "--out", page, "--json"]);
    expect(code).toBe(0);
    expect(out).toContain(`"rawAccuracy":${result("run")["rawAccuracy"] as number}`);
    expect(readFileSync(page, "utf8")).toContain(">raw</th>");
  });
});

describe("numbers in files", () => {
  /** Images as arrays, whose target is 1 if most of their values are above 0. */
  function arrays(): Uint8Array {
    const x = randomArray(120 * 144, 5);
    const means = Array.from({ length: 120 }, (_, i) => x.subarray(144 * i, 144 * i + 144).reduce((a, b) => a + b, 0));
    const y = Float32Array.from(means, (mean) => (mean > 0 ? 1 : 0));
    return writeNpz(
      new Map<string, FileArrayInput>([
        ["x", { shape: [120, 1, 12, 12], dtype: "F32", data: x }],
        ["y", { shape: [120, 1], dtype: "F32", data: y }],
      ]),
    );
  }

  test("have both values of each metric, in the run and after recalibrate", async () => {
    writeFileSync(at("a.npz"), arrays());
    const run = await espalier([
      ...["train", "--data", "table", "--data-dir", at("a.npz"), "--model", "lenet-bn", "--epochs", "1"],
      ...["--loss", "bce-with-logits", "--threshold", "0.001", "--batch-size", "20", "--recalibrate", "2"],
      ...["--out", at("table")],
    ]);
    expect(run.code, run.err).toBe(0);
    expect(run.err).toMatch(/^epoch 1\/1 .* test f1 [\d.]+ % {2}raw [\d.]+ % {2}sparsity/m);
    expect(run.out).toMatch(/^batch norm re-estimated from 2 .*; before: test f1 [\d.]+ %, .*loss [\d.]+$/m);
    const { rawMetrics, rawAccuracy } = result("table");
    expect(rawMetrics).toMatchObject({ f1: expect.any(Number) });
    expect(rawAccuracy).toBeNull();
    expect(epochs("table")[0]).toMatchObject({ rawMetrics });
    // Other batches give other statistics; two batches again give those of the run.
    for (const [batches, same] of [
      ["3", false],
      ["2", true],
    ] as const) {
      const model = bytes("table/model.safetensors");
      const again = await espalier(["recalibrate", at("table"), "--batches", batches]);
      expect(again.code, again.err).toBe(0);
      expect(result("table")).toMatchObject({ recalibrated: Number(batches), rawMetrics });
      if (!same) expect(bytes("table/model.safetensors")).not.toEqual(model);
    }
    const file = [at("table/model.safetensors"), "--data-dir", at("a.npz"), "--output", at("table.safetensors")];
    const { code, out, err } = await espalier(["recalibrate", ...file, "--batches", "4", "--json"]);
    expect(code, err).toBe(0);
    expect(lines(out).at(-1)).toMatchObject({ rawMetrics: { f1: expect.any(Number) }, recalibrated: 4 });
    const { metadata } = readModelWeights(bytes("table.safetensors"), "model");
    expect(metadata.get("recalibrated")).toBe("4");
    expect(Number(metadata.get("f1"))).toBeGreaterThanOrEqual(0);
    expect(metadata.has("accuracy")).toBe(false);
  });
});

describe("espalier recalibrate", () => {
  test("measures a finished run again: models, trail, result and card, the same at each call", async () => {
    const before = { model: modelOf("raw").weights, first: trail("raw")[0]! };
    const run = () => espalier(["recalibrate", at("raw"), "--batches", "4"]);
    const first = await run();
    expect(first.err).not.toMatch(/^espalier: error/m);
    expect(first.code).toBe(0);
    const { accuracy, loss, rawAccuracy, rawLoss, recalibrated } = result("run");
    expect(result("raw")).toMatchObject({ accuracy, loss, rawAccuracy, rawLoss, recalibrated });
    const { weights } = modelOf("raw");
    expect(weights).toEqual(modelOf("run").weights);
    expect(before.model).not.toEqual(weights);
    expect(trail("raw")).toEqual(trail("run"));
    expect(trail("raw")[0]!["rawAccuracy"]).toBe(before.first["accuracy"]);
    const model = bytes("raw/model.safetensors");
    expect((await run()).code).toBe(0);
    expect(bytes("raw/model.safetensors")).toEqual(model);
    expect(trail("raw")).toEqual(trail("run"));
  });

  test("tests a file of weights before and after, and writes a new file", async () => {
    const file = at("raw/model.safetensors");
    const more = ["--data-dir", data, "--batches", "3"];
    const output = at("new.sparse.safetensors");
    const { out, code } = await espalier(["recalibrate", file, ...more, "--output", output, "--json"]);
    expect(code).toBe(0);
    const { accuracy, loss, rawAccuracy, recalibrated } = lines(out).at(-1)!;
    expect([rawAccuracy, recalibrated]).toEqual([result("raw")["accuracy"], 3]);
    const tested = await espalier(["eval", output, "--data-dir", data, "--json"]);
    expect(lines(tested.out).at(-1)).toMatchObject({ accuracy, loss });
    const measured = await espalier(["eval", file, "--data-dir", data, "--recalibrate", "3", "--json"]);
    expect(lines(measured.out).at(-1)).toMatchObject({ accuracy, loss, rawAccuracy });
  });

  test("refuses a run with steps left, a folder without a run, and flags that a run does not read", async () => {
    const failure = async (...args: string[]) => {
      const { err, code } = await espalier(["recalibrate", ...args]);
      expect(code).toBe(2);
      return err;
    };
    expect(await failure(scratch)).toContain("expected a run or a file of weights, got another folder");
    expect(await failure(at("run"), "--model", "lenet-bn")).toContain("--model: is for a file of weights; the run");
    expect(await failure(at("nothing"))).toContain("no such file or directory");
    expect(await failure(at("raw/model.safetensors"), "--output", at("raw/model.safetensors"))).toContain("--output");
    expect(existsSync(at("raw/model.recalibrated.safetensors"))).toBe(false);
  });
});
