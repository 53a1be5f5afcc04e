// The chart of accuracy against sparsity: the end of each run, its path, and a line for each method.

import * as Plot from "@observablehq/plot";
import { isShareMetric, percentNumber, significant } from "../text/index.ts";
import { AXIS_LINE, CHART_WIDTH, type Chart, chart, GRID, nines, nineTicks, shorten, spread } from "./chart.ts";
import type { Palette } from "./compare_colors.ts";
import type { ComparedRun } from "./compare_runs.ts";
import { text } from "./figure.ts";
import type { Point } from "./plot_data.ts";

const LEFT = 70;
const RIGHT = 230;
const TOP = 26;
const BOTTOM = 44;
const ROW = 16;

interface Axis {
  readonly domain: readonly [number, number];
  readonly ticks: readonly number[];
  /** Position of a value on the axis. */
  at(value: number): number;
  /** Writes a tick. Default: a share in per cent. */
  readonly show?: (value: number) => string;
  readonly note: string;
}

interface Axes {
  readonly x: Axis;
  readonly y: Axis;
}

/** Make the axis of sparsities in nines: 0, 90 and 99 % are equally far apart. */
function sparsityAxis(runs: readonly ComparedRun[]): Axis {
  const paths = runs.flatMap((run) => run.epochs.flatMap((e) => e.sparsity ?? []));
  const densities = [...paths, ...runs.map((r) => r.sparsity)].map((s) => 1 - s).filter((d) => d > 0);
  // A network without any weight left is at the right edge.
  const least = Math.min(0.5, ...densities) / 1.25;
  const at = (share: number) => nines(share, least);
  const ends = runs.flatMap((run) => [run.sparsity, ...(run.beforeFinetune ? [run.beforeFinetune.sparsity] : [])]);
  const positions = ends.map(at);
  const [low, high] = [Math.min(...positions), Math.max(...positions)];
  // Paths start dense. If all runs end far from there, the axis omits most of the way.
  const from = Math.max(0, low - Math.max(0.35, 0.35 * (high - low)));
  const domain = [from < 0.35 ? -0.02 : from, high + Math.max(0.08, 0.06 * (high - low))] as const;
  return { domain, at, ticks: nineTicks(...domain), note: "log of the weights left" };
}

/** Metric of the runs, which is one. */
const metricOf = (runs: readonly ComparedRun[]): string => runs[0]?.metric ?? "accuracy";

/** Make a linear axis of values in any unit. */
function plainAxis(values: readonly number[]): Axis {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const pad = 0.25 * (high - low || Math.abs(high) || 1);
  const domain = [low - pad, high + pad] as const;
  const rough = (domain[1] - domain[0]) / 7;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((m) => m * power >= rough) ?? 10);
  const first = Math.ceil(domain[0] / step);
  const count = Math.floor(domain[1] / step) - first + 1;
  const ticks = Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  return { domain, at: (value) => value, ticks, note: "", show: (value) => significant(value, 4) };
}

/** Make the axis of scores: linear; of shares such as accuracy linear, or in nines if the errors differ by more than a factor of 8. */
function scoreAxis(runs: readonly ComparedRun[]): Axis {
  const shares = runs.map((run) => run.score);
  if (!isShareMetric(metricOf(runs))) return plainAxis(shares);
  const errors = shares.map((a) => 1 - a).filter((e) => e > 0);
  const least = Math.min(1, ...errors) / 1.5;
  if (Math.max(...errors, 0) > 8 * Math.min(1, ...errors)) {
    const at = (share: number) => nines(share, least);
    const positions = shares.map(at);
    const [low, high] = [Math.min(...positions), Math.max(...positions)];
    const pad = 0.08 * (high - low);
    const domain = [Math.max(0, low - pad), high + pad] as const;
    return { domain, at, ticks: nineTicks(...domain), note: "log of the error" };
  }
  const [low, high] = [Math.min(...shares), Math.max(...shares)];
  const pad = Math.max(0.25 * (high - low), 0.002);
  const domain = [Math.max(0, low - 1.5 * pad), Math.min(1, high + pad)] as const;
  const step =
    [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2].find((s) => (domain[1] - domain[0]) / s <= 7) ?? 0.25;
  const first = Math.ceil(domain[0] / step - 1e-9);
  const count = Math.floor(domain[1] / step + 1e-9) - first + 1;
  return { domain, at: (share) => share, ticks: Array.from({ length: count }, (_, i) => (first + i) * step), note: "" };
}

