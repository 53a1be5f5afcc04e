// The page and the figure of simulated results.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import { drawingOf, freezeOf } from "../../tools/reproduce/drawings.ts";
import { styleOf } from "../../tools/reproduce/figure.ts";
import { pageOf } from "../../tools/reproduce/page.ts";
import { type Experiment, readExperiments } from "../../tools/reproduce/plan.ts";
import { coveredRows } from "../../tools/reproduce/rows_figure.ts";
import { Tries } from "../../tools/reproduce/runs.ts";
import { rowsOf } from "../../tools/reproduce/summary.ts";
import { writePages } from "../../tools/reproduce/write.ts";
import { madeUpResults, madeUpTries, small } from "./made_up.ts";

const experiment = small();
const lines = await madeUpResults(experiment);
const page = (of: Experiment, tries: Tries) => pageOf({ experiment: of, rows: rowsOf(of, tries), tries });
const text = page(experiment, new Tries(lines));
/** Cells of the first row that begins with a name, after a heading. */
function row(whole: string, after: string, name: string): string[] {
  const part = whole.slice(whole.indexOf(after));
  const found = part.split("\n").find((line) => line.startsWith(`| ${name} |`)) ?? "";
  return found
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}

describe("summary", () => {
  test("compares each method with the reference at the same seeds, corrected over the experiment", () => {
    const rows = rowsOf(experiment, new Tries(lines));
    const of = (method: string, level: number) => rows.find((r) => r.method === method && r.level === level)!;
    expect(of("lats", 0.8).against).toBeNull();
    const gmp = of("gmp", 0.8).against!;
    expect(gmp.n).toBe(3);
    expect(gmp.mean).toBeCloseTo(-0.003, 3);
    expect(gmp.p).toBeGreaterThan(0);
    expect(of("gmp", 0.8).work.mean).toBeCloseTo(0.2, 2);
    expect(of("gmp", 0.8).accuracy.mean - of("gmp", 0.8).raw.mean).toBeCloseTo(0.01, 12);
  });

  test("leaves pairs out of the test whose share of zeros missed the level", () => {
    // All six runs ended beside the level.
    const some = lines.flatMap((line) =>
      line.cell.startsWith("small/wd0/gmp/0.80/s1")
        ? Array.from({ length: 6 }, () => ({ ...line, sparsity: 0.79 }))
        : [line],
    );
    const missed = rowsOf(experiment, new Tries(some)).find((r) => r.method === "gmp" && r.level === 0.8)!;
    expect(missed.matched).toBe(false);
    expect(missed.against!.n).toBe(2);
    expect(row(page(experiment, new Tries(some)), "### 80 % zeros", "gmp")[2]).toMatch(/ †$/);
  });
});

describe("interpolation", () => {
  test("takes the accuracy between two runs around the level where none reaches it", () => {
    const [from, ...rest] = lines.filter((line) => line.cell.startsWith("small/wd0/gmp/0.80/s1"));
    expect(rest).toEqual([]);
    const runs = [0.79, 0.83, 0.7].map((sparsity, i) => ({
      ...from!,
      sparsity,
      accuracy: 0.9 - 0.1 * i,
      recalibrated: 0.95 - 0.1 * i,
    }));
    const some = [...lines.filter((line) => line !== from), ...runs, ...runs];
    const row = rowsOf(experiment, new Tries(some)).find((r) => r.method === "gmp" && r.level === 0.8)!;
    expect([row.matched, row.interpolated, row.against!.n]).toEqual([true, 1, 3]);
    // A quarter of the way from 79 to 83 %.
    expect(row.results.get(1)).toMatchObject({ sparsity: 0.8, interpolated: true });
    expect(row.results.get(1)!.accuracy).toBeCloseTo(0.925, 9);
    expect(row.results.get(1)!.raw).toBeCloseTo(0.875, 9);
    // One side is too far from the level.
    const far = [
      ...lines.filter((line) => line !== from),
      ...runs.map((r) => (r.sparsity === 0.83 ? { ...r, sparsity: 0.9 } : r)),
    ];
    const missed = rowsOf(
      experiment,
      new Tries([...far, ...runs.slice(0, 1), ...runs.slice(0, 1), ...runs.slice(0, 1)]),
    );
    expect(missed.find((r) => r.method === "gmp" && r.level === 0.8)).toMatchObject({
      matched: false,
      interpolated: 0,
    });
  });
});

