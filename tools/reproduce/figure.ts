// Draws the experiment: accuracy against sparsity, one panel per data set and model, one line per method.

import * as Plot from "@observablehq/plot";
import { AXIS_LINE, type Chart, chart, GRID, nines, nineTicks, renumber } from "../../src/report/chart.ts";
import { mix, SYMBOLS, type SymbolName } from "../../src/report/compare_colors.ts";
import { FAINT, type Figure, FONT, INK, rasterize, text } from "../../src/report/figure.ts";
import { percentNumber } from "../../src/text/index.ts";
import { METHOD_ORDER, type MethodName } from "./methods.ts";
import type { Pair } from "./plan.ts";
import type { Summary } from "./statistics.ts";

interface PanelData {
  readonly pair: Pair;
  /** Summaries of all methods and levels, dense included. */
  readonly summaries: readonly Summary[];
}

const WIDTH = 560;
const HEIGHT = 400;
const LEGEND = 130;
const HEAD = 84;
const TOP = 34;
const BOTTOM = 46;
const LEFT = 56;
const RIGHT = 14;
const ROW = 19;
/** Horizontal offset in pixels between the methods of a level, so that they stay distinguishable. */
const APART = 4.5;

/** Okabe and Ito's colours in the tones of the other figures. */
const HUES = ["#0072b2", "#d55e00", "#00785a", "#a5447e", "#8a6100", "#4d4d4d", "#3f97d1", "#7a3fb0"];

interface Style {
  readonly color: string;
  readonly symbol: SymbolName;
  readonly dashed: boolean;
}

/** Return the style of a method. Dense comes first. The next eight methods have a colour each; the others repeat the colours, darker and dashed, with other symbols. */
export function styleOf(method: MethodName): Style {
  const at = METHOD_ORDER.indexOf(method) - 1;
  const again = at >= HUES.length;
  const hue = HUES[at % HUES.length]!;
  return {
    color: again ? mix(hue, "#000000", 0.3) : hue,
    symbol: SYMBOLS[(at + (again ? 3 : 0)) % SYMBOLS.length]!,
    dashed: again,
  };
}

interface Axis {
  readonly domain: readonly [number, number];
  readonly ticks: readonly number[];
  at(share: number): number;
  readonly log: boolean;
}

function sparsityAxis(summaries: readonly Summary[]): Axis {
  // A collapsed network, with almost no weights left, is drawn at the right edge.
  const least = (1 - Math.max(...summaries.map(({ cell }) => cell.level))) / 3;
  const at = (share: number) => nines(share, least);
  const places = summaries.map(({ sparsity }) => at(sparsity.mean));
  const [low, high] = [Math.min(...places), Math.max(...places)];
  const pad = Math.max(0.06, 0.1 * (high - low));
  const domain = [low - pad, high + pad] as const;
  return { domain, ticks: nineTicks(...domain), at, log: true };
}

const ends = ({ accuracy: { mean, sd } }: Summary) => [mean - (sd ?? 0), Math.min(1, mean + (sd ?? 0))] as const;

/** Choose the y scale: linear, or logarithmic in the error if errors differ by more than a factor of 8. */
function accuracyAxis(summaries: readonly Summary[]): Axis {
  const shares = summaries.flatMap((summary) => ends(summary));
  const [low, high] = [Math.max(0, Math.min(...shares)), Math.max(...shares)];
  const least = Math.max(1e-4, 1 - high);
  if (1 - low > 8 * least) {
    const at = (share: number) => nines(share, least / 1.5);
    const pad = 0.05 * (at(high) - at(low));
    const domain = [Math.max(0, at(low) - pad), at(high) + pad] as const;
    return { domain, at, ticks: nineTicks(...domain), log: true };
  }
  const pad = Math.max(0.08 * (high - low), 0.002);
  const domain = [Math.max(0, low - pad), Math.min(1, high + pad)] as const;
  const steps = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2];
  const step = steps.find((s) => (domain[1] - domain[0]) / s <= 8) ?? 0.25;
  const first = Math.ceil(domain[0] / step - 1e-9);
  const count = Math.floor(domain[1] / step + 1e-9) - first + 1;
  return { domain, at: (s) => s, ticks: Array.from({ length: count }, (_, i) => (first + i) * step), log: false };
}

