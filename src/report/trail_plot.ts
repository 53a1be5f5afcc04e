// The figure of a trail: score against sparsity, with the front and the choice. Axes of shares are logarithmic in the distance
// to 100 per cent, so that 80 to 99 per cent fill the width and tenths of a point are visible.

import * as Plot from "@observablehq/plot";
import { scoreOfPoint, type TrailEntry } from "../internal.ts";
import { ArgumentError, isShareMetric, metricText, percent, percentNumber, significant } from "../text/index.ts";
import { AXIS_LINE, drawPlot, GRID } from "./chart.ts";
import { FAINT, FIGURE_WIDTH, type Figure, figureOf, text } from "./figure.ts";
import type { Bound, Choice } from "./trail_choice.ts";
import { compressionText } from "./trail_table.ts";

const FRONT = "#0072b2";
const CHOSEN = "#d55e00";
const HEIGHT = 470;
const TOP = 84;
const BOTTOM = 58;
const LEFT = 74;
const RIGHT = 30;
/** Least distance between labels of points, in units of the figure. */
const LABEL_GAP = 24;

/** Ticks by their distance to 100 per cent, from coarse to fine, for axes of a large or a small range. */
const LADDERS = [[1], [1, 2, 5], [1, 1.5, 2, 3, 4, 5, 7]];
/** Fewest and most ticks of an axis. */
const TICKS = [4, 12] as const;

interface Axis {
  /** Position of a share from 0 to 1: each halving of the distance to 1 is an equal step. */
  readonly at: (share: number) => number;
  readonly domain: readonly [number, number];
  /** Values with a tick. */
  readonly ticks: readonly number[];
  /** Writes a tick. */
  readonly show: (value: number) => string;
}

/** Make a linear axis over values of any unit. */
function plainAxis(values: readonly number[]): Axis {
  const [low, high] = [Math.min(...values), Math.max(...values)];
  const margin = 0.07 * (high - low || Math.abs(high) || 1);
  const domain = [low - margin, high + margin] as const;
  const rough = (domain[1] - domain[0]) / 6;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((m) => m * power >= rough) ?? 10);
  const first = Math.ceil(domain[0] / step);
  const count = Math.max(0, Math.floor(domain[1] / step) - first + 1);
  const ticks = Array.from({ length: count }, (_, i) => Number(((first + i) * step).toPrecision(12)));
  return { at: (value) => value, domain, ticks, show: (value) => significant(value, 4) };
}

const scoreOf = (entry: TrailEntry): number => scoreOfPoint(entry).value;

/** Make an axis over shares. A share of 1, whose logarithm is infinite, is drawn half as far from 100 % as the next. */
function remainderAxis(shares: readonly number[]): Axis {
  const rests = shares.map((s) => 1 - s).filter((rest) => rest > 1e-9);
  const hasFull = rests.length < shares.length;
  const floor = rests.length > 0 ? Math.min(...rests) / 2 : 0.005;
  const at = (share: number) => -Math.log10(Math.max(1 - share, floor));
  const positions = shares.map(at);
  const [low, high] = [Math.min(...positions), Math.max(...positions)];
  const margin = Math.max(0.07 * (high - low), 0.005);
  const domain = [low - margin, high + margin] as const;
  // A tick between a share of 1 and the next would be wrong: the axis is not to scale there.
  const end = hasFull ? -Math.log10(1.9 * floor) : domain[1];
  const inside = (percents: readonly number[]) =>
    percents.filter(
      (p) => p >= 0 && p < 100 && -Math.log10(1 - p / 100) >= domain[0] && -Math.log10(1 - p / 100) <= end,
    );
  const even = inside(evenTicks(domain));
  const steps = LADDERS.map((ladder) => inside(ladderTicks(ladder, domain)));
  const fit = steps.findLast((ticks) => ticks.length >= TICKS[0] && ticks.length <= TICKS[1]);
  const ticks = (fit ?? even).map((p) => p / 100);
  if (hasFull) ticks.push(1);
  return { at, domain, ticks, show: percentNumber };
}

