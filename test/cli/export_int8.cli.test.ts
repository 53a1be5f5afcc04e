// `espalier export --int8` of a trained LeNet-BN: both files, their sizes, and the accuracy in the engine and in ONNX Runtime.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readModelWeights } from "../../src/io/index.ts";
import { loadOnnx } from "../export/onnx_runtime.ts";
import { espalier } from "../support/cli.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-int8-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const run = join(scratch, "run");

/** Runs the command; the records of its output. */
async function records(args: readonly string[], options = {}): Promise<Record<string, unknown>[]> {
  const ran = await espalier([...args, "--json"], options);
  expect([ran.code, ran.err.includes("unexpected")]).toEqual([0, false]);
  return ran.out
    .split("\n")
    .filter((line) => line.startsWith("{"))
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test("exports ONNX and safetensors whose accuracy is close to that of the network", async () => {
  const train = [
    "train",
    "--model",
    "lenet-bn",
    "--epochs",
    "2",
    "--limit",
    "100",
    "--batch-size",
    "50",
    "--sparsity",
    "0.8",
  ];
  await records([...train, "--out", run]);
  const [found] = (await records(["export", run, "--format", "onnx", "--int8", "--calibrate", "4"])).filter(
    ({ kind }) => kind === "int8",
  );
  const { accuracy, floatAccuracy, onnxRuntimeAccuracy, bytes, inputBytes } = found as Record<string, number>;
  console.info(
    `accuracy ${floatAccuracy}, int8 ${accuracy}, in ONNX Runtime ${onnxRuntimeAccuracy}; ${bytes} of ${inputBytes} bytes`,
  );
  expect(found).toMatchObject({ batches: 4, format: "onnx", output: join(run, "model.int8.onnx") });
  expect(floatAccuracy).toBeGreaterThan(0.5);
  expect(Math.abs(accuracy! - floatAccuracy!)).toBeLessThan(0.02);
  expect(Math.abs(onnxRuntimeAccuracy! - accuracy!)).toBeLessThan(0.002);
  expect(bytes).toBeLessThan(inputBytes! / 3);
  const runtime = await loadOnnx(new Uint8Array(readFileSync(join(run, "model.int8.onnx"))));
  expect(runtime.outputs).toEqual(["logits"]);
  await runtime.release();

  const own = join(scratch, "own.safetensors");
  const hidden = await espalier(["export", run, "--format", "safetensors", "--int8", "--output", own], {
    hide: ["onnxruntime-web"],
  });
  expect(hidden.code).toBe(0);
  expect(hidden.out).toContain("a test in ONNX Runtime needs the package onnxruntime-web: npm install onnxruntime-web");
  expect(hidden.out).toMatch(/^int8, simulated +accuracy [\d.]+ %, -?[\d.]+ points, loss [\d.]+$/m);
  const { weights, metadata } = readModelWeights(new Uint8Array(readFileSync(own)), own);
  expect(metadata.get("format")).toBe("espalier-int8-1");
  expect(Object.keys(JSON.parse(metadata.get("int8")!) as object)).toContain("input");
  const dense = readModelWeights(new Uint8Array(readFileSync(join(run, "model.safetensors"))), "dense").weights;
  for (const [name, { data }] of dense)
    expect([name, data.every((v, i) => v !== 0 || weights.get(name)!.data[i] === 0)]).toEqual([name, true]);
  // Every command that reads weights reads it.
  const [result] = (await records(["eval", own])).filter(({ kind }) => kind === "result");
  expect(Math.abs((result!["accuracy"] as number) - floatAccuracy!)).toBeLessThan(0.02);
});
