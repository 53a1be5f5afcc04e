// Charts of a comparison: traces over the epochs, sparsity of each layer, surviving weights, and weights pruned and regrown.

import * as Plot from "@observablehq/plot";
import type { WeightHistogram } from "../internal.ts";
import { compact, percentNumber, significant } from "../text/index.ts";
import { AXIS_LINE, type Chart, chart, GRID, lineChart, nines, nineTicks, type Series, shorten } from "./chart.ts";
import type { Palette } from "./compare_colors.ts";
import { type ComparedRun, type EpochResult, HISTOGRAM_BINS } from "./compare_runs.ts";
import { FAINT, text } from "./figure.ts";
import { type Point, quantile, thin } from "./plot_data.ts";

const MAX_POINTS = 600;

const labelOf = (run: ComparedRun) => `${run.number} ${run.name}`;

/**
 * Draw one quantity over the epochs, or return null if no run has it. The axis is logarithmic if the values span over two
 * decades, without the lowest twentieth of each run: a threshold that rises from 0 passes all decades at its start.
 */
export function traceChart(
  runs: readonly ComparedRun[],
  palette: Palette,
  what: string,
  trace: (run: ComparedRun) => readonly Point[],
): { svg: string; log: boolean } | null {
  const series: Series[] = runs
    .map((run) => ({ label: labelOf(run), color: palette.ofRun(run), points: thin(trace(run), MAX_POINTS) }))
    .filter(({ points }) => points.some(({ y }) => y > 0));
  const values = series.flatMap(({ points }) => points.map(({ y }) => y));
  const positive = values.filter((y) => y > 0);
  if (positive.length === 0) return null;
  const high = positive.reduce((a, b) => Math.max(a, b));
  const lows = series.map(({ points }) =>
    quantile(
      points.filter(({ y }) => y > 0),
      0.05,
    ),
  );
  const low = Math.min(...lows);
  const log = high > 100 * low;
  const domain: [number, number] = log ? [low / 1.5, high * 1.5] : [Math.min(0, ...values), high * 1.08];
  const svg = lineChart({
    label: `${what} of all runs over the epochs`,
    series,
    xLabel: "epochs",
    log,
    domain,
    tick: (y) => significant(y),
  });
  return { svg, log };
}

/** Draw counts at the ends of epochs, on an axis of log(1 + n), which can show 0. */
export function countChart(runs: readonly ComparedRun[], palette: Palette, what: "pruned" | "regrown"): string | null {
  const position = (n: number) => Math.log10(1 + n);
  const series = epochSeries(runs, palette, (epoch) => (epoch[what] === null ? null : position(epoch[what])));
  if (series.length === 0) return null;
  const high = Math.max(1, ...series.flatMap(({ points }) => points.map(({ y }) => y)));
  const counts = [0, ...Array.from({ length: Math.ceil(high) }, (_, k) => 10 ** k), 10 ** Math.ceil(high)];
  const ticks = counts.map(position).filter((y) => y <= high * 1.05);
  const tick = (y: number) => compact(Math.round(10 ** y - 1));
  const domain: [number, number] = [0, high * 1.05];
  return lineChart({ label: `Weights ${what} per epoch`, series, xLabel: "epochs", domain, ticks, tick, dots: true });
}

/** Draw the overlap of the masks of neighbouring epochs. */
export function overlapChart(runs: readonly ComparedRun[], palette: Palette): string | null {
  const series = epochSeries(runs, palette, (epoch) => epoch.iou);
  if (series.length === 0) return null;
  const low = Math.min(...series.flatMap(({ points }) => points.map(({ y }) => y)));
  const domain: [number, number] = [Math.max(0, Math.floor(low * 10 - 0.2) / 10), 1];
  const tick = (y: number) => significant(y);
  return lineChart({
    label: "Overlap of masks from epoch to epoch",
    series,
    xLabel: "epochs",
    domain,
    tick,
    dots: true,
  });
}

function epochSeries(
  runs: readonly ComparedRun[],
  palette: Palette,
  value: (epoch: EpochResult) => number | null,
): Series[] {
  return runs
    .map((run) => ({
      label: labelOf(run),
      color: palette.ofRun(run),
      points: run.epochs.flatMap((epoch) => {
        const y = value(epoch);
        return y === null ? [] : [{ x: epoch.epoch, y }];
      }),
    }))
    .filter(({ points }) => points.length > 0);
}

