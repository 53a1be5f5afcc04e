// Runs that diverge, and inputs that hold NaN: what is said, and what is kept.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { parseNpy, parseSafetensors, writeNpy, writeSafetensors } from "../../src/io/index.ts";
import { espalierHere } from "../support/cli_here.ts";
import { squaresFolder } from "../support/idx_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-nonfinite-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);
let data = "";
beforeAll(() => {
  data = squaresFolder(at("data"), 160, 40);
});
const train = (out: string, ...more: string[]) =>
  espalierHere(
    ["train", "--data", "idx", "--data-dir", data, "--epochs", "1", "--batch-size", "8", "--method", "dense"].concat(
      ["--checkpoint-every", "2", "--log-every", "2", "--seed", "3", "--out", at(out)],
      more,
    ),
  );

test("a run that diverges ends with 1, names step, layer and the last good checkpoint, and saves nothing else", async () => {
  const { code, err } = await train("bad", "--lr", "20");
  expect(code).toBe(1);
  const said =
    /(the loss|the update) of step (\d+) .*\. Stopped without saving this step; the last good checkpoint is (.*)\. Lower the learning rate \(now 20\), or check the data\.\n$/.exec(
      err,
    );
  expect(said?.[2], err).toBeDefined();
  expect(said?.[1] === "the update" || / of layer \d+\. | holds NaN/.test(err), err).toBe(true);
  expect(existsSync(said?.[3] as string)).toBe(true);
  expect(readdirSync(at("bad")).filter((name) => /^(model|result|plot)/.test(name))).toEqual([]);
  for (const name of readdirSync(at("bad/checkpoints"))) {
    const { tensors } = parseSafetensors(new Uint8Array(readFileSync(at(`bad/checkpoints/${name}`))), name);
    for (const [key, a] of tensors)
      expect(a.dtype !== "F32" || (a.data as Float32Array).every(Number.isFinite), `${name} ${key}`).toBe(true);
  }
});

test("NaN in a sample gives NaN logits and no class; refuses weights with NaN", async () => {
  expect((await train("good", "--lr", "0.05")).code).toBe(0);
  const values = new Float32Array(2 * 28 * 28).fill(0.5);
  values[5] = Number.NaN;
  writeFileSync(at("x.npy"), writeNpy({ dtype: "F32", shape: [2, 1, 28, 28], data: values }, "x.npy"));
  const model = at("good/model.safetensors");
  const predict = (weights: string) =>
    espalierHere(["predict", "--weights", weights, "--input", at("x.npy"), "--output", at("y.npy")]);
  const { code, out, err } = await predict(model);
  expect(code).toBe(1);
  expect(out).toContain("x.npy[0]: no class, its logits hold NaN or infinity");
  expect(out).toMatch(/x\.npy\[1\]: \d \(\d+\.\d\d %\)/);
  expect(err).toContain("1 of 2 samples have NaN or infinite logits, first ");
  const logits = [...(parseNpy(new Uint8Array(readFileSync(at("y.npy"))), "y.npy").data as Float32Array)];
  expect(logits.slice(0, logits.length / 2).every(Number.isNaN)).toBe(true);
  expect(logits.slice(logits.length / 2).every(Number.isFinite)).toBe(true);

  const { tensors, metadata } = parseSafetensors(new Uint8Array(readFileSync(model)), model);
  const spoiled = new Map([...tensors].map(([name, a]) => [name, { ...a, data: a.data.slice() }]));
  (spoiled.get("7.weight")!.data as Float32Array)[3] = Number.NEGATIVE_INFINITY;
  writeFileSync(at("spoiled.safetensors"), writeSafetensors(spoiled as never, Object.fromEntries(metadata)));
  for (const args of [
    ["predict", "--weights", at("spoiled.safetensors"), "--input", at("x.npy")],
    ["eval", at("spoiled.safetensors"), "--data-dir", data],
    ["export", at("spoiled.safetensors"), "--format", "sparse", "--output", at("s.sparse.safetensors")],
    ["export", at("spoiled.safetensors"), "--format", "onnx", "--output", at("s.onnx")],
  ]) {
    const { code, err } = await espalierHere(args);
    expect([1, 2], err).toContain(code);
    expect(err).toContain("7.weight holds -Infinity at index 3 of ");
  }
  expect(existsSync(at("s.onnx")) || existsSync(at("s.sparse.safetensors"))).toBe(false);
});
