// The other charts of a comparison: traces over the epochs, sparsity of each layer, weights that survived, and how many
// went and came back.

import * as Plot from "@observablehq/plot";
import { compact, percentNumber, significant } from "../text/index.ts";
import { AXIS_LINE, chart, GRID, lineChart, nines, nineTicks, type Series, shorten } from "./chart.ts";
import type { Palette } from "./compare_colors.ts";
import { type ComparedRun, type EpochResult, HISTOGRAM_BINS } from "./compare_runs.ts";
import { text } from "./figure.ts";
import { type Point, quantile, thin } from "./plot_data.ts";

const MAX_POINTS = 600;

const labelOf = (run: ComparedRun) => `${run.number} ${run.name}`;

/**
 * A chart of one quantity over the epochs, or null when no run has it. Logarithmic when it spans over two decades, the
 * lowest twentieth of each run left out: a threshold that rises from 0 passes all decades at its start.
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

/** Counts at the ends of epochs, on an axis of log(1 + n): 0 has a place too. */
export function countChart(runs: readonly ComparedRun[], palette: Palette, what: "pruned" | "regrown"): string | null {
  const place = (n: number) => Math.log10(1 + n);
  const series = epochSeries(runs, palette, (epoch) => (epoch[what] === null ? null : place(epoch[what])));
  if (series.length === 0) return null;
  const high = Math.max(1, ...series.flatMap(({ points }) => points.map(({ y }) => y)));
  const counts = [0, ...Array.from({ length: Math.ceil(high) }, (_, k) => 10 ** k), 10 ** Math.ceil(high)];
  const ticks = counts.map(place).filter((y) => y <= high * 1.05);
  const tick = (y: number) => compact(Math.round(10 ** y - 1));
  const domain: [number, number] = [0, high * 1.05];
  return lineChart({ label: `Weights ${what} per epoch`, series, xLabel: "epochs", domain, ticks, tick, dots: true });
}

/** Overlap of the masks of neighbouring epochs. */
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

/** Layers of all runs in the order of the run that has most, others after. */
function layerNames(runs: readonly ComparedRun[]): string[] {
  const byLength = [...runs].sort((a, b) => b.layers.length - a.layers.length);
  return [...new Set(byLength.flatMap((run) => run.layers.map(({ name }) => name)))];
}

/** Bars of each layer's sparsity, a bar for each run, layers from top to bottom. Null when no run has layers. */
export function layerChart(runs: readonly ComparedRun[], palette: Palette): string | null {
  const names = layerNames(runs);
  if (names.length === 0) return null;
  const bar = Math.min(14, Math.max(3, Math.floor(700 / (names.length * runs.length))));
  const group = runs.length * bar + Math.max(5, Math.min(12, bar));
  const densities = runs.flatMap((run) => run.layers.map((l) => 1 - l.zeros / l.weights)).filter((d) => d > 0);
  const most = Math.max(nines(0.8), ...densities.map((d) => -Math.log10(d)));
  const domain: [number, number] = [0, most + 0.35];
  const sizesOf = (name: string) =>
    new Set(runs.flatMap((run) => run.layers.filter((l) => l.name === name).map((l) => l.weights)));
  const bars = names.flatMap((name, g) =>
    runs.flatMap((run, i) => {
      const layer = run.layers.find((l) => l.name === name);
      if (!layer) return [];
      const share = layer.zeros / layer.weights;
      const all = layer.zeros === layer.weights;
      const top = g * group + i * bar;
      const label = all ? "all zero" : percentNumber(Math.floor(share * 1e4) / 1e4);
      return [{ x: all ? domain[1] : nines(share), top, bottom: top + bar - 1, run, label, all }];
    }),
  );
  const [left, top, inner, bottom] = [190, 24, names.length * group, 26];
  const ticks = nineTicks(...domain);
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
        Plot.gridX(
          ticks.map((s) => nines(s)),
          { stroke: GRID, strokeOpacity: 1 },
        ),
        Plot.rect(bars, {
          x1: 0,
          x2: "x",
          y1: "top",
          y2: "bottom",
          fill: (d: (typeof bars)[number]) => palette.ofRun(d.run),
        }),
        Plot.ruleX([0], { stroke: AXIS_LINE }),
      ],
    },
    "Sparsity of each layer, a bar for each run",
    ({ x }) => {
      const marks = [text(left - 8, top - 9, "sparsity, %", `text-anchor="end" font-size="11"`)];
      for (const share of ticks) {
        for (const y of [top - 9, top + inner + 17])
          marks.push(text(x(nines(share)), y, percentNumber(share), `text-anchor="middle"`));
      }
      names.forEach((name, g) => {
        const middle = top + g * group + (runs.length * bar) / 2;
        const sizes = sizesOf(name);
        // Runs of different networks may share names, not sizes.
        const weights = sizes.size === 1 ? compact([...sizes][0]!) : "";
        const size =
          group >= 26 && weights
            ? text(left - 8, middle + 16, `${weights} weights`, `text-anchor="end" fill="#6e7781" font-size="11"`)
            : "";
        marks.push(text(left - 8, middle + (size ? 2 : 4), shorten(name, 26), `text-anchor="end"`) + size);
      });
      for (const b of bars) {
        const at = top + (b.top + b.bottom) / 2 + 3.5;
        if (b.all)
          marks.push(text(x(b.x) - 4, at, bar >= 9 ? b.label : "", `text-anchor="end" font-size="10" fill="#ffffff"`));
        else if (bar >= 9) marks.push(text(x(b.x) + 4, at, `${b.label}  (${b.run.number})`, `font-size="10"`));
      }
      return marks.join("");
    },
  );
}