/** Return the corners of a method's line: the means over the seeds of each setting, by rising sparsity. */
function corners(runs: readonly ComparedRun[], x: Axis, y: Axis): Point[] {
  const mean = (values: readonly number[]) => values.reduce((a, b) => a + b, 0) / values.length;
  return grouped(runs, (run) => run.settings)
    .map((group) => ({ x: mean(group.map((r) => x.at(r.sparsity))), y: mean(group.map((r) => y.at(r.score))) }))
    .sort((a, b) => a.x - b.x);
}

/**
 * Draw the chart: a symbol with a number for each run, a thin line through the ends of its epochs, a bold line through the
 * runs of each method (through the mean of runs that differ only in their seeds), and a hollow symbol with a dashed tie for
 * the state before fine-tuning.
 */
export function tradeoffChart(
  runs: readonly ComparedRun[],
  palette: Palette,
): { svg: string; note: string; title: string } {
  const axes: Axes = { x: sparsityAxis(runs), y: scoreAxis(runs) };
  const metric = metricOf(runs);
  const title = `${metric[0]!.toUpperCase()}${metric.slice(1)} against sparsity`;
  const { x, y } = axes;
  const rows = runs.length + (palette.methods.length > 1 ? palette.methods.length : 0);
  const inner = Math.max(380, rows * ROW);
  const ends = runs.map((run) => pointOf(axes, run.sparsity, run.score));
  const svg = chart(
    {
      height: TOP + inner + BOTTOM,
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
        ...runs.flatMap((run) => pathMarks(run, axes, palette)),
        ...lines(runs).map((own) => methodLine(own, axes, palette)),
        ...runs.flatMap((run, i) => endMarks(run, ends[i]!, axes, palette)),
      ],
    },
    `${title} of all runs`,
    (scales) =>
      ticksOf(x, y, scales, inner) +
      numbers(ends, scales, runs, palette) +
      legend(runs, palette, scales, ends, inner) +
      text(LEFT - 40, 14, `test ${metric}${isShareMetric(metric) ? ", %" : ""}${y.note ? ` (${y.note})` : ""}`, "") +
      text((LEFT + CHART_WIDTH - RIGHT) / 2, TOP + inner + 38, `sparsity, % (${x.note})`, `text-anchor="middle"`),
  );
  return { svg, note: notes(runs, palette), title };
}

const AT = { x: "x", y: "y", clip: true } as const;

const pointOf = ({ x, y }: Axes, sparsity: number, score: number): Point => ({
  x: x.at(sparsity),
  y: y.at(score),
});

const isInside = ({ x, y }: Axes, p: Point) =>
  p.x >= x.domain[0] && p.x <= x.domain[1] && p.y >= y.domain[0] && p.y <= y.domain[1];

/** A thin line through the ends of a run's epochs. */
function pathMarks(run: ComparedRun, axes: Axes, palette: Palette): Plot.Markish[] {
  const color = palette.ofRun(run);
  const path = run.epochs.flatMap((e) =>
    e.sparsity === null || e.score === null ? [] : [pointOf(axes, e.sparsity, e.score)],
  );
  const inside = path.filter((p) => isInside(axes, p));
  return [
    Plot.line(path, { ...AT, stroke: color, strokeWidth: 0.9, strokeOpacity: 0.5 }),
    Plot.dot(inside, { ...AT, fill: color, fillOpacity: 0.6, r: 1.6 }),
  ];
}

/** A bold line through runs of one method and one task. */
function methodLine(own: readonly ComparedRun[], { x, y }: Axes, palette: Palette): Plot.Markish {
  const stroke = palette.ofMethod(own[0]!.method);
  return Plot.line(corners(own, x, y), { ...AT, stroke, strokeWidth: 1.75, strokeOpacity: 0.85 });
}

/** The symbol of a run, and a hollow one, tied to it, for its state before fine-tuning. */
function endMarks(run: ComparedRun, end: Point, axes: Axes, palette: Palette): Plot.Markish[] {
  const stroke = palette.ofRun(run);
  const symbol = palette.symbol(run.method);
  const at = { x: "x", y: "y", symbol };
  const mark = Plot.dot([end], { ...at, fill: stroke, stroke: "#ffffff", r: 5.5 });
  if (!run.beforeFinetune) return [mark];
  const before = pointOf(axes, run.beforeFinetune.sparsity, run.beforeFinetune.score);
  const hollow = isInside(axes, before) ? [before] : [];
  return [
    Plot.line([before, end], { ...AT, stroke, strokeDasharray: "3,3", strokeWidth: 1 }),
    Plot.dot(hollow, { ...at, stroke, fill: "#ffffff", r: 4 }),
    mark,
  ];
}