/** Return the per cents whose distance to 100 is one of these steps times a power of ten. */
function ladderTicks(steps: readonly number[], [low, high]: readonly [number, number]): number[] {
  const [first, last] = [Math.floor(2 - high), Math.ceil(2 - low)];
  const powers = Array.from({ length: last - first + 1 }, (_, i) => first + i);
  return powers
    .flatMap((k) => steps.map((step) => Number(`${step}e${k}`)))
    .filter((rest) => rest <= 100)
    .map((rest) => Number((100 - rest).toFixed(9)));
}

/** Return round per cents in equal steps, for an axis of a small range. */
function evenTicks([low, high]: readonly [number, number]): number[] {
  const [from, to] = [100 * (1 - 10 ** -low), 100 * (1 - 10 ** -high)];
  const rough = (to - from) / 7;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = power * ([1, 2, 5].find((m) => m * power >= rough) ?? 10);
  const first = Math.ceil(from / step);
  return Array.from({ length: Math.max(0, Math.floor(to / step) - first + 1) }, (_, i) =>
    Number(((first + i) * step).toFixed(9)),
  );
}

/** Choose the points of a front to label: from the sparsest on, each far enough from the others. */
function labelled(front: readonly TrailEntry[], x: Axis, chosen: readonly TrailEntry[]): TrailEntry[] {
  const unit = (FIGURE_WIDTH - LEFT - RIGHT) / (x.domain[1] - x.domain[0]);
  const taken = [...chosen];
  for (const entry of [...front].reverse()) {
    const near = taken.some((t) => Math.abs(x.at(t.sparsity) - x.at(entry.sparsity)) * unit < LABEL_GAP);
    if (!near) taken.push(entry);
  }
  return taken.slice(chosen.length);
}

/** The entries of a trail, grouped by their marks in the figure. */
interface Points {
  /** Sorted by sparsity. */
  readonly front: readonly TrailEntry[];
  readonly beaten: readonly TrailEntry[];
  readonly choice: Choice | null;
}

/**
 * Draw a trail. Filled dots on a line are the front, with their epochs above; hollow dots are beaten by another epoch.
 * The chosen model has a ring and is named at the top; a dotted line is the bound of its rule.
 *
 * Errors   ArgumentError without entries.
 */
export function renderTrailPlot(
  entries: readonly TrailEntry[],
  front: ReadonlySet<number>,
  choice: Choice | null,
  options: { readonly title: string },
): Figure {
  if (entries.length === 0) throw new ArgumentError("trail plot: expected at least one entry, got none");
  const points: Points = {
    front: entries.filter((e) => front.has(e.epoch)).sort((a, b) => a.sparsity - b.sparsity),
    beaten: entries.filter((e) => !front.has(e.epoch)),
    choice,
  };
  const { metric } = scoreOfPoint(entries[0]!);
  const isShare = isShareMetric(metric);
  const valuesOf = (key: Bound["axis"]) => [
    ...entries.map((e) => (key === "sparsity" ? e.sparsity : scoreOf(e))),
    ...(choice?.bound?.axis === key ? [choice.bound.least] : []),
  ];
  const x = remainderAxis(valuesOf("sparsity"));
  const y = isShare ? remainderAxis(valuesOf("score")) : plainAxis(valuesOf("score"));
  const middle = (LEFT + FIGURE_WIDTH - RIGHT) / 2;
  const centred = `text-anchor="middle" font-size="13"`;
  return figureOf({
    title: options.title,
    subtitle: choice ? choiceText(choice) : "No rule given",
    subtitleFill: choice ? CHOSEN : FAINT,
    left: LEFT,
    height: HEIGHT,
    body: [
      legend(points.beaten.length > 0),
      drawPlot(plotOptions(x, y, points), { overflow: "visible", y: String(TOP - 10) }).svg,
      text(middle, HEIGHT - 26, "Sparsity, per cent of prunable weights that are zero", centred),
      text(
        middle,
        HEIGHT - 9,
        "each halving of the weights left takes the same width",
        `text-anchor="middle" fill="${FAINT}"`,
      ),
      text(
        -(TOP + HEIGHT - BOTTOM) / 2,
        20,
        `Test ${metric}${isShare ? ", per cent" : ""}`,
        `transform="rotate(-90)" ${centred}`,
      ),
    ],
  });
}