/** Small charts of the magnitudes of surviving weights, one a run, all with the same axes. Empty when no run has any. */
export function histogramCharts(runs: readonly ComparedRun[], palette: Palette): string[] {
  const own = runs.flatMap((run) => {
    const alive = run.histogram?.counts.reduce((a, b) => a + b, 0) ?? 0;
    return run.histogram && alive > 0 ? [{ run, histogram: run.histogram, alive }] : [];
  });
  if (own.length === 0) return [];
  // From the lowest to the highest bin that holds a thousandth of some run.
  const used = Array.from({ length: HISTOGRAM_BINS }, (_, i) =>
    own.some(({ histogram, alive }) => histogram.counts[i]! > 1e-3 * alive),
  );
  const from = Math.max(0, used.indexOf(true));
  const to = used.lastIndexOf(true) + 1;
  const share = own.map(({ histogram, alive }) => histogram.counts.map((n) => n / alive));
  const high = Math.max(...share.flat()) * 1.08;
  return own.map(({ run, histogram, alive }, i) => {
    const edges = histogram.edges.map((e) => Math.log10(e));
    const bins = share[i]!.slice(from, to).map((y, k) => ({
      x1: edges[from + k]!,
      x2: edges[from + k + 1]!,
      y,
    }));
    const x: [number, number] = [edges[from]!, edges[to]!];
    const powers = Array.from({ length: 12 }, (_, k) => k - 9).filter((p) => p >= x[0] - 1e-9 && p <= x[1] + 1e-9);
    const every = Math.ceil(powers.length / 7);
    const [width, left, top, inner, bottom] = [320, 34, 40, 96, 34];
    return chart(
      {
        width,
        height: top + inner + bottom,
        marginLeft: left,
        marginRight: 14,
        marginTop: top,
        marginBottom: bottom,
        x: { domain: x, axis: null, label: null },
        y: { domain: [0, high], axis: null, label: null },
        marks: [
          Plot.gridY({ ticks: 3, stroke: GRID, strokeOpacity: 1 }),
          Plot.axisY({ ticks: 3, tickFormat: (y: number) => percentNumber(y), tickSize: 0, fontSize: 11 }),
          Plot.rectY(bins, { x1: "x1", x2: "x2", y: "y", fill: palette.ofRun(run), insetLeft: 0.5 }),
          Plot.ruleY([0], { stroke: AXIS_LINE }),
          Plot.axisX({
            ticks: powers.filter((_, k) => k % every === 0),
            tickFormat: (p: number) => (p >= -3 && p <= 2 ? String(Number(`1e${p}`)) : `1e${p}`),
            tickSize: 4,
            fontSize: 11,
          }),
        ],
      },
      `Magnitudes of the surviving weights of ${run.name}`,
      () =>
        text(4, 13, shorten(labelOf(run), 42), `font-weight="bold" fill="${palette.ofRun(run)}"`) +
        text(
          4,
          29,
          `${compact(alive)} weights left of ${compact(alive + histogram.zeros)}`,
          `fill="#6e7781" font-size="11"`,
        ),
    );
  });
}
