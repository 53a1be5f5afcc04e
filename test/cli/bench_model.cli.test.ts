// `espalier bench-model` of a LeNet-BN pruned by blocks: files, forms, page and results. No timed assertions.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { writeSafetensors } from "../../src/io/index.ts";
import type { SpeedReport } from "../../src/report/speed_report.ts";
import { blockLenet } from "../support/block_lenet.ts";
import { espalier } from "../support/cli.ts";
import { espalierHere } from "../support/cli_here.ts";
import { squaresFolder } from "../support/idx_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-bench-test-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const file = join(scratch, "model.safetensors");
const fast = ["--batch", "1,4", "--rounds", "2", "--kernels", "block"];
let data = "";

beforeAll(() => {
  data = squaresFolder(join(scratch, "data"), 40, 40);
  const { weights, metadata } = blockLenet();
  writeFileSync(file, writeSafetensors(weights, metadata));
});

test("measures every form with the same logits and accuracy, and writes page and results", async () => {
  const [html, results] = [join(scratch, "speed.html"), join(scratch, "speed.json")];
  const outputs = ["--html", html, "--results", results];
  const { out, err, code } = await espalierHere(["bench-model", file, "--data-dir", data, ...fast, ...outputs]);
  expect(`${code} ${err}`).toMatch(/^0 /);
  expect(out).toMatch(/^\| sparse kernels /m);
  const report = JSON.parse(readFileSync(results, "utf8")) as SpeedReport;
  expect(report.rows.map(({ name }) => name.replace(/,? \d+ threads?$/, ""))).toEqual([
    ...["dense", "sparse kernels", "compact", "compact, sparse kernels", "ONNX Runtime (CPU)"],
  ]);
  for (const { name, speed, load } of report.rows) {
    expect(speed.map(({ batch }) => batch)).toEqual([1, 4]);
    for (const { difference, imagesPerSecond } of speed) {
      expect([name, difference < 1e-4]).toEqual([name, true]);
      expect(imagesPerSecond.median).toBeGreaterThan(0);
    }
    expect(load.median).toBeGreaterThan(0);
  }
  const accuracies = report.rows.slice(0, 4).map(({ accuracy }) => accuracy);
  expect(new Set(accuracies).size).toBe(1);
  expect(accuracies[0]).toBeGreaterThanOrEqual(0);
  const bytes = new Map(report.files.map(({ layout, bytes }) => [layout, bytes]));
  for (const layout of ["bitmask", "csr", "block", "int8 weights"])
    expect(bytes.get(layout)!).toBeLessThan(0.25 * bytes.get("dense")!);
  expect(bytes.get("compact")!).toBeLessThan(bytes.get("dense")!);
  expect(report.notes).toEqual([]);
  const page = readFileSync(html, "utf8");
  expect(page).toContain("lenet-bn: bytes, load time and speed");
  expect(page).toContain(report.adapter);
});

test("without data and without ONNX Runtime it says so, and measures the rest", async () => {
  const args = ["bench-model", file, "--batch", "2", "--rounds", "1", "--json"];
  const { out, code } = await espalier(args, { hide: ["onnxruntime-web"] });
  expect(code).toBe(0);
  const report = JSON.parse(out.trim().split("\n").at(-1)!) as SpeedReport;
  expect(report.rows.map(({ accuracy }) => accuracy)).toEqual([undefined, undefined, undefined, undefined]);
  const notes = report.notes.join("\n");
  expect(notes).toMatch(/^no accuracy: .*--data-dir/m);
  expect(notes).toContain("times of ONNX Runtime need the package onnxruntime-web: npm install onnxruntime-web");
});

test("wrong settings are refused by name", async () => {
  const refused = async (flags: readonly string[], words: string) => {
    const { err, code } = await espalierHere(["bench-model", file, ...flags]);
    expect(err).toContain(words);
    expect(code).toBe(2);
  };
  await refused(["--batch", "1,x"], "--batch: expected different integers >= 1 such as 1,64, got 1,x");
  await refused(["--batch", "4,4"], "--batch: expected different integers >= 1");
  await refused(["--rounds", "0"], "--rounds: expected an integer >= 1, got 0");
  await refused(["--kernels", "fast"], "--kernels: expected one of auto, dense, block, csr, got fast");
  await refused(["--html", join(scratch, "none", "a.html")], "--html: there is no folder");
  await refused(["--results", file], "--results");
  await refused(["--html", "a", "--results", "a"], "--html, --results: expected two files, got a twice");
  await refused(["--no-test", "--data-dir", data], "--data-dir: is for the test, which --no-test leaves out");
  await refused(["--model", "resnet-8"], "does not fit the model");
});
