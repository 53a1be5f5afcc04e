// Compares the memory that `espalier info --batch` predicts with that of `espalier train`.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ownLines } from "../support/cli.ts";
import { espalierHere as espalier } from "../support/cli_here.ts";
import { squaresFolder } from "../support/idx_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-memory-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

const records = (out: string) =>
  out
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line) as Record<string, number> & { kind: unknown });

async function predict(...flags: string[]) {
  const { out, err, code } = await espalier(["info", "--json", ...flags]);
  expect(ownLines(err)).toEqual([]);
  expect(code).toBe(0);
  const memory = records(out).find(({ kind }) => kind === "memory");
  expect(memory).toBeDefined();
  return memory!;
}

test("a run takes the memory that info and the run itself predict, within 5 %", async () => {
  const data = squaresFolder(join(scratch, "data"), 128, 64);
  const info = await predict("--model", "lenet-bn", "--classes", "4", "--batch", "32");
  const flags = ["--data", "idx", "--data-dir", data, "--epochs", "1", "--batch-size", "32"];
  const run = await espalier(["train", ...flags, "--json", "--out", join(scratch, "run")]);
  expect(run.code).toBe(0);
  const { peakBytes, predictedPeakBytes } = records(run.out).at(-1)!;
  expect(Math.abs(predictedPeakBytes! / peakBytes! - 1)).toBeLessThan(0.05);
  expect(Math.abs(info["peakWithEvaluation"]! / peakBytes! - 1)).toBeLessThan(0.05);
});

test("a dense network and checkpointed blocks take less", async () => {
  const flags = ["--no-gpu", "--model", "resnet-8", "--channels", "3", "--size", "32", "--batch", "64"];
  const [pruned, dense, checkpointed] = await Promise.all([
    predict(...flags),
    predict(...flags, "--dense"),
    predict(...flags, "--checkpoint-blocks"),
  ]);
  expect(dense["latent"]).toBe(0);
  expect(dense["peak"]).toBeLessThan(pruned["peak"]!);
  expect(checkpointed["peak"]).toBeLessThan(0.9 * pruned["peak"]!);
});

test("prints a table for people; wrong flags are one line", async () => {
  const table = await espalier(["info", "--no-gpu", "--model", "lenet-bn", "--batch", "64"]);
  expect(table.out).toMatch(/GPU memory of training at batch 64.*\n +peak +\d+\.\d MiB/);
  expect(table.out).toMatch(/lower bound +\d+\.\d MiB/);
  const cases: [string[], RegExp, number][] = [
    [["--batch", "8"], /--batch: expected --model/, 2],
    [["--model", "lenet-bn", "--batch", "0"], /--batch: expected an integer >= 1, got 0/, 2],
    [["--model", "lenet-bn", "--batch", "8", "--checkpoint-blocks"], /got lenet-bn, which has no blocks/, 1],
  ];
  for (const [flags, words, code] of cases) {
    const result = await espalier(["info", "--no-gpu", ...flags]);
    expect(ownLines(result.err)).toHaveLength(1);
    expect(result.err).toMatch(words);
    expect(result.code).toBe(code);
  }
});
