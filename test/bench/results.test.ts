// The JSON file of the benchmarks: writing, reading, and refusing other files.
import { describe, expect, test } from "vitest";
import { FORMAT, formatResults, parseResults, ResultsError } from "../../bench/lib/results.ts";
import { kernelResult, sample, variant } from "./sample.ts";

const whole = sample([
  kernelResult("matmul", "a", [variant("naive", 10), variant("auto", 1, { ratio: 10 })]),
  { kind: "host", group: "training", name: "lenet", figures: [{ name: "step", value: 3.5, unit: "ms" }] },
  { kind: "failure", group: "pool", name: "b", error: "off" },
]);

describe("benchmark results", () => {
  test("round-trip, with and without cases", () => {
    for (const results of [whole, sample()]) {
      const text = formatResults(results);
      expect(parseResults(text, "x.json")).toEqual(results);
      expect(text.endsWith("}\n")).toBe(true);
    }
  });

  test("have one line per case", () => {
    const lines = formatResults(whole).split("\n");
    for (const kind of ["kernel", "host", "failure"]) {
      expect(lines.filter((line) => line.includes(`"kind":"${kind}"`))).toHaveLength(1);
    }
  });

  test("are refused with the file's name and the reason", () => {
    const parse = (data: unknown) => () => parseResults(JSON.stringify(data), "old.json");
    expect(() => parseResults("{", "old.json")).toThrow(/old\.json: is not JSON/);
    expect(parse({})).toThrow(/old\.json: format: expected "espalier-bench\/1", got no format/);
    expect(parse(null)).toThrow(/got no format/);
    expect(parse({ ...whole, format: "espalier-bench/99" })).toThrow(/got "espalier-bench\/99"/);
    expect(parse({ format: FORMAT })).toThrow(ResultsError);
    const broken = structuredClone(whole) as unknown as { cases: { variants: { ms: unknown }[] }[] };
    (broken.cases[0]?.variants[1] as { ms: unknown }).ms = "fast";
    expect(parse(broken)).toThrow(/old\.json: cases\.0\.variants\.1\.ms:/);
  });
});
