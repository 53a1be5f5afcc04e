// The figure of a run: complete, true to its data, and robust against any rows.
import fc from "fast-check";
import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import { type PlotRow, renderRunPlot } from "../../src/report/plot.ts";
import { pick, quantile, smooth, smoothingWidth, thin } from "../../src/report/plot_data.ts";

/** A realistic run: falling loss with noise, rising sparsity, two epochs. */
function sampleRun(steps = 400): PlotRow[] {
  const rows: PlotRow[] = [];
  for (let step = 2; step <= steps; step += 2) {
    const loss = 2.2 * Math.exp(-step / 60) + 0.05;
    const noise = 1 + 0.3 * Math.sin(step * 12.9898);
    const threshold = (0.1 * step) / steps;
    rows.push({
      kind: "step",
      step,
      loss: loss * noise,
      accuracy: 1 - loss / 3,
      sparsity: 1 - Math.exp(-step / 100),
      threshold,
      lambda: 0.003,
    });
    if (step % 200 === 0) {
      rows.push({
        kind: "epoch",
        step,
        loss: 9,
        accuracy: 0.5,
        testLoss: loss,
        testAccuracy: 1 - loss / 4,
        sparsity: 0.9,
        threshold,
      });
    }
  }
  return rows;
}

const parse = (svg: string) => parseHTML(`<!doctype html><html><body>${svg}</body></html>`).document;
const texts = (svg: string) => [...parse(svg).querySelectorAll("text")].map((t) => t.textContent ?? "");

