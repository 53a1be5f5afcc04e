// `espalier compare`: the page made of run directories written here, its table, and its refusals.
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Command } from "commander";
import fc from "fast-check";
import { parseHTML } from "linkedom";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { addCompareCommand, runCompare } from "../../src/cli/compare.ts";
import { writeSafetensors } from "../../src/internal.ts";
import type { FileArrayInput } from "../../src/io/array_types.ts";
import { nines, nineTicks, shorten, spread } from "../../src/report/chart.ts";

import { comparePage } from "../../src/report/compare_page.ts";
import { readRuns } from "../../src/report/compare_runs.ts";
import { rasterize } from "../../src/report/figure.ts";
import type { Output } from "../../src/terminal/output.ts";
import { compact } from "../../src/text/index.ts";

let root = "";
beforeAll(() => {
  root = mkdtempSync(join(tmpdir(), "espalier-compare-"));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

function collect() {
  const said: string[] = [];
  const emitted: Record<string, unknown>[] = [];
  const out: Output = { json: false, say: (line) => void said.push(line), emit: (record) => void emitted.push(record) };
  return { said, emitted, out };
}

interface Recipe {
  readonly method?: string;
  readonly schedule?: string;
  readonly seed?: number;
  readonly accuracy: number;
  readonly zeros: readonly [number, number];
  readonly result?: Record<string, unknown>;
  readonly model?: boolean;
}

/** A run of a network of two layers, 20 and 200 weights and 12 other parameters, over two epochs of two rows. */
function writeRun(
  name: string,
  { method, schedule = "lats", seed = 0, accuracy, zeros, result, model }: Recipe,
): string {
  const path = join(root, name);
  mkdirSync(path, { recursive: true });
  const layers = [
    { name: "conv.weight", shape: [4, 5], weights: 20, zeros: zeros[0] },
    { name: "fc.weight", shape: [10, 20], weights: 200, zeros: zeros[1] },
  ];
  const sparsity = (zeros[0] + zeros[1]) / 220;
  const json = (file: string, value: unknown) => writeFileSync(join(path, file), JSON.stringify(value));
  const named = method === undefined ? {} : { method };
  json("result.json", {
    kind: "result",
    accuracy,
    sparsity,
    seconds: 12.34,
    parameters: 232,
    seed,
    layers,
    ...named,
    ...result,
  });
  json("run.json", {
    seed,
    config: {
      model: { name: "tiny" },
      data: { name: "dots" },
      prune: { schedule, threshold: sparsity },
      seed,
      out: path,
    },
  });
  const rows = [1, 2].flatMap((epoch) => [
    ...[0.5, 1].map((part) => ({
      kind: "step",
      step: 10 * (epoch - 1 + part),
      epoch: epoch - 1 + part,
      threshold: 0.01 * (epoch - 1 + part),
      lambdaEffective: 0.002,
      lambdaTotal: 0.002 + 0.0005 * epoch,
    })),
    {
      kind: "epoch",
      epoch,
      step: 10 * epoch,
      testAccuracy: accuracy - 0.01 * (2 - epoch),
      sparsity: (sparsity * epoch) / 2,
      pruned: 40 - 10 * epoch,
      regrown: epoch - 1,
      ...(method === undefined
        ? {}
        : {
            layers: layers.map((l) => ({
              ...l,
              zeros: Math.floor((l.zeros * epoch) / 2),
              pruned: Math.floor(l.zeros / 2),
              regrown: 0,
              iou: 0.5,
              threshold: null,
            })),
          }),
    },
  ]);
  writeFileSync(join(path, "metrics.jsonl"), `${rows.map((row) => JSON.stringify(row)).join("\n")}\n`);
  if (model) {
    const values = (count: number, none: number) =>
      Float32Array.from({ length: count }, (_, i) => (i < none ? 0 : 0.01 * i));
    const tensors = layers.map(
      (l) => [l.name, { dtype: "F32" as const, shape: l.shape, data: values(l.weights, l.zeros) }] as const,
    );
    writeFileSync(join(path, "model.safetensors"), writeSafetensors(new Map(tensors)));
  }
  return path;
}

const report = { macs: 123_456_789, sparseMacs: 4_567_890 };
const svgs = (page: string) => page.match(/<svg[\s\S]*?<\/svg>/g) ?? [];
const parse = (page: string) => parseHTML(page).document;

describe("the page of two runs, one of an older version", async () => {
  let page = "";
  const printed = collect();
  beforeAll(async () => {
    const old = writeRun("old", { accuracy: 0.9912, zeros: [4, 150] });
    const more = { report, beforeFinetune: { accuracy: 0.975, sparsity: 0.9 } };
    const fresh = writeRun("new", {
      method: "str",
      seed: 3,
      accuracy: 0.9876,
      zeros: [18, 180],
      result: more,
      model: true,
    });
    const out = join(root, "pages", "both.html");
    expect(await runCompare({ runs: [old, `${fresh}/`], out, title: "a < b & c" }, printed.out)).toBe(0);
    page = readFileSync(out, "utf8");
  });

  test("has a row for each run, with a dash for missing values", () => {
    const rows = [...parse(page).querySelectorAll("tr")].map((row) =>
      [...row.querySelectorAll("th, td")].map((cell) => (cell.textContent ?? "").trim()),
    );
    expect(rows[0]).toEqual([
      ...["#", "run", "method", "accuracy", "before fine-tuning", "sparsity", "fewer weights", "smaller as bitmask"],
      ...["smaller as CSR", "multiply-adds", "L1, threshold", "L1, decay", "seconds", "seed"],
    ]);
    // 66 of 220 left: 232 · 32 = 7424 bits against 220 + 66 · 32 + 12 · 32 = 2716 as bitmask; as CSR
    // 16 (32 + 3) + 5 · 5 and 50 (32 + 5) + 11 · 6 and 12 · 32 = 2885.
    expect(rows[1]).toEqual([
      ...["1", "old", "lats", "99.12 %", "–", "70.00 %", "3.33x", "2.73x", "2.57x", "–", "0.002", "0.001", "12.3", "0"],
    ]);
    expect(rows[2]?.slice(0, 7)).toEqual(["2", "new", "str", "98.76 %", "97.50 %", "90.00 %", "10.0x"]);
    expect(rows[2]?.slice(9)).toEqual(["123M → 4.57M", "0.002", "0.001", "12.3", "3"]);
    expect(rows).toHaveLength(3);
  });

  test("has every section, and charts of valid SVG", async () => {
    const headings = [...parse(page).querySelectorAll("h2, h3")].map((h) => h.textContent);
    expect(headings).toEqual([
      "Runs",
      "Accuracy against sparsity",
      "Threshold and L1 coefficient",
      "Threshold",
      "L1 coefficient of the threshold's rise",
      "L1 coefficient in total, with weight decay",
      "Sparsity of each layer",
      "Weights that survived",
      "Pruned and regrown per epoch",
      "Pruned",
      "Regrown",
      "Overlap with the epoch before (intersection over union of the surviving weights)",
    ]);
    const charts = svgs(page);
    expect(charts).toHaveLength(9);
    for (const svg of charts) expect((await rasterize(svg)).length).toBeGreaterThan(1000);
    // A histogram for the run that has a model, names at the curves, sparsities that can be read.
    expect(charts.filter((svg) => svg.includes("surviving weights of"))).toHaveLength(1);
    expect(page).toContain("22 weights left of 220");
    expect(charts[1]).toContain("1 old");
    for (const label of [">80<", ">90<"]) expect(charts[0]).toContain(label);
  });

  test("is self-contained", () => {
    expect(page).toContain("<title>a &lt; b &amp; c</title>");
    expect(page.replaceAll('xmlns="http://www.w3.org/2000/svg"', "")).not.toMatch(
      /<script|<link|src=|href=|https?:|url\((?!#)/,
    );
    expect(page).not.toMatch(/NaN|undefined|Infinity/);
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map((m) => m[1]);
    expect(new Set(ids).size).toBe(ids.length);
  });

  test("prints the table and the path of the page, and emits the table", () => {
    expect(printed.said.join("\n")).toContain("70.00 %");
    expect(printed.said.at(-1)).toBe(`page           ${join(root, "pages", "both.html")}`);
    expect(printed.emitted).toHaveLength(1);
    const [record] = printed.emitted as [{ kind: string; runs: Record<string, unknown>[] }];
    expect(record.kind).toBe("compare");
    expect(record.runs[1]).toMatchObject({ number: 2, method: "str", seed: 3, macs: 123_456_789, compression: 10 });
    expect(record.runs[0]).toMatchObject({ macs: null, accuracyBeforeFinetune: null, l1Threshold: 0.002 });
    expect((record.runs[0] as { l1Decay: number }).l1Decay).toBeCloseTo(0.001, 12);
  });
});

describe("contents of runs", () => {
  test("masks of all layers give the overlap, if there are any", () => {
    const [plain, watched] = readRuns([
      writeRun("plain", { accuracy: 0.9, zeros: [4, 150] }),
      writeRun("watched", { method: "soft", schedule: "sine", accuracy: 0.9, zeros: [10, 100] }),
    ]);
    expect(plain?.epochs.map((e) => [e.pruned, e.regrown, e.iou])).toEqual([
      [30, 0, null],
      [20, 1, null],
    ]);
    // At the end 110 of 220 alive, 55 of the 165 before went: 110 / 165.
    expect(watched?.epochs[1]).toMatchObject({ pruned: 55, regrown: 0, iou: 110 / 165 });
    expect([plain?.method, watched?.method]).toEqual(["lats", "sine"]);
  });

  test("names are as short as possible, numbers as on the command line", () => {
    const paths = ["a/x", "b/x", "b/y"].map((name) => writeRun(name, { accuracy: 0.5, zeros: [0, 0] }));
    expect(readRuns(paths).map((run) => [run.number, run.name])).toEqual([
      [1, "a/x"],
      [2, "b/x"],
      [3, "b/y"],
    ]);
  });

  test("a run with only a result, dead or perfect, makes a page", async () => {
    const bare = join(root, "bare");
    mkdirSync(bare);
    writeFileSync(join(bare, "result.json"), JSON.stringify({ accuracy: 1, sparsity: 1 }));
    const dead = writeRun("dead", { method: "snip", accuracy: 0.1, zeros: [20, 200], model: true });
    for (const paths of [[bare], [dead], [bare, dead]]) {
      const page = comparePage(readRuns(paths), "t");
      expect(page).not.toMatch(/NaN|undefined|Infinity/);
      for (const svg of svgs(page)) expect((await rasterize(svg)).length).toBeGreaterThan(1000);
    }
    expect(comparePage(readRuns([dead]), "t")).toContain("all zero");
  });

  test("many runs, of any accuracy and sparsity, make a page of finite numbers", () => {
    const [template] = readRuns([writeRun("template", { method: "gmp", accuracy: 0.9, zeros: [4, 150] })]);
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const outcome = fc.record({ accuracy: share, sparsity: share, method: fc.constantFrom("lats", "str", "gmp") });
    fc.assert(
      fc.property(fc.array(outcome, { minLength: 1, maxLength: 14 }), (outcomes) => {
        const runs = outcomes.map((o, i) => ({ ...template!, ...o, number: i + 1, settings: String(i), seed: i }));
        const page = comparePage(runs, "any");
        expect(page).not.toMatch(/NaN|undefined|Infinity/);
        expect(parse(page).querySelectorAll("tbody tr")).toHaveLength(runs.length);
      }),
      { numRuns: 12 },
    );
  });
});

describe("refusals", () => {
  const compare = (...runs: string[]) => runCompare({ runs, out: join(root, "refused.html") }, collect().out);

  test("names the missing part", async () => {
    const unfinished = join(root, "unfinished");
    mkdirSync(unfinished);
    await expect(compare()).rejects.toThrow("compare: expected at least one run's directory, got none");
    await expect(compare(join(root, "nowhere"))).rejects.toThrow("nowhere: no such directory");
    await expect(compare(unfinished)).rejects.toThrow("unfinished: holds no result.json; is it a run's directory?");
    writeFileSync(join(unfinished, "metrics.jsonl"), "");
    await expect(compare(unfinished)).rejects.toThrow("npm run -s espalier -- train --resume");
    await expect(compare(join(unfinished, "metrics.jsonl"))).rejects.toThrow("expected a run's directory, got a file");
    writeFileSync(join(unfinished, "result.json"), "{");
    await expect(compare(unfinished)).rejects.toThrow(/cannot read .*result\.json as JSON/);
    writeFileSync(join(unfinished, "result.json"), `{"accuracy": "high", "sparsity": 1}`);
    await expect(compare(unfinished)).rejects.toThrow(`accuracy: expected a number, got "high"`);
    expect(existsSync(join(root, "refused.html"))).toBe(false);
  });

  test("refuses the same run twice, also by another path", async () => {
    const run = writeRun("once", { accuracy: 0.9, zeros: [0, 0] });
    await expect(compare(run, run)).rejects.toThrow("once: expected each run once, got it twice");
    symlinkSync(run, join(root, "alias"));
    await expect(compare(run, join(root, "alias"))).rejects.toThrow(
      /alias: expected each run once, got it twice, also as .*once/,
    );
  });

  test("refuses counts that do not fit their shapes, and weights that are NaN", async () => {
    const run = writeRun("broken", { accuracy: 0.9, zeros: [21, 0] });
    await expect(compare(run)).rejects.toThrow("conv.weight: expected 0 to 20 zeros, got 21");
    const other = writeRun("nan", { accuracy: 0.9, zeros: [0, 0], model: true });
    const data = Float32Array.from({ length: 200 }, () => Number.NaN);
    const tensors = [
      ["conv.weight", { dtype: "F32" as const, shape: [4, 5], data: data.slice(0, 20) }],
      ["fc.weight", { dtype: "F32" as const, shape: [10, 20], data }],
    ] as const;
    writeFileSync(join(other, "model.safetensors"), writeSafetensors(new Map<string, FileArrayInput>(tensors)));
    await expect(compare(other)).rejects.toThrow(/model\.safetensors: .*weight 0: expected a number, got NaN/);
  });

  test("refuses a page that is not .html", async () => {
    const run = writeRun("fine", { accuracy: 0.9, zeros: [0, 0] });
    const to = (out: string) => runCompare({ runs: [run], out }, collect().out);
    await expect(to(join(run, "result.json"))).rejects.toThrow("--out: expected an .html file");
    mkdirSync(join(root, "folder.html"));
    await expect(to(join(root, "folder.html"))).rejects.toThrow("expected an .html file, got the folder");
  });
});

test("the command uses its flags and reports the exit code", async () => {
  const run = writeRun("commanded", { accuracy: 0.9, zeros: [1, 2] });
  const command = new Command().exitOverride();
  let code = -1;
  addCompareCommand(command.command("compare"), (c) => {
    code = c;
  });
  const out = join(root, "commanded.html");
  const write = process.stdout.write;
  const printed: string[] = [];
  process.stdout.write = ((text: string) => printed.push(text) > 0) as typeof process.stdout.write;
  try {
    await command.parseAsync(["compare", run, "--out", out, "--title", "Two words", "--json"], { from: "user" });
  } finally {
    process.stdout.write = write;
  }
  expect(code).toBe(0);
  expect(JSON.parse(printed.join(""))).toMatchObject({ kind: "compare", out, runs: [{ run: "commanded" }] });
  expect(readFileSync(out, "utf8")).toContain("<h1>Two words</h1>");
});

describe("pieces of charts", () => {
  test("nines: decades to 1, with marks at common sparsities", () => {
    expect(nines(0.9)).toBeCloseTo(1, 12);
    expect(nines(0.999)).toBeCloseTo(3, 12);
    expect(nines(1, 1e-4)).toBeCloseTo(4, 12);
    const shown = nineTicks(0.5, 2.4).map((s) => Number(s.toFixed(4)));
    expect(shown).toEqual([0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.995]);
  });

  test("spread keeps order, gap and bounds whenever there is room", () => {
    fc.assert(
      fc.property(fc.array(fc.double({ min: 0, max: 300, noNaN: true }), { minLength: 1, maxLength: 20 }), (at) => {
        const out = spread(at, 15, 300);
        const sorted = out.map((y, i) => ({ y, from: at[i]! })).sort((a, b) => a.y - b.y);
        for (const [i, item] of sorted.entries()) {
          expect(item.y).toBeGreaterThanOrEqual(-1e-9);
          expect(item.y).toBeLessThanOrEqual(300 + 1e-9);
          const before = sorted[i - 1];
          if (before) expect(item.y - before.y).toBeGreaterThanOrEqual(15 - 1e-9);
          if (before) expect(item.from).toBeGreaterThanOrEqual(before.from);
        }
      }),
    );
  });

  test("shortens names and counts", () => {
    expect(shorten("abcdefghij", 10)).toBe("abcdefghij");
    expect(shorten("abcdefghijk", 10)).toBe("abcde…hijk");
    expect([0, 999, 1000, 12_345, 4_089_284_608].map((n) => compact(n))).toEqual(["0", "999", "1k", "12.3k", "4.09G"]);
  });
});