/** List the layers of all runs: first those of the run with the most layers, in its order. */
function layerNames(runs: readonly ComparedRun[]): string[] {
  const byLength = [...runs].sort((a, b) => b.layers.length - a.layers.length);
  return [...new Set(byLength.flatMap((run) => run.layers.map(({ name }) => name)))];
}

/** Sizes of the chart of layers, in units of the figure. */
interface LayerRows {
  readonly names: readonly string[];
  readonly runs: readonly ComparedRun[];
  /** Height of a bar. */
  readonly bar: number;
  /** Height of a layer's bars with the gap to the next layer. */
  readonly group: number;
}

interface LayerBar {
  /** End of the bar on the axis of nines. */
  readonly x: number;
  readonly top: number;
  readonly bottom: number;
  readonly run: ComparedRun;
  readonly label: string;
  /** True if every weight of the layer is zero. */
  readonly all: boolean;
}

const LAYER_FRAME = { left: 190, top: 24, bottom: 26 };

/** Draw each layer's sparsity as a bar per run, layers from top to bottom. Null when no run has layers. */
export function layerChart(runs: readonly ComparedRun[], palette: Palette): string | null {
  const names = layerNames(runs);
  if (names.length === 0) return null;
  const bar = Math.min(14, Math.max(3, Math.floor(700 / (names.length * runs.length))));
  const rows: LayerRows = { names, runs, bar, group: runs.length * bar + Math.max(5, Math.min(12, bar)) };
  const densities = runs.flatMap((run) => run.layers.map((l) => 1 - l.zeros / l.weights)).filter((d) => d > 0);
  const most = Math.max(nines(0.8), ...densities.map((d) => -Math.log10(d)));
  const domain: [number, number] = [0, most + 0.35];
  const bars = layerBars(rows, domain[1]);
  const { left, top, bottom } = LAYER_FRAME;
  const inner = names.length * rows.group;
  const ticks = nineTicks(...domain);
  const grid = ticks.map((share) => nines(share));
  const sides = { x1: 0, x2: "x", y1: "top", y2: "bottom" } as const;
  return chart(
    {
      height: top + inner + bottom,
      marginLeft: left,
      marginRight: 60,
      marginTop: top,
      marginBottom: bottom,
      x: { domain, axis: null, label: null },
      y: { domain: [0, inner], reverse: true, axis: null, label: null },
      marks: [
        Plot.gridX(grid, { stroke: GRID, strokeOpacity: 1 }),
        Plot.rect(bars, { ...sides, fill: (d: LayerBar) => palette.ofRun(d.run) }),
        Plot.ruleX([0], { stroke: AXIS_LINE }),
      ],
    },
    "Sparsity of each layer, a bar for each run",
    ({ x }) => {
      const axis = ticks.flatMap((share) =>
        [top - 9, top + inner + 17].map((y) => text(x(nines(share)), y, percentNumber(share), `text-anchor="middle"`)),
      );
      const title = text(left - 8, top - 9, "sparsity, %", `text-anchor="end" font-size="11"`);
      return [title, ...axis, ...layerTitles(rows), ...bars.map((b) => barLabel(b, rows.bar, x))].join("");
    },
  );
}

function layerBars({ names, runs, bar, group }: LayerRows, end: number): LayerBar[] {
  return names.flatMap((name, g) =>
    runs.flatMap((run, i) => {
      const layer = run.layers.find((l) => l.name === name);
      if (!layer) return [];
      const share = layer.zeros / layer.weights;
      const all = layer.zeros === layer.weights;
      const top = g * group + i * bar;
      const label = all ? "all zero" : percentNumber(Math.floor(share * 1e4) / 1e4);
      return [{ x: all ? end : nines(share), top, bottom: top + bar - 1, run, label, all }];
    }),
  );
}

/** Label the layers, with their sizes if there is room. */
function layerTitles({ names, runs, bar, group }: LayerRows): string[] {
  const { left, top } = LAYER_FRAME;
  return names.map((name, g) => {
    const middle = top + g * group + (runs.length * bar) / 2;
    const sizes = new Set(runs.flatMap((run) => run.layers.filter((l) => l.name === name).map((l) => l.weights)));
    // Layers of the same name may differ in size between networks.
    const isShown = group >= 26 && sizes.size === 1;
    const title = text(left - 8, middle + (isShown ? 2 : 4), shorten(name, 26), `text-anchor="end"`);
    if (!isShown) return title;
    const size = `${compact([...sizes][0]!)} weights`;
    return title + text(left - 8, middle + 16, size, `text-anchor="end" fill="${FAINT}" font-size="11"`);
  });
}

