// The figure of a spiking network: a mark for each spike, a line for each potential, and only the data.
import fc from "fast-check";
import { parseHTML } from "linkedom";
import { describe, expect, test } from "vitest";
import type { SpikeFigure } from "../../src/internal.ts";
import { renderSpikePlot } from "../../src/report/spike_plot.ts";
import {
  fit as cut,
  numberedSteps,
  potentialDomain,
  stepAt,
  timeSpan,
  tracePath,
} from "../../src/report/spike_plot_data.ts";
import { sampleFigure } from "./spike_figures.ts";

const parse = (svg: string) => parseHTML(`<!doctype html><html><body>${svg}</body></html>`).document;
const texts = (svg: string) => [...parse(svg).querySelectorAll("text")].map((t) => t.textContent ?? "");
const paths = (svg: string) => [...parse(svg).querySelectorAll("path")].map((p) => p.getAttribute("d") ?? "");
const total = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);

describe("renderSpikePlot", () => {
  const figure = sampleFigure(8, 4);
  const plot = renderSpikePlot(figure, { title: "spiking-cnn on fashion-mnist" });

  test("labels classes, layers, rates, units and axes", () => {
    const all = texts(plot.svg);
    expect(all[0]).toBe("spiking-cnn on fashion-mnist");
    expect(all[1]).toBe("8 samples of 4 time steps  ·  neurons start at rest in each  ·  7 of 8 classified right");
    for (const wanted of [
      /^Spikesone row per neuron/,
      /^Membrane potentialin 4\.lif; .* θ = 1 \(dashed\), then reset to 0$/,
      /^neurons, layer by layer$/,
      /^potential \(no unit\)$/,
      /^time step of the sample$/,
      /^T-shirt\/top$/,
      /^→ T-shirt\/top$/,
      /^→ Dress$/,
      /^8\.lif$/,
      /^30 of 12,544$/,
      /^fire \d\d\.\d % of steps$/,
      /^neuron 1,017$/,
      /^\d+ spikes$/,
    ]) {
      expect(
        all.some((t) => wanted.test(t)),
        String(wanted),
      ).toBe(true);
    }
    for (const step of ["1", "2", "3", "4"]) expect(all.filter((t) => t === step).length).toBeGreaterThanOrEqual(8);
    const wrong = [...parse(plot.svg).querySelectorAll("text")].filter((t) => t.getAttribute("fill") === "#d55e00");
    expect(wrong.map((t) => t.textContent)).toEqual(["→ Dress"]);
  });

  test("draws one mark per spike and one line per sample and trace", () => {
    const drawn = paths(plot.svg);
    for (const { spikes } of figure.layers) {
      const marks = drawn.filter((d) => d.includes("h") && d.match(/M/g)?.length === total(spikes));
      expect(marks.length).toBeGreaterThanOrEqual(1);
    }
    expect(drawn.filter((d) => d.includes("L") && d.match(/M/g)?.length === 8)).toHaveLength(3);
    const dots = [...parse(plot.svg).querySelectorAll("circle")];
    expect(dots).toHaveLength(figure.traces.reduce((n, t) => n + total(t.spikes), 0));
  });

  test("is white, self-contained, small XML, and repeatable", () => {
    expect(plot.svg).toMatch(/^<svg xmlns="http:\/\/www.w3.org\/2000\/svg" viewBox="0 0 800 \d+"/);
    expect(plot.svg).not.toMatch(/<style|<script|href=|NaN|undefined|Infinity/);
    expect(plot.svg.length).toBeLessThan(120_000);
    expect(renderSpikePlot(sampleFigure(8, 4), { title: "spiking-cnn on fashion-mnist" }).svg).toBe(plot.svg);
  });

  test("renders to a PNG of twice the width", async () => {
    const png = await plot.png();
    const view = new DataView(png.buffer, png.byteOffset);
    expect([...png.subarray(1, 4)]).toEqual([...Buffer.from("PNG")]);
    expect(view.getUint32(16)).toBe(1600);
    expect(view.getUint32(20)).toBe(2 * Number(/viewBox="0 0 800 (\d+)"/.exec(plot.svg)?.[1]));
    expect(png.length).toBeGreaterThan(60_000);
  });

  test("draws soft resets, one layer, one neuron, no trace, many steps, hostile names", () => {
    const soft = texts(renderSpikePlot(sampleFigure(2, 16, null), { title: "" }).svg);
    expect(soft.some((t) => t.endsWith("then lowered by θ"))).toBe(true);
    const one: SpikeFigure = {
      samples: [{ label: "<b>\u001b", predicted: "x".repeat(300) }],
      timeSteps: 1,
      layers: [{ name: "&", neurons: 1, rate: 0, shown: [0], spikes: Uint8Array.of(0) }],
      traces: [],
      vThreshold: 1,
      vReset: 0,
    };
    const { svg } = renderSpikePlot(one, { title: "<script>" });
    expect(svg).not.toMatch(/<script|<b>|NaN|undefined/);
    expect(svg).not.toContain("\u001b");
    expect(texts(svg).some((t) => t.startsWith("Membrane"))).toBe(false);
    expect(renderSpikePlot(sampleFigure(3, 200), { title: "" }).svg).not.toMatch(/NaN|undefined/);
  });

  test("refuses parts of different sizes", () => {
    const [layer] = figure.layers;
    const [trace] = figure.traces;
    const refused = (change: Partial<SpikeFigure>) => () => renderSpikePlot({ ...figure, ...change }, { title: "" });
    expect(refused({ samples: [] })).toThrow("spike figure: expected at least one sample");
    expect(refused({ layers: [] })).toThrow("expected at least one layer");
    expect(refused({ timeSteps: 0 })).toThrow("timeSteps: expected an integer >= 1, got 0");
    expect(refused({ timeSteps: 5 })).toThrow("1.lif: expected 1200 values, got 960");
    expect(refused({ layers: [{ ...layer!, shown: [] }] })).toThrow("1.lif: expected at least one neuron");
    expect(refused({ vThreshold: Number.NaN })).toThrow("vThreshold: expected a number, got NaN");
    expect(refused({ traces: [{ ...trace!, h: new Float32Array(3) }] })).toThrow("expected 32 values, got 3 and 32");
    expect(refused({ traces: [{ ...trace!, h: trace!.h.map(() => Number.NaN) }] })).toThrow("finite potentials");
  });
});