describe("page", () => {
  test("describes the runs, the budget and the adapter", () => {
    expect(text).toContain("Adapter: made up; Espalier 1.2.3");
    expect(text).toMatch(/within 0\.1 points of the level, with at most 6 runs/);
    expect(text).toMatch(/cosine learning rate from 0\.1, momentum 0\.9; no crops, no flips/);
    const budget = row(text, "## How it was run", "no weight decay");
    expect(budget.slice(0, 6)).toEqual(["no weight decay", "60 a class", "2", "128", "0", "47"]);
    expect(row(text, "## How it was run", "weight decay 5e-4")[4]).toBe("0.0005");
  });

  test("has both accuracies with intervals, share, multiply-adds, difference and p in each row", () => {
    const gmp = row(text, "### 80 % zeros", "gmp");
    expect(gmp[1]).toBe("3");
    expect(gmp[2]).toBe("80.00");
    expect(gmp[3]).toBe("20.0");
    expect(gmp[4]).toMatch(/^97\.\d\d ± 0\.\d\d$/);
    expect(gmp[5]).toMatch(/^98\.\d\d ± 0\.\d\d$/);
    expect(gmp[6]).toMatch(/^−0\.\d\d ± 0\.\d\d$/);
    expect(gmp[7]).toMatch(/^(< )?0\.\d{3}$/);
    expect(row(text, "### 80 % zeros", "lats").slice(6)).toEqual(["", ""]);
  });

  test("states the best method, the place of the reference, and significant differences", () => {
    expect(text).toMatch(
      /At 80 %, the highest mean is that of lats, .* lats is number 1 of 8\. Significantly better than lats \(p < 0\.05\): none\. Significantly worse: /,
    );
  });

  test("shows what is missing or broke down", async () => {
    const some = lines
      .filter(({ cell }) => !cell.includes("slats/0.80/s2") && !cell.includes("/linear/"))
      .map((line) =>
        line.cell.includes("/gmp/0.80/s1") ? { ...line, accuracy: null, sparsity: null, failed: "NaN" } : line,
      );
    const partly = page(experiment, new Tries(some));
    expect(row(partly, "### 80 % zeros", "gmp")[1]).toBe("2, 1 broke down");
    expect(row(partly, "### 80 % zeros", "slats")[1]).toBe("2, 1 to run");
    expect(row(partly, "### 80 % zeros", "linear")).toEqual([]);
    const one = page(experiment, new Tries(lines.slice(0, 1)));
    for (const bad of ["NaN", "undefined", "Infinity"]) {
      expect(one).not.toContain(bad);
      expect(text).not.toContain(bad);
    }
  });
});

