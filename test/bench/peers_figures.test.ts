// The project's figures: the comparison with a bar, and the text of a row.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { type Bar, FIGURE_HEAD, figureRow, formatFigure, reaches } from "../../bench/figures.ts";

const least: Bar = { value: 12, kind: "least", unit: "x" };
const most: Bar = { value: 35, kind: "most", unit: "us/dispatch" };

describe("a bar", () => {
  test("is reached on its side, equality included", () => {
    expect([11.999, 12, 13].map((v) => reaches(v, least))).toEqual([false, true, true]);
    expect([34, 35, 35.001].map((v) => reaches(v, most))).toEqual([true, true, false]);
  });

  test("is not reached by a missing value", () => {
    for (const bar of [least, most]) {
      expect(reaches(null, bar)).toBe(false);
      expect(reaches(Number.NaN, bar)).toBe(false);
    }
  });

  test("of one kind is the opposite of the other except at equality", () => {
    fc.assert(
      fc.property(fc.double({ noNaN: true }), fc.double({ noNaN: true }), (value, bar) => {
        fc.pre(value !== bar);
        const one = reaches(value, { value: bar, kind: "least", unit: "" });
        expect(reaches(value, { value: bar, kind: "most", unit: "" })).toBe(!one);
      }),
    );
  });
});

describe("a row", () => {
  test("shows the measured value, the bar and the verdict", () => {
    expect(figureRow("matmul", least, { value: 13.456, detail: "512" })).toEqual({
      name: "matmul",
      measured: "13.5x",
      bar: ">= 12x",
      ok: true,
      detail: "512",
    });
    expect(figureRow("overhead", most, { value: 50 })).toMatchObject({
      measured: "50 us/dispatch",
      bar: "<= 35 us/dispatch",
      ok: false,
    });
  });

  test("shows the reason for a missing value", () => {
    const row = figureRow("peers", least, { value: null, detail: "npm ci --prefix bench/peers" });
    expect(row).toMatchObject({ measured: "not measured", ok: false });
    expect(formatFigure(row)).toMatch(/^peers +not measured +>= 12x {2}short {2}npm ci --prefix bench\/peers$/);
  });

  test("aligns with the columns of the header", () => {
    const line = formatFigure(figureRow("matmul", least, { value: 13 }));
    expect(line.endsWith("ok")).toBe(true);
    expect(line.indexOf(">= 12x") + ">= 12x".length).toBe(FIGURE_HEAD.length);
  });
});
