// A run whose network dies ends with one sentence, exit code 1 and a checkpoint.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { espalierHere } from "../support/cli_here.ts";
import { squaresFolder } from "../support/idx_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-dead-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);
let data = "";
beforeAll(() => {
  data = squaresFolder(at("data"), 64, 40);
});
const train = (out: string, ...more: string[]) =>
  espalierHere(
    [
      "train",
      "--data",
      "idx",
      "--data-dir",
      data,
      "--batch-size",
      "16",
      "--method",
      "linear",
      "--threshold",
      "90",
    ].concat(["--seed", "3", "--out", at(out)], more),
  );

const sentence =
  "espalier: the network is dead: no weight of 0.weight is left, and every path from the input to the output leads through it; ended after epoch";

test("ends early with one sentence, exit code 1, metrics and a checkpoint that resumes", async () => {
  const { code, err } = await train("early", "--epochs", "3", "--json");
  const where = `1 of 3, with the checkpoint of step 4 in ${at("early")}; prune less, or more slowly\n`;
  expect(code).toBe(1);
  expect(err.slice(-sentence.length - where.length - 1)).toBe(`${sentence} ${where}`);
  expect(readdirSync(at("early/checkpoints"))).not.toEqual([]);
  expect(existsSync(at("early/result.json"))).toBe(false);
  expect(readFileSync(at("early/metrics.jsonl"), "utf8")).toContain('"kind":"epoch"');
  const again = await espalierHere(["train", "--resume", at("early"), "--json"]);
  expect(again.code).toBe(1);
  expect(again.err).toContain(`${sentence} 2 of 3`);
  expect(again.out).toContain('"kind":"dead","epoch":2,"step":8,"layers":["0.weight"]');
});

test("in the last epoch the run is finished, with all results and the sentence as a warning", async () => {
  const { code, err } = await train("last", "--epochs", "1");
  expect(code).toBe(0);
  expect(err).toContain(`${sentence.replace("espalier:", "espalier: warning:")} 1 of 1`);
  expect(existsSync(at("last/result.json"))).toBe(true);
});