function barLabel({ x: end, top, bottom, run, label, all }: LayerBar, bar: number, x: Chart["x"]): string {
  if (bar < 9) return "";
  const y = LAYER_FRAME.top + (top + bottom) / 2 + 3.5;
  if (all) return text(x(end) - 4, y, label, `text-anchor="end" font-size="10" fill="#ffffff"`);
  return text(x(end) + 4, y, `${label}  (${run.number})`, `font-size="10"`);
}

/** A run with surviving weights, and the share of them in each bin. */
interface Survivors {
  readonly run: ComparedRun;
  readonly histogram: WeightHistogram;
  readonly alive: number;
  readonly shares: readonly number[];
}

/** The common axes of the histograms: bins from `from` to before `to`, shares up to `high`. */
interface HistogramAxes {
  readonly from: number;
  readonly to: number;
  readonly high: number;
}

function survivorsOf(run: ComparedRun): Survivors[] {
  const { histogram } = run;
  const alive = histogram?.counts.reduce((a, b) => a + b, 0) ?? 0;
  return histogram && alive > 0 ? [{ run, histogram, alive, shares: histogram.counts.map((n) => n / alive) }] : [];
}

/** Draw the magnitudes of surviving weights, a small chart per run, all with the same axes. Empty when no run has any. */
export function histogramCharts(runs: readonly ComparedRun[], palette: Palette): string[] {
  const own = runs.flatMap(survivorsOf);
  if (own.length === 0) return [];
  // From the lowest to the highest bin with a thousandth of the weights of some run.
  const used = Array.from({ length: HISTOGRAM_BINS }, (_, i) => own.some(({ shares }) => shares[i]! > 1e-3));
  const high = Math.max(...own.flatMap(({ shares }) => shares)) * 1.08;
  const axes = { from: Math.max(0, used.indexOf(true)), to: used.lastIndexOf(true) + 1, high };
  return own.map((survivors) => histogramChart(survivors, axes, palette));
}

function histogramChart({ run, histogram, alive, shares }: Survivors, axes: HistogramAxes, palette: Palette): string {
  const { from, to, high } = axes;
  const edges = histogram.edges.map((e) => Math.log10(e));
  const bins = shares.slice(from, to).map((y, k) => ({ x1: edges[from + k]!, x2: edges[from + k + 1]!, y }));
  const x: [number, number] = [edges[from]!, edges[to]!];
  const powers = Array.from({ length: 12 }, (_, k) => k - 9).filter((p) => p >= x[0] - 1e-9 && p <= x[1] + 1e-9);
  const every = Math.ceil(powers.length / 7);
  const ticks = powers.filter((_, k) => k % every === 0);
  const power = (p: number) => (p >= -3 && p <= 2 ? String(Number(`1e${p}`)) : `1e${p}`);
  const kept = `${compact(alive)} weights left of ${compact(alive + histogram.zeros)}`;
  return chart(
    {
      width: 320,
      height: 170,
      marginLeft: 34,
      marginRight: 14,
      marginTop: 40,
      marginBottom: 34,
      x: { domain: x, axis: null, label: null },
      y: { domain: [0, high], axis: null, label: null },
      marks: [
        Plot.gridY({ ticks: 3, stroke: GRID, strokeOpacity: 1 }),
        Plot.axisY({ ticks: 3, tickFormat: percentNumber, tickSize: 0, fontSize: 11 }),
        Plot.rectY(bins, { x1: "x1", x2: "x2", y: "y", fill: palette.ofRun(run), insetLeft: 0.5 }),
        Plot.ruleY([0], { stroke: AXIS_LINE }),
        Plot.axisX({ ticks, tickFormat: power, tickSize: 4, fontSize: 11 }),
      ],
    },
    `Magnitudes of the surviving weights of ${run.name}`,
    () =>
      text(4, 13, shorten(labelOf(run), 42), `font-weight="bold" fill="${palette.ofRun(run)}"`) +
      text(4, 29, kept, `fill="${FAINT}" font-size="11"`),
  );
}
