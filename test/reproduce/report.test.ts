// The page and the figure of simulated results.
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import { resultFigure, styleOf } from "../../tools/reproduce/figure.ts";
import type { ResultLine } from "../../tools/reproduce/lines.ts";
import { METHOD_ORDER } from "../../tools/reproduce/methods.ts";
import { renderReport } from "../../tools/reproduce/report.ts";
import { summariesOf } from "../../tools/reproduce/statistics.ts";
import { writeReport } from "../../tools/reproduce/write.ts";
import { madeUpResults, SMALL } from "./made_up.ts";

const lines = await madeUpResults();
const page = (some: readonly ResultLine[]) => renderReport({ plan: SMALL, lines: some });
/** Cells of the first row of the page that begins with a name, after a heading. */
function row(text: string, after: string, name: string): string[] {
  const part = text.slice(text.indexOf(after));
  const found = part.split("\n").find((line) => line.startsWith(`| ${name} |`)) ?? "";
  return found
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());
}

describe("report", () => {
  test("describes the runs and the adapter", () => {
    const text = page(lines);
    expect(text).toContain("`npm run reproduce`");
    expect(text).toContain("Adapter: made up; Espalier 1.2.3");
    expect(text).toMatch(/cosine learning rate from 0\.1 to 0.*momentum 0\.9, weight decay 0/);
    expect(row(text, "## What was run", "mnist, lenet-bn").slice(0, 5)).toEqual([
      ...["mnist, lenet-bn", "600", "2", "128", "30"],
    ]);
    expect(text).toContain(`(${SMALL.calibrationSeed})`);
  });

  test("has mean, spread and sparsity in each cell, the best in bold", () => {
    const lats = row(page(lines), "## mnist, lenet-bn", "lats");
    // 0.99 - 0.02 · 0.8⁴ + 0.003 of seed 0, and 0.001 more of seed 1.
    expect(lats[1]).toBe("**98.53 ± 0.07** <sub>80.0 %</sub>");
    const gmp = row(page(lines), "## mnist, lenet-bn", "gmp");
    expect(gmp[1]).toBe("98.23 ± 0.07 <sub>80.0 %</sub>");
    expect(page(lines)).toContain("Dense: 99.05 ± 0.07 %");
  });

  test("computes the best method and the differences to lats", () => {
    const text = page(lines);
    expect(text).toMatch(
      /- 80 %: best is lats, 98\.53 ± 0\.07 %; no other within its standard deviation; against dense −0\.52 ± 0\.00 points; lats is number 1 of 7/,
    );
    expect(row(text, "Accuracy of lats minus", "gmp")[1]).toBe("+0.30 ± 0.00");
    expect(row(text, "Accuracy of lats minus", "slats")[1]).toBe("+0.30 ± 0.00");
  });

  test("lists the settings with their sparsity and number of tries", () => {
    const settings = (method: string) => row(page(lines), "### mnist, lenet-bn", method);
    expect(settings("lats").slice(0, 3)).toEqual(["lats", "threshold D", "0.08047 <sub>80.0 %, 1</sub>"]);
    expect(settings("str")[2]).toMatch(/^0\.00\d+ <sub>\d\d\.\d %, [1-4]<\/sub>$/);
    expect(settings("gmp")).toEqual([]);
  });

  test("shows what is missing, broke down or missed its level", () => {
    const some = lines
      .filter((line) => line.data === "mnist" && line.method !== "slats")
      .map((line): ResultLine => {
        if (line.id.endsWith("/gmp/0.80/s1")) return { ...line, accuracy: null, sparsity: null, failed: "NaN" };
        if (line.kind === "run" && line.method === "linear") return { ...line, sparsity: 0.5, accuracy: 1 };
        if (line.method === "ltp") return { ...line, accuracy: null, sparsity: null, failed: "NaN" };
        return line;
      });
    const text = page(some);
    const cells = (method: string) => row(text, "## mnist, lenet-bn", method);
    expect(cells("slats")[1]).toBe("not run");
    expect(cells("gmp")[1]).toMatch(/^98\.18 <sub>80\.0 %, n = 1, 1 broke down<\/sub>$/);
    expect(cells("ltp")[1]).toBe("broke down (2)");
    // Perfect, at half of the zeros: marked, and not the best.
    expect(cells("linear")[1]).toBe("100.00 ± 0.00 <sub>50.0 %, †</sub>".replace(", †", " †"));
    expect(text).toMatch(/80 %: best is lats/);
    expect(text).not.toContain("## fashion-mnist");
  });

  test("is a page even without counted results", () => {
    const text = page(lines.slice(0, 1));
    expect(text).toContain("# Pruning methods at matched sparsities");
    expect(text).not.toContain("NaN");
    expect(text).not.toContain("undefined");
  });
});

describe("figure", () => {
  const panels = SMALL.pairs.map((pair) => ({ pair, summaries: summariesOf(pair, lines) }));

  test("has a panel per pair, a symbol per cell, and names all methods", () => {
    const { svg } = resultFigure(panels, "a <note>");
    const { document } = parseHTML(`<html><body>${svg}</body></html>`);
    const texts = [...document.querySelectorAll("text")].map((node) => node.textContent);
    for (const wanted of ["mnist, lenet-bn", "fashion-mnist, lenet-bn", "lats", "at-init", "dense", "a <note>"]) {
      expect(texts).toContain(wanted);
    }
    const symbols = document.querySelectorAll('g[aria-label="dot"] path').length;
    const cells = panels.flatMap(({ summaries }) => summaries).filter(({ cell }) => cell.level > 0).length;
    // Those of the legend too; circles are circles.
    const circles = document.querySelectorAll('g[aria-label="dot"] circle').length;
    expect(symbols + circles).toBe(cells + 7);
    expect(svg).not.toContain("NaN");
  });

  test("draws all methods differently", () => {
    const looks = METHOD_ORDER.filter((name) => name !== "dense").map((name) => JSON.stringify(styleOf(name)));
    expect(new Set(looks).size).toBe(looks.length);
  });

  test("draws a single result", () => {
    const little = SMALL.pairs.map((pair) => ({ pair, summaries: summariesOf(pair, lines.slice(0, 2)) }));
    expect(resultFigure(little, "note").svg).toContain("no runs yet");
  });

  test("is written beside the page, as SVG and PNG", async () => {
    const folder = mkdtempSync(join(tmpdir(), "espalier-reproduce-"));
    try {
      expect(await writeReport(SMALL, [], folder)).toEqual([]);
      const paths = await writeReport(SMALL, lines, folder);
      expect(paths.map((path) => path.split(".").at(-1))).toEqual(["md", "svg", "png"]);
      expect(readFileSync(paths[0]!, "utf8")).toBe(page(lines));
      expect(readFileSync(paths[1]!, "utf8")).toMatch(/^<svg .*<\/svg>\n$/s);
      expect([...readFileSync(paths[2]!).subarray(1, 4)]).toEqual([...Buffer.from("PNG")]);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
