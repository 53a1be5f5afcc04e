// Compares two runs.
import { describe, expect, test } from "vitest";
import { compareResults } from "../../bench/lib/compare.ts";
import { renderComparison } from "../../bench/lib/terminal.ts";
import { kernelResult, sample, variant } from "./sample.ts";

const a = sample([
  kernelResult("matmul", "512", [variant("naive", 100), variant("auto", 10)]),
  kernelResult("pool", "noisy", [variant("auto", 10, { spread: 0.2 })]),
  kernelResult("pool", "gone", [variant("auto", 1)]),
]);
const b = sample([
  kernelResult("matmul", "512", [variant("naive", 101), variant("auto", 5), variant("new", 4)]),
  kernelResult("pool", "noisy", [variant("auto", 12, { spread: 0.1 })]),
]);

describe("compareResults", () => {
  const comparison = compareResults(a, b);

  test("lists the common variants, the largest loss first", () => {
    expect(comparison.rows.map((r) => [r.title, r.variant, Number(r.speedup.toFixed(3))])).toEqual([
      ["pool noisy", "auto", 0.833],
      ["matmul 512", "naive", 0.99],
      ["matmul 512", "auto", 2],
    ]);
    expect(comparison.mean).toBeCloseTo(((10 / 12) * (100 / 101) * 2) ** (1 / 3), 12);
  });

  test("reports a change only if it exceeds the noise of both runs", () => {
    expect(comparison.rows.map((r) => r.beyondNoise)).toEqual([false, false, true]);
    expect(comparison.rows[0]?.noise).toBeCloseTo(Math.hypot(0.2, 0.1), 12);
  });

  test("names cases that only one run has", () => {
    expect(comparison.onlyA).toEqual(["pool gone: auto"]);
    expect(comparison.onlyB).toEqual(["matmul 512: new"]);
  });

  test("warns about runs that are not comparable", () => {
    expect(comparison.warnings).toEqual([]);
    const other = sample([{ kind: "failure", group: "g", name: "n", error: "e" }], {
      complete: false,
      adapter: { ...b.adapter, description: "another" },
      gauge: { ...b.gauge, copyGBs: 20 },
    });
    const { warnings, mean, rows } = compareResults(a, other);
    expect(warnings.join("\n")).toMatch(/different adapters.*a test adapter.*another/);
    expect(warnings.join("\n")).toMatch(/B was stopped/);
    expect(warnings.join("\n")).toMatch(/1 cases of B failed/);
    expect(warnings.join("\n")).toMatch(/copy 2\.00x, multiply-add 1\.00x/);
    expect(rows).toEqual([]);
    expect(mean).toBeNaN();
  });

  test("prints as a table", () => {
    const lines = renderComparison(comparison, { isTTY: false }).split("\n");
    const auto = lines.find((line) => line.includes("matmul 512") && line.includes("auto"));
    expect(auto).toMatch(/10\.0 ms \|\s+5\.00 ms \|\s+2\.00x \|\s+1\.4 % \| faster/);
    expect(lines.find((line) => line.includes("noisy"))).not.toMatch(/slower/);
  });
});
