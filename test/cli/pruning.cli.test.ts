// Pruning methods from the command line to the files: targets, trails, exports, fine-tuning, comparisons.
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { readModelWeights } from "../../src/io/index.ts";
import { ownLines } from "../support/cli.ts";
import { espalierHere as espalier } from "../support/cli_here.ts";
import { squaresFolder } from "../support/idx_folder.ts";

const scratch = mkdtempSync(join(tmpdir(), "espalier-prune-"));
afterAll(() => rmSync(scratch, { recursive: true, force: true }));
const at = (name: string) => join(scratch, name);
let data = "";
const train = (out: string, ...more: string[]) =>
  espalier([
    ...["train", "--data", "idx", "--data-dir", data, "--epochs", "2", "--batch-size", "32", "--log-every", "5"],
    ...["--out", at(out), ...more],
  ]);
const resultOf = (out: string) => JSON.parse(readFileSync(at(`${out}/result.json`), "utf8"));
const rowsOf = (out: string, kind: string) =>
  readFileSync(at(`${out}/metrics.jsonl`), "utf8")
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line))
    .filter((row) => row.kind === kind);
const weightsOf = (file: string) => readModelWeights(new Uint8Array(readFileSync(file)), file);

beforeAll(async () => {
  data = squaresFolder(at("data"), 400, 80);
  const result = await train("aimed", "--sparsity", "0.9", "--trail");
  expect(ownLines(result.err).filter((l) => l.includes("rror"))).toEqual([]);
  expect(result.code).toBe(0);
});

describe("a run with a target and a trail", () => {
  test("ends within half a point of the target and reports the savings", () => {
    const { sparsity, method, report, layers } = resultOf("aimed");
    expect(method).toBe("lats");
    expect(Math.abs(sparsity - 0.9)).toBeLessThan(0.005);
    const nonzeros = layers.reduce((n: number, l: { weights: number; zeros: number }) => n + l.weights - l.zeros, 0);
    expect(report.compression.pruned.nonzeros).toBe(nonzeros);
    expect(report.sparseMacs).toBeLessThan(report.macs);
    const epochs = rowsOf("aimed", "epoch");
    expect(epochs.at(-1).layers.map((l: { zeros: number }) => l.zeros)).toEqual(
      layers.map((l: { zeros: number }) => l.zeros),
    );
    expect(rowsOf("aimed", "step").at(-1).threshold).toBeGreaterThan(0);
  });

  test("saves a sparse model of each epoch, which trail chooses and exports", async () => {
    expect(readdirSync(at("aimed/trail")).sort()).toEqual([
      "epoch-0001.sparse.safetensors",
      "epoch-0002.sparse.safetensors",
      "trail.jsonl",
    ]);
    const chosen = at("chosen.safetensors");
    const picked = await espalier([
      "trail",
      at("aimed"),
      "--sparsity",
      "0.85",
      "--export",
      chosen,
      "--dense",
      "--json",
    ]);
    expect(picked.code).toBe(0);
    expect(existsSync(at("aimed/trail/trail.svg"))).toBe(true);
    const exported = weightsOf(chosen).weights;
    const final = weightsOf(at("aimed/model.safetensors")).weights;
    expect([...exported.keys()].sort()).toEqual([...final.keys()].sort());
    for (const [name, { data: values }] of exported) expect(values, name).toEqual(final.get(name)?.data);
    const refused = await espalier(["trail", at("aimed"), "--sparsity", "0.999"]);
    expect(refused.code).toBe(2);
    expect(ownLines(refused.err).join("\n")).toContain("nearest");
  });

  test("its zeros stay zero in a run with its weights", async () => {
    const file = at("aimed/model.sparse.safetensors");
    const { code } = await train("tuned", "--method", "masked", "--weights", file, "--lr", "0.01");
    expect(code).toBe(0);
    const before = weightsOf(file).weights;
    for (const [name, { data: values, shape }] of weightsOf(at("tuned/model.sparse.safetensors")).weights) {
      if (shape.length < 2) continue;
      const old = before.get(name)?.data as Float32Array;
      let changed = 0;
      (values as Float32Array).forEach((v, i) => {
        expect(v === 0, `${name}[${i}]`).toBe(old[i] === 0);
        if (v !== old[i]) changed++;
      });
      expect(changed, name).toBeGreaterThan(0);
    }
  });
});

test("early pruning with fine-tuning reports both accuracies, and compare shows the runs", async () => {
  const early = await train(
    "early",
    ...["--method", "early", "--freeze-epoch", "1", "--sparsity", "0.8", "--finetune", "1"],
  );
  expect(early.code).toBe(0);
  expect(early.out).toContain("before fine-tuning: test accuracy");
  const { beforeFinetune, method } = resultOf("early");
  expect(method).toBe("early");
  const zeros = rowsOf("early", "epoch").map((row) => row.sparsity);
  expect(zeros).toHaveLength(3);
  expect(new Set(zeros).size).toBe(1);
  expect(beforeFinetune.sparsity).toBe(zeros[1]);

  const page = at("page.html");
  const compared = await espalier(["compare", at("aimed"), at("early"), "--out", page]);
  expect(compared.code).toBe(0);
  const html = readFileSync(page, "utf8");
  for (const text of ["aimed", "early", "lats", "7.weight", "<svg"]) expect(html.includes(text), text).toBe(true);
});

test("names mistakes by the flags", async () => {
  const cases: [string[], string][] = [
    [["--method", "early", "--sparsity", "0.9"], "expected --freeze-epoch, the epoch from which zeros stay zero"],
    [["--method", "gmp"], "prune.sparsity: expected a number in (0, 1), since prune.method is gmp"],
    [["--method", "str", "--threshold", "0.1"], "prune.threshold: expected no value"],
    [["--method", "ista", "--sparsity", "0.9"], "prune.mode: expected latent, since prune.sparsity is given"],
    [["--dense", "fc9"], ", got fc9"],
    [["--weights", at("none.safetensors")], "none.safetensors: no such file"],
  ];
  for (const [flags, message] of cases) {
    const { code, err } = await train("mistake", "--overwrite", ...flags);
    expect(code, flags.join(" ")).not.toBe(0);
    expect(ownLines(err).join("\n")).toContain(message);
  }
});