function grouped(runs: readonly ComparedRun[], key: (run: ComparedRun) => string): ComparedRun[][] {
  const groups = new Map<string, ComparedRun[]>();
  for (const run of runs) groups.set(key(run), [...(groups.get(key(run)) ?? []), run]);
  return [...groups.values()];
}

/** Group the runs of a bold line: of one method and one task. */
const lines = (runs: readonly ComparedRun[]) => grouped(runs, (run) => JSON.stringify([run.method, run.task]));

function notes(runs: readonly ComparedRun[], palette: Palette): string {
  return [
    "Symbols with numbers: the ends of the runs. Thin lines: their epochs.",
    palette.methods.length < runs.length ? "Bold lines: the runs of a method, averaged over seeds." : "",
    runs.some((run) => run.beforeFinetune) ? "Hollow, dashed: before fine-tuning." : "",
  ]
    .join(" ")
    .trim();
}

function ticksOf(x: Axis, y: Axis, scales: Chart, inner: number): string {
  const below = x.ticks.map((share) =>
    text(scales.x(x.at(share)), TOP + inner + 18, percentNumber(share), `text-anchor="middle"`),
  );
  const { show = percentNumber } = y;
  const beside = y.ticks.map((value) => text(LEFT - 8, scales.y(y.at(value)) + 4, show(value), `text-anchor="end"`));
  return below.join("") + beside.join("");
}

/** Write the number of each run on the side of its symbol with the most room. */
function numbers(ends: readonly Point[], scales: Chart, runs: readonly ComparedRun[], palette: Palette): string {
  const taken = ends.map((end) => ({ x: scales.x(end.x), y: scales.y(end.y) }));
  const sides: readonly (readonly [number, number])[] = [
    [11, -10],
    [11, 11],
    [-11, -10],
    [-11, 11],
    [0, -14],
    [0, 15],
    [15, 0],
    [-15, 0],
    [22, -14],
    [-22, -14],
  ];
  const occupied: Point[] = [...taken];
  return taken
    .map((end, i) => {
      const room = ([dx, dy]: readonly [number, number]) =>
        Math.min(...occupied.map((p) => Math.hypot((p.x - end.x - dx) * 0.9, p.y - end.y - dy)));
      const free = sides.find((side) => room(side) >= 10);
      const [dx, dy] = free ?? [...sides].sort((a, b) => room(b) - room(a))[0]!;
      occupied.push({ x: end.x + dx, y: end.y + dy });
      const run = runs[i]!;
      const style = `text-anchor="middle" font-size="11.5" font-weight="bold" fill="${palette.ofRun(run)}" stroke="#ffffff" stroke-width="2.5" paint-order="stroke"`;
      return text(end.x + dx, end.y + dy + 4, String(run.number), style);
    })
    .join("");
}

/** List the runs at the right, by accuracy, grouped by method if there are several. */
function legend(
  runs: readonly ComparedRun[],
  palette: Palette,
  scales: Chart,
  ends: readonly Point[],
  inner: number,
): string {
  const left = CHART_WIDTH - RIGHT + 18;
  const name = (run: ComparedRun, at: number) =>
    text(
      left + 12,
      at + 4,
      shorten(`${run.number} ${run.name}`, 27),
      `fill="${palette.ofRun(run)}" font-weight="bold"`,
    );
  const chip = (run: ComparedRun, at: number) => `<circle cx="${left}" cy="${at}" r="4" fill="${palette.ofRun(run)}"/>`;
  if (palette.methods.length === 1) {
    const tops = spread(
      ends.map((end) => scales.y(end.y) - TOP),
      ROW,
      inner,
    );
    return runs.map((run, i) => chip(run, TOP + tops[i]!) + name(run, TOP + tops[i]!)).join("");
  }
  let at = TOP - ROW / 2;
  const next = () => {
    at += ROW;
    return at;
  };
  return palette.methods
    .map((method) => {
      const own = runs.filter((run) => run.method === method);
      const heading = text(left - 5, next() + 4, method, `fill="${palette.ofMethod(method)}" font-style="italic"`);
      return heading + own.map((run) => chip(run, next()) + name(run, at)).join("");
    })
    .join("");
}
