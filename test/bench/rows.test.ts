// Formatting of results: units, shares, and the table.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { adapterName, formatMs, formatPercent, formatRatio, sharesOf, threeDigits } from "../../bench/lib/rows.ts";
import { selectCases } from "../../bench/lib/run.ts";
import { renderTable } from "../../bench/lib/terminal.ts";
import { kernelResult, sample, variant } from "./sample.ts";

describe("numbers of a report", () => {
  test("have three digits", () => {
    const texts = [0, 0.00012345, 0.012345, 0.9996, 1.2345, 9.999, 12.345, 99.99, 123.45, 12345, Number.NaN];
    expect(texts.map(threeDigits)).toEqual([
      "0",
      "1.23e-4",
      "0.0123",
      "1.00",
      "1.23",
      "10.0",
      "12.3",
      "100",
      "123",
      "12345",
      "-",
    ]);
    fc.assert(
      fc.property(fc.double({ min: 1e-6, max: 1e6, noNaN: true }), (v) => {
        expect(Math.abs(Number(threeDigits(v)) / v - 1)).toBeLessThan(0.0051);
      }),
    );
  });

  test("have a fitting unit", () => {
    expect([0.0421, 3.056, 1203].map(formatMs)).toEqual(["42.1 us", "3.06 ms", "1.20 s"]);
    expect([0.0004, 0.034, 0.87, 10.88].map(formatPercent)).toEqual(["0.0 %", "3.4 %", "87 %", "1088 %"]);
    expect([1, 13.66, 163.9].map(formatRatio)).toEqual(["1.00x", "13.7x", "164x"]);
  });

  test("express a time as shares of the run's peaks", () => {
    // 2 GFLOP and 10 MB in 40 ms: 50 GFLOP/s of 100, 0.25 GB/s of 10.
    expect(sharesOf(kernelResult("g", "n", []), 40, sample().gauge)).toEqual({
      gflops: 50,
      gbs: 0.25,
      fma: 0.5,
      copy: 0.025,
    });
  });

  test("name adapters with little information", () => {
    const silent = { description: "", vendor: "google", architecture: "swiftshader" };
    expect(adapterName(silent)).toBe("google swiftshader");
    expect(adapterName({ description: "", vendor: "", architecture: "" })).toMatch(/without a name/);
  });
});

describe("the table", () => {
  test("shows each kind of case, and no control characters", () => {
    const { cases, gauge } = sample([
      kernelResult("matmul", "big", [variant("naive", 400), variant("auto", 40, { ratio: 10 })]),
      kernelResult("elementwise", "copy", [variant("naive", 2)], { flops: 0 }),
      { kind: "host", group: "training", name: "lenet", figures: [{ name: "step", value: 12.5, unit: "ms" }] },
      { kind: "failure", group: "pool", name: "bad", error: "off by \u001b[31m1\nmore" },
    ]);
    const text = renderTable(cases, gauge, { isTTY: false });
    const line = (part: string) => text.split("\n").find((l) => l.includes(part));
    expect(line("auto")).toMatch(
      /40\.0 ms \|\s+1\.0 % \|\s+50\.0 \|\s+50 % \|\s+0\.250 \|\s+2\.5 % \|\s+10\.0x \|\s+12\.0 ms/,
    );
    expect(text.split("\n")[text.split("\n").findIndex((l) => l.includes("elementwise")) + 1]).toMatch(
      /2\.00 ms \|.*\| +- \| +- \|/,
    );
    expect(line("lenet")).toMatch(/training {2}lenet: step 12\.5 ms/);
    expect(line("bad")).toMatch(/FAILED off by \?\[31m1/);
    expect(text).not.toContain("more");
  });
});

describe("selectCases", () => {
  const named = (group: string, name: string) => ({ kind: "host" as const, group, name, measure: async () => [] });
  const cases = [named("conv2d", "forward 3x3 [8,16]"), named("conv2d", "forward 1x1"), named("matmul", "512x512")];
  const pick = (...filters: string[]) => selectCases(cases, filters).map((c) => c.name);

  test("matches all words of any filter, ignoring case", () => {
    expect(pick()).toHaveLength(3);
    expect(pick("CONV2D")).toHaveLength(2);
    expect(pick("conv2d 1x1")).toEqual(["forward 1x1"]);
    expect(pick("1x1", "matmul")).toEqual(["forward 1x1", "512x512"]);
    expect(pick("nothing")).toEqual([]);
  });
});