describe("figures", () => {
  const kinds = ["tradeoff", "rows", "lambda", "operations", "trail"] as const;

  test("draw each kind with all methods, the dense network and a note", async () => {
    for (const kind of kinds) {
      const measure = kind === "operations" ? ", measure: [activity]" : kind === "trail" ? ", measure: [epochs]" : "";
      const own = small(
        ["kind: tradeoff", `kind: ${kind}`],
        ["levels: [0.8, 0.98], seeds: 3", `levels: [0.8, 0.98], seeds: 3${measure}`],
        ["  - { methods: [shuffled at-init], levels: [0.8], seeds: 2, panels: [wd0] }\n", ""],
      );
      const tries = await madeUpTries(own);
      const { svg } = drawingOf(own, rowsOf(own, tries))!;
      const { document } = parseHTML(`<html><body>${svg}</body></html>`);
      const texts = [...document.querySelectorAll("text")].map((node) => node.textContent ?? "");
      for (const wanted of ["lats", "at-init", "dense"]) expect(texts, `${kind} ${wanted}`).toContain(wanted);
      expect(texts.some((one) => /bars: 95 % confidence intervals/.test(one))).toBe(true);
      expect(svg, kind).not.toContain("NaN");
      if (kind === "lambda") expect(page(own, tries)).toMatch(/\| lats \| 0\.01 \| 0\.02 \| 2 \|/);
      if (kind === "operations")
        expect(row(page(own, tries), "### 80 % zeros", "lats").slice(8)).toEqual(["2k", "9.0"]);
      if (kind === "trail") expect(page(own, tries)).toMatch(/Models of lats, epoch by epoch/);
    }
  });

  test("leave the last few rows out of an axis that they alone would stretch", () => {
    const rows = (...values: number[]) => values.map((value) => ({ value }));
    const even = rows(0.98, 0.979, 0.978, 0.977, 0.976, 0.975);
    expect(coveredRows(even)).toEqual(even);
    expect(coveredRows([...even.slice(0, 5), { value: 0.9 }])).toEqual(even.slice(0, 5));
    const two = [...even, ...even, { value: 0.9 }, { value: 0.5 }];
    expect(coveredRows([...even, ...two])).toHaveLength(18);
    // Of three rows, none is left out.
    expect(coveredRows(rows(0.98, 0.97, 0.1))).toHaveLength(3);
    const rowsOnly = small(["kind: tradeoff", "kind: rows"]);
    const { svg } = drawingOf(rowsOnly, rowsOf(rowsOnly, new Tries(lines)))!;
    expect(svg).toContain("difference from lats in points");
    // Two panels and two levels; the reference is marked in each.
    expect(svg.match(/fill-opacity="0\.09"/g)).toHaveLength(4);
  });

  test("read series and epoch from the names of the freeze experiment, and draw a panel for each level", async () => {
    expect(freezeOf("beta 0.1, epoch 4")).toEqual({ series: "beta 0.1", epoch: 4 });
    expect(freezeOf("at-init 0.25")).toEqual({ series: "at-init", epoch: 0.25 });
    expect(freezeOf("shuffled at-init 0.5")).toEqual({ series: "shuffled at-init", epoch: 0.5 });
    expect(freezeOf("shuffled beta 0.5, epoch 1")).toEqual({ series: "shuffled beta 0.5", epoch: 1 });
    expect(freezeOf("dense")).toBeNull();
    const own = readExperiments().find(({ figure }) => figure.kind === "freeze")!;
    for (const name of own.methods.keys()) if (name !== "dense") expect(freezeOf(name), name).not.toBeNull();
    const rows = rowsOf(own, new Tries(await madeUpResults(own)));
    const { document } = parseHTML(`<html><body>${drawingOf(own, rows)!.svg}</body></html>`);
    const texts = [...document.querySelectorAll("text")].map((node) => node.textContent);
    for (const wanted of ["95 % zeros", "98 % zeros", "beta 0.5", "shuffled at-init"]) expect(texts).toContain(wanted);
  });

  test("have a look for each series", () => {
    const looks = Array.from({ length: 16 }, (_, i) => JSON.stringify(styleOf(i)));
    expect(new Set(looks).size).toBe(looks.length);
  });

  test("are written beside the page, as SVG and PNG", async () => {
    const folder = mkdtempSync(join(tmpdir(), "espalier-reproduce-"));
    try {
      expect(await writePages([experiment], new Tries([]), folder)).toEqual([]);
      const paths = await writePages([experiment], new Tries(lines), folder);
      expect(paths.map((path) => path.split("/").at(-1))).toEqual(["small.md", "small.svg", "small.png", "README.md"]);
      expect(readFileSync(paths[0]!, "utf8")).toBe(text);
      expect(readFileSync(paths[1]!, "utf8")).toMatch(/^<svg .*<\/svg>\n$/s);
      const list = readFileSync(paths[3]!, "utf8");
      expect(list).toContain("## [A small experiment](small.md)");
      expect(list).toContain("All 92 cells are finished.");
      expect(list).toMatch(/^- no weight decay\. At 80 %, the highest mean is that of lats, .*Significantly worse: /m);
      const one = new Tries(lines.filter(({ seed, cell }) => seed === 0 && cell.includes("/wd0/")));
      await writePages([experiment], one, folder);
      const partly = readFileSync(paths[3]!, "utf8");
      expect(partly).toMatch(/^16 of 92 cells are finished\./m);
      expect(partly).toMatch(
        /the highest accuracy is that of lats, .* No difference is tested: that needs two seeds\./,
      );
      expect([...readFileSync(paths[2]!).subarray(1, 4)]).toEqual([...Buffer.from("PNG")]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