describe("renderRunPlot", () => {
  const plot = renderRunPlot(sampleRun(), { title: "lenet-bn on mnist" });

  test("has a title, five panels with units, an axis and the last values", () => {
    const all = texts(plot.svg);
    expect(all[0]).toBe("lenet-bn on mnist");
    expect(all[1]).toContain("400 steps");
    expect(all[1]).toMatch(/test accuracy 98\.\d\d %/);
    const headings = [
      /^Losscross entropy in nats/,
      /^Accuracyper cent/,
      /^Sparsityzeros .* per cent/,
      /^Threshold din units of the weights/,
      /^Implied L1 coefficient λthreshold step \/ learning rate/,
    ];
    const found = headings.map((heading) => all.findIndex((t) => heading.test(t)));
    expect(found).toEqual([...found].sort((a, b) => a - b));
    expect(Math.min(...found)).toBeGreaterThan(0);
    expect(all.join("|")).toContain("optimiser steps  (dotted: ends of epochs)");
    for (const label of [/test 0\.05\d+/, /train 0\.0\d+/, /train 98\.\d+ %/, /98\.\d\d %/, /^0\.1$/, /^0\.003$/]) {
      expect(
        all.some((t) => label.test(t)),
        String(label),
      ).toBe(true);
    }
  });

  test("is white, self-contained XML with unique ids", () => {
    expect(plot.svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox="0 0 800 \d+"/);
    expect(plot.svg).toContain('fill="#ffffff"');
    expect(plot.svg).not.toMatch(/<style|<script|href=|NaN|undefined|Infinity/);
    const ids = [...plot.svg.matchAll(/ id="([^"]+)"/g)].map((m) => m[1]);
    expect(ids.length).toBeGreaterThan(0);
    expect(new Set(ids).size).toBe(ids.length);
    for (const [, used] of plot.svg.matchAll(/url\(#([^)]+)\)/g)) expect(ids).toContain(used);
  });

  test("gives the same text for the same rows", () => {
    expect(renderRunPlot(sampleRun(), { title: "lenet-bn on mnist" }).svg).toBe(plot.svg);
  });

  test("renders to a PNG of twice the width, with text and curves", async () => {
    const png = await plot.png();
    const view = new DataView(png.buffer, png.byteOffset);
    expect([...png.subarray(0, 8)]).toEqual([137, 80, 78, 71, 13, 10, 26, 10]);
    expect(view.getUint32(16)).toBe(1600);
    expect(view.getUint32(20)).toBe(2 * Number(/viewBox="0 0 800 (\d+)"/.exec(plot.svg)?.[1]));
    // an empty page of this size packs to 15 kB
    expect(png.length).toBeGreaterThan(40_000);
  });

  test("leaves epoch rows out of the training curves", () => {
    const other = sampleRun().map((row) => (row.kind === "epoch" ? { ...row, loss: 1e-3, accuracy: 0.01 } : row));
    expect(renderRunPlot(other, { title: "lenet-bn on mnist" }).svg).toBe(plot.svg);
  });

  test("draws only the panels with data", () => {
    const all = texts(
      renderRunPlot(
        [
          { step: 1, loss: 2 },
          { step: 2, loss: 1 },
        ],
        { title: "t" },
      ).svg,
    );
    expect(all.some((t) => t.startsWith("Loss"))).toBe(true);
    expect(all.some((t) => /^(Accuracy|Sparsity|Threshold|Implied)/.test(t))).toBe(false);
    expect(all).toContain("train 1");
    expect(all).toContain("optimiser steps");
  });

  test("draws dense runs, constants, single rows, missing values and extremes", () => {
    const dense = sampleRun().map((row) => ({ ...row, threshold: 0, lambda: 0, sparsity: 0 }));
    const odd: PlotRow[][] = [
      dense,
      [{ step: 0, loss: 0, accuracy: 0, sparsity: 0, threshold: 0, lambda: 0 }],
      [
        { step: 5, loss: 1e300, lambda: 1e-300 },
        { step: 6, loss: 1e-300, lambda: 1e300 },
      ],
      [
        { step: 1, loss: null, accuracy: Number.NaN, sparsity: 1 },
        { step: null, loss: 1 },
        { step: 2, loss: Number.POSITIVE_INFINITY, sparsity: 1 },
      ],
      Array.from({ length: 50 }, (_, i) => ({ step: i, loss: 3 - i / 10, lambda: 10 ** -i })),
    ];
    for (const rows of odd) expect(renderRunPlot(rows, { title: "" }).svg).not.toMatch(/NaN|undefined|Infinity/);
  });

  test("draws any finite numbers", () => {
    const share = fc.double({ min: 0, max: 1, noNaN: true });
    const size = fc.double({ min: 0, max: 1e6, noNaN: true });
    const row = fc.record(
      {
        kind: fc.constantFrom("step", "epoch"),
        step: fc.nat(1000),
        loss: size,
        accuracy: share,
        testLoss: size,
        testAccuracy: share,
        sparsity: share,
        threshold: size,
        lambda: size,
      },
      { requiredKeys: ["step", "loss"] },
    );
    fc.assert(
      fc.property(fc.array(row, { minLength: 1, maxLength: 50 }), (rows) => {
        expect(renderRunPlot(rows, { title: "any" }).svg).not.toMatch(/NaN|undefined|Infinity/);
      }),
      { numRuns: 25 },
    );
  });

  test("escapes the title", () => {
    const { svg } = renderRunPlot([{ step: 1, loss: 1 }], { title: `<script>"&'\u001b` });
    expect(svg).toContain("&lt;script&gt;&quot;&amp;'?");
    expect(svg).not.toContain("<script");
  });

  test("keeps the figure of a long run small", () => {
    const { svg } = renderRunPlot(sampleRun(60_000), { title: "long" });
    expect(svg.length).toBeLessThan(300_000);
  });

  test("refuses rows without numbers", () => {
    expect(() => renderRunPlot([], { title: "" })).toThrow(
      "run plot: expected rows with a step and a number, got 0 rows",
    );
    expect(() => renderRunPlot([{ step: 1 }, { loss: 1 }], { title: "" })).toThrow(RangeError);
  });
});

describe("plot data", () => {
  const curve = fc
    .array(fc.double({ min: -100, max: 100, noNaN: true }), { maxLength: 300 })
    .map((ys) => ys.map((y, x) => ({ x, y })));

  test("pick sorts by step, and prefers the later of two rows", () => {
    const rows = [
      { step: 3, loss: 1 },
      { step: 1, loss: 2 },
      { step: 3, loss: 4 },
      { step: 2, loss: "x" },
    ];
    expect(pick(rows, "loss")).toEqual([
      { x: 1, y: 2 },
      { x: 3, y: 4 },
    ]);
  });

  test("smooth keeps steps, bounds and constants", () => {
    fc.assert(
      fc.property(curve, fc.nat(20), (points, half) => {
        const smoothed = smooth(points, 2 * half + 1);
        expect(smoothed.map((p) => p.x)).toEqual(points.map((p) => p.x));
        const low = Math.min(...points.map((p) => p.y));
        const high = Math.max(...points.map((p) => p.y));
        for (const { y } of smoothed) {
          expect(y).toBeGreaterThanOrEqual(low - 1e-9); // differences of sums up to 3e4
          expect(y).toBeLessThanOrEqual(high + 1e-9);
        }
        expect(smooth(points, 1).every((p, i) => Math.abs(p.y - (points[i]?.y ?? 0)) < 1e-9)).toBe(true);
      }),
    );
    const line = Array.from({ length: 40 }, (_, x) => ({ x, y: 2 * x }));
    expect(smooth(line, 9)[20]?.y).toBeCloseTo(40, 9); // no lag
  });

  test("the width of smoothing is odd and grows with the curve", () => {
    expect(smoothingWidth(10)).toBe(1);
    for (const count of [30, 99, 1000, 12345]) {
      expect(smoothingWidth(count) % 2).toBe(1);
      expect(smoothingWidth(count)).toBeLessThan(count / 10 + 3);
    }
  });

  test("thin keeps order, ends, extremes, and few points", () => {
    fc.assert(
      fc.property(curve, fc.integer({ min: 10, max: 60 }), (points, most) => {
        const kept = thin(points, most);
        expect(kept.length).toBeLessThanOrEqual(Math.max(most + 4, 0));
        expect(kept[0]).toEqual(points[0]);
        expect(kept.at(-1)).toEqual(points.at(-1));
        expect(quantile(kept, 1)).toEqual(quantile(points, 1));
        expect(quantile(kept, 0)).toEqual(quantile(points, 0));
        for (let i = 1; i < kept.length; i++) expect(kept[i]?.x).toBeGreaterThan(kept[i - 1]?.x as number);
      }),
    );
  });
});