function plotOptions(x: Axis, y: Axis, points: Points): Plot.PlotOptions {
  const tick = (axis: Axis) => (at: number) => axis.show(axis.ticks.find((s) => axis.at(s) === at) ?? 0);
  return {
    width: FIGURE_WIDTH,
    height: HEIGHT - TOP,
    marginLeft: LEFT,
    marginRight: RIGHT,
    marginTop: 10,
    marginBottom: BOTTOM,
    x: { domain: [...x.domain], axis: null },
    y: { domain: [...y.domain], axis: null },
    marks: [
      Plot.gridX(x.ticks.map(x.at), { stroke: GRID, strokeOpacity: 1 }),
      Plot.gridY(y.ticks.map(y.at), { stroke: GRID, strokeOpacity: 1 }),
      Plot.axisX(x.ticks.map(x.at), { tickFormat: tick(x), tickSize: 4, fontSize: 12, label: null }),
      Plot.axisY(y.ticks.map(y.at), { tickFormat: tick(y), tickSize: 0, fontSize: 12, label: null }),
      Plot.ruleY([y.domain[0]], { stroke: AXIS_LINE }),
      ...boundMark(x, y, points.choice?.bound ?? null),
      ...entryMarks(x, y, points),
    ],
  };
}

function boundMark(x: Axis, y: Axis, bound: Bound | null): Plot.Markish[] {
  const look = { stroke: CHOSEN, strokeDasharray: "2,4" };
  if (bound === null) return [];
  return bound.axis === "sparsity" ? [Plot.ruleX([x.at(bound.least)], look)] : [Plot.ruleY([y.at(bound.least)], look)];
}

function entryMarks(x: Axis, y: Axis, { front, beaten, choice }: Points): Plot.Markish[] {
  const at = { x: (e: TrailEntry) => x.at(e.sparsity), y: (e: TrailEntry) => y.at(scoreOf(e)) };
  const label = { ...at, text: (e: TrailEntry) => String(e.epoch), stroke: "#ffffff", strokeWidth: 3 };
  const chosen = choice ? [choice.entry] : [];
  return [
    Plot.dot(beaten, { ...at, r: 3.6, fill: "#ffffff", stroke: FAINT, strokeWidth: 1.2 }),
    Plot.line(front, { ...at, stroke: FRONT, strokeWidth: 1.8, strokeLinejoin: "round" }),
    Plot.dot(front, { ...at, r: 4.2, fill: FRONT, stroke: "#ffffff", strokeWidth: 1 }),
    Plot.text(labelled(front, x, chosen), { ...label, dx: 3, dy: -13, fill: FRONT, fontSize: 11.5 }),
    ...(choice ? [Plot.dot(chosen, { ...at, r: 8, stroke: CHOSEN, strokeWidth: 2.4 })] : []),
    ...(choice ? [Plot.text(chosen, { ...label, dy: -17, fill: CHOSEN, fontWeight: "bold", fontSize: 13 })] : []),
  ];
}

/** Describe the chosen model, its rule and its numbers. */
function choiceText({ entry, because }: Choice): string {
  const { metric, value } = scoreOfPoint(entry);
  const score = isShareMetric(metric) ? percent(value) : `${metric} ${metricText(metric, value)}`;
  return `Chosen: epoch ${entry.epoch}, ${because}: ${score} at ${percent(entry.sparsity)}, ${compressionText(entry.sparsity)}`;
}

function legend(hasBeaten: boolean): string {
  const y = 68;
  const front = `<circle cx="${LEFT + 5}" cy="${y}" r="4.2" fill="${FRONT}"/>${text(LEFT + 15, y + 4, "on the front, with its epoch", "")}`;
  const hollow = `<circle cx="${LEFT + 205}" cy="${y}" r="3.6" fill="#ffffff" stroke="${FAINT}" stroke-width="1.2"/>${text(LEFT + 215, y + 4, "beaten by another epoch", "")}`;
  return front + (hasBeaten ? hollow : "");
}