describe("spike plot data", () => {
  test("places samples one after another without contact", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 1, max: 9 }), (timeSteps, count) => {
        const samples = Array.from({ length: count }, () => ({ label: "", predicted: "" }));
        const timing = { samples, timeSteps };
        const places = Array.from({ length: count * timeSteps }, (_, at) =>
          stepAt(timing, Math.floor(at / timeSteps), at % timeSteps),
        );
        for (let i = 1; i < places.length; i++) {
          const apart = places[i]! - places[i - 1]!;
          if (i % timeSteps === 0) expect(apart).toBeGreaterThan(1.59);
          else expect(apart).toBeCloseTo(1, 9);
        }
        expect(places.at(-1)! + 0.5).toBeCloseTo(timeSpan(timing), 9);
      }),
    );
  });

  test("numbers the first and the last step and few between, without overlap", () => {
    expect(numberedSteps(4, 4)).toEqual([1, 2, 3, 4]);
    expect(numberedSteps(16, 9)).toEqual([1, 2, 4, 6, 8, 10, 12, 14, 16]);
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 500 }), fc.double({ min: 0, max: 30, noNaN: true }), (timeSteps, room) => {
        const steps = numberedSteps(timeSteps, room);
        expect(steps[0]).toBe(1);
        expect(steps.at(-1)).toBe(timeSteps);
        expect(steps.length).toBeLessThanOrEqual(Math.max(2, room) + 1);
        expect(steps).toEqual([...new Set(steps)].sort((a, b) => a - b));
      }),
    );
  });

  test("draws a potential from rest through H, down at a spike, and up from the reset", () => {
    const h = Float32Array.of(0.5, 1.5, 0.25, 1, 0.5, 0.75);
    const spikes = Uint8Array.of(0, 1, 0, 1, 0, 0);
    const trace = { name: "a", neuron: 0, h, spikes };
    const figure: SpikeFigure = {
      samples: [
        { label: "0", predicted: "0" },
        { label: "1", predicted: "1" },
      ],
      timeSteps: 3,
      layers: [],
      traces: [trace],
      vThreshold: 1,
      vReset: -0.5,
    };
    const { lines, spikes: dots } = tracePath(trace, figure);
    expect(lines.map((line) => line.map((p) => p.y))).toEqual([
      [-0.5, 0.5, 1.5, -0.5, 0.25],
      [-0.5, 1, -0.5, 0.5, 0.75],
    ]);
    expect(dots.map((d) => d.y)).toEqual([1.5, 1]);
    const soft = tracePath(trace, { ...figure, vReset: null });
    expect(soft.lines[0]?.map((p) => p.y)).toEqual([0, 0.5, 1.5, 0.5, 0.25]);
    expect(potentialDomain(figure)[0]).toBeCloseTo(-0.66, 9);
    expect(potentialDomain(figure)[1]).toBeCloseTo(1.66, 9);
  });

  test("cuts names to the available width", () => {
    expect(cut("Sneaker", 100, 12)).toBe("Sneaker");
    expect(cut("Sneaker", 30, 12)).toBe("Sne…");
    expect(cut("Sneaker", 0, 12)).toBe("S…");
  });
});