function panel({ pair, summaries }: PanelData): string {
  const pruned = summaries.filter(({ cell }) => cell.level > 0);
  const dense = summaries.find(({ cell }) => cell.level === 0);
  const title = text(LEFT, 16, `${pair.data}, ${pair.model}`, `font-size="14" font-weight="bold"`);
  if (pruned.length === 0) return `<g>${title}${text(LEFT, 50, "no runs yet", `fill="${FAINT}"`)}</g>`;
  const [x, y] = [sparsityAxis(pruned), accuracyAxis(summaries)];
  const methods = METHOD_ORDER.filter((name) => pruned.some(({ cell }) => cell.method === name));
  const pixel = (x.domain[1] - x.domain[0]) / (WIDTH - LEFT - RIGHT);
  const shift = (i: number) => (i - (methods.length - 1) / 2) * APART * pixel;
  const lines = methods.map((method, i) => ({
    ...styleOf(method),
    points: pruned
      .filter(({ cell }) => cell.method === method)
      .sort((a, b) => a.sparsity.mean - b.sparsity.mean)
      .map((summary) => {
        const [low, high] = ends(summary);
        const mid = y.at(summary.accuracy.mean);
        return { x: x.at(summary.sparsity.mean) + shift(i), y: mid, low: y.at(Math.max(0, low)), high: y.at(high) };
      }),
  }));
  const svg = chart(
    {
      width: WIDTH,
      height: HEIGHT,
      marginLeft: LEFT,
      marginRight: RIGHT,
      marginTop: TOP,
      marginBottom: BOTTOM,
      x: { domain: [...x.domain], axis: null, label: null },
      y: { domain: [...y.domain], axis: null, label: null },
      marks: [
        Plot.gridX(x.ticks.map(x.at), { stroke: GRID, strokeOpacity: 1 }),
        Plot.gridY(y.ticks.map(y.at), { stroke: GRID, strokeOpacity: 1 }),
        Plot.ruleY([y.domain[0]], { stroke: AXIS_LINE }),
        ...(dense ? [Plot.ruleY([y.at(dense.accuracy.mean)], { stroke: INK, strokeDasharray: "6,4" })] : []),
        ...lines.flatMap(({ points, color, symbol, dashed }) => [
          Plot.ruleX(points, { x: "x", y1: "low", y2: "high", stroke: color, strokeWidth: 1.2, strokeOpacity: 0.7 }),
          Plot.line(points, {
            x: "x",
            y: "y",
            stroke: color,
            strokeWidth: 1.5,
            strokeOpacity: 0.85,
            ...(dashed ? { strokeDasharray: "5,3" } : {}),
          }),
          Plot.dot(points, { x: "x", y: "y", fill: color, stroke: "#ffffff", strokeWidth: 0.7, symbol, r: 4 }),
        ]),
      ],
    },
    `Accuracy against sparsity, ${pair.data} with ${pair.model}`,
    (scales) => title + ticksOf(x, y, scales) + denseLabel(dense, y, scales),
  );
  return svg;
}

function ticksOf(x: Axis, y: Axis, scales: Chart): string {
  const under = HEIGHT - BOTTOM;
  const mid = (LEFT + WIDTH - RIGHT) / 2;
  const below = x.ticks.map((share) =>
    text(scales.x(x.at(share)), under + 17, percentNumber(share), `text-anchor="middle"`),
  );
  const beside = y.ticks.map((share) =>
    text(LEFT - 7, scales.y(y.at(share)) + 4, percentNumber(share), `text-anchor="end"`),
  );
  const note = y.log ? ", log of the error" : "";
  return [
    ...below,
    ...beside,
    text(mid, under + 37, "sparsity, % (log of the weights left)", `text-anchor="middle"`),
    text(WIDTH - RIGHT, 16, `test accuracy, %${note}`, `text-anchor="end" fill="${FAINT}"`),
  ].join("");
}

function denseLabel(dense: Summary | undefined, y: Axis, scales: Chart): string {
  if (!dense) return "";
  const style = `font-size="11" stroke="#ffffff" stroke-width="3" paint-order="stroke" text-anchor="end"`;
  return text(WIDTH - RIGHT - 4, scales.y(y.at(dense.accuracy.mean)) - 5, "dense", style);
}

function legend(methods: readonly MethodName[], left: number): string {
  // Plot draws the symbols, so that they match those of the panels.
  const rows = methods.map((method, i) => ({ method, y: i * ROW, ...styleOf(method) }));
  const height = methods.length * ROW;
  const svg = chart(
    {
      width: LEGEND,
      height,
      margin: 0,
      x: { domain: [0, LEGEND], range: [0, LEGEND], axis: null },
      y: { domain: [0, height], range: [0, height], axis: null },
      marks: rows.flatMap(({ y, color, symbol, dashed }) => [
        Plot.link([0], {
          x1: 2,
          x2: 30,
          y1: y + ROW / 2,
          y2: y + ROW / 2,
          stroke: color,
          strokeWidth: 1.5,
          ...(dashed ? { strokeDasharray: "5,3" } : {}),
        }),
        Plot.dot([0], { x: 16, y: y + ROW / 2, fill: color, stroke: "#ffffff", strokeWidth: 0.7, symbol, r: 4 }),
      ]),
    },
    "Legend",
    () => rows.map(({ method, y, color }) => text(38, y + ROW / 2 + 4, method, `fill="${color}"`)).join(""),
  );
  return `<g transform="translate(${left},${HEAD + TOP})">${svg}</g>`;
}

/** Draw one figure of all panels, two per row. `note` describes the measurement. */
export function resultFigure(panels: readonly PanelData[], note: string): Figure {
  const columns = Math.min(2, panels.length);
  const rows = Math.ceil(panels.length / columns);
  const width = columns * WIDTH + LEGEND;
  const height = HEAD + rows * HEIGHT;
  const methods = METHOD_ORDER.filter((name) =>
    panels.some(({ summaries }) => summaries.some(({ cell }) => cell.method === name && cell.level > 0)),
  );
  const body = panels.map((data, i) => {
    const at = `translate(${(i % columns) * WIDTH},${HEAD + Math.floor(i / columns) * HEIGHT})`;
    return `<g transform="${at}">${panel(data)}</g>`;
  });
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`,
    ` font-family="${FONT}" font-size="12" fill="${INK}" color="${INK}" role="img">`,
    "<title>Pruning methods at matched sparsities</title>",
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(LEFT, 32, "Pruning methods at matched sparsities", `font-size="18" font-weight="bold"`),
    text(LEFT, 54, note, `font-size="12.5" fill="${FAINT}"`),
    renumber(body.join("")),
    methods.length > 0 ? legend(methods, columns * WIDTH) : "",
    "</svg>",
  ].join("");
  return { svg, png: () => rasterize(svg) };
}
