// The figure of a run: loss, accuracy, sparsity, threshold and implied L1 coefficient over the steps, in panels one above the
// other, so that the threshold can be compared with its effect.

import * as Plot from "@observablehq/plot";
import { ArgumentError, isShareMetric, percent, percentNumber, plural, significant } from "../text/index.ts";
import { AXIS_LINE, drawPlot, GRID, logTicks, renumber } from "./chart.ts";
import { type Figure, figureOf, heading, text, FIGURE_WIDTH as WIDTH } from "./figure.ts";
import { type PlotRow, type Point, pick, pickMetric, quantile, smooth, smoothingWidth, thin } from "./plot_data.ts";

export type { PlotRow } from "./plot_data.ts";

/** The colours of Okabe and Ito, distinct for all colour vision; the light ones are darkened for thin lines on white. */
const COLOR = { train: "#0072b2", test: "#d55e00", sparsity: "#00785a", threshold: "#a5447e", lambda: "#8a6100" };

const LEFT = 66;
const RIGHT = 124;
const TOP = 74;
const TITLE = 26;
const PANEL = 118;
const GAP = 12;
const AXIS = 44;
/** Space above the frame of a panel for the upper half of its topmost label. */
const HEAD = 8;
const MAX_POINTS = 1200;

interface Curve {
  /** "train", "test", or "" if the panel has one curve. */
  readonly name: string;
  readonly color: string;
  readonly points: readonly Point[];
  /** The points before smoothing, drawn faintly. */
  readonly raw?: readonly Point[];
  /** True for few, measured points: drawn as dots on a line. */
  readonly dots?: boolean;
}

interface Panel {
  readonly title: string;
  readonly note: string;
  readonly curves: readonly Curve[];
  readonly domain: readonly [number, number];
  readonly log?: boolean;
  readonly ticks: number;
  /** Writes a value at the end of its curve. */
  readonly show: (y: number) => string;
  /** Writes a value at the axis; default: three significant digits. */
  readonly tick?: (y: number) => string;
}

export interface RunPlotOptions {
  readonly title: string;
  /** Metric of the rows that is drawn beside the loss. Default accuracy. */
  readonly metric?: string | undefined;
  /** Name of the loss. Default: cross entropy. */
  readonly loss?: string | undefined;
}

/**
 * Draw a run as one figure, with a panel for each quantity in the rows.
 *
 * Training loss and accuracy are drawn twice: faint as logged, and bold as a centred running mean. Loss and L1 coefficient
 * get a logarithmic axis if they span more than a factor of 30. The last value of each curve is written at its end. Dotted
 * lines mark the ends of epochs, if there are at most 25.
 *
 * Units    accuracy and sparsity: from 0 to 1 in the rows, per cent in the figure; threshold: units of the weights.
 * Errors   ArgumentError if no row has a step and a number to draw.
 */
export function renderRunPlot(rows: readonly PlotRow[], options: RunPlotOptions): Figure {
  const { metric = "accuracy", loss = "cross entropy in nats" } = options;
  const panels = panelsOf(rows, metric, loss);
  if (panels.length === 0) {
    const problem = `run plot: expected rows with a step and a number, got ${plural(rows.length, "row")} without`;
    throw new ArgumentError(problem);
  }
  const xs = panels.flatMap((panel) => panel.curves.flatMap((curve) => curve.points.map((p) => p.x)));
  const last = xs.reduce((a, b) => Math.max(a, b), 1);
  const epochs = [...new Set(rows.filter((row) => row.kind === "epoch").map((row) => row.step))].filter(
    (step): step is number => typeof step === "number" && Number.isFinite(step) && step < last,
  );
  const marks = epochs.length <= 25 ? epochs : [];

  const pitch = TITLE + PANEL + GAP;
  const height = TOP + panels.length * pitch - GAP + AXIS;
  const body = panels.map((panel, i) => {
    const isLast = i === panels.length - 1;
    return `<g transform="translate(0,${TOP + i * pitch})">${panelSvg(panel, [0, last], marks, isLast)}</g>`;
  });
  const steps = `optimiser steps${marks.length > 0 ? "  (dotted: ends of epochs)" : ""}`;
  const axis = text((LEFT + WIDTH - RIGHT) / 2, height - 10, steps, `text-anchor="middle"`);
  const { title } = options;
  return figureOf({
    title,
    subtitle: subtitle(panels, last, ["Accuracy", "Sparsity", metric]),
    left: LEFT,
    height,
    body: [renumber(body.join("")), axis],
  });
}

function panelsOf(rows: readonly PlotRow[], metric: string, loss: string): Panel[] {
  const steps = rows.filter((row) => row.kind !== "epoch");
  const train = steps.length > 0 ? steps : rows;
  const panels = [
    lossPanel(pick(train, "loss"), pick(rows, "testLoss"), loss),
    accuracyPanel("Accuracy", pick(train, "accuracy"), pick(rows, "testAccuracy")),
    ...(metric === "accuracy" || metric === "loss" ? [] : [metricPanel(metric, rows)]),
    percentPanel("Sparsity", "zeros among prunable weights, per cent", COLOR.sparsity, pick(rows, "sparsity")),
    plainPanel("Threshold d", "in units of the weights", COLOR.threshold, pick(rows, "threshold"), false),
    plainPanel("Implied L1 coefficient λ", "threshold step / learning rate", COLOR.lambda, pick(train, "lambda"), true),
  ];
  return panels.filter((panel) => panel.curves.some((curve) => curve.points.length > 0));
}

/** Make a training curve: a bold mean over faint points. */
function trainCurve(points: readonly Point[]): Curve {
  const width = smoothingWidth(points.length);
  const curve = { name: "train", color: COLOR.train };
  return width === 1 ? { ...curve, points } : { ...curve, points: smooth(points, width), raw: points };
}

function meanNote(count: number): string {
  const width = smoothingWidth(count);
  return width === 1 ? "" : `; faint: as logged, bold: mean of up to ${width} rows`;
}

function lossPanel(train: readonly Point[], test: readonly Point[], name: string): Panel {
  const curves = [trainCurve(train), { name: "test", color: COLOR.test, points: test, dots: true }];
  const values = curves.flatMap((curve) => curve.points);
  const log = spansDecades(values);
  const shown = [...values, ...train];
  const high = Math.max(quantile(shown, 0.995), quantile(values, 1)) * (log ? 1.15 : 1.05);
  const low = log
    ? quantile(
        values.filter((p) => p.y > 0),
        0,
      ) * 0.7
    : 0;
  return {
    title: "Loss",
    note: `${name}${log ? ", log scale" : ""}${meanNote(train.length)}`,
    curves,
    domain: high > low ? [low, high] : [0, 1],
    log,
    ticks: 5,
    show: (y) => significant(y),
  };
}

/** Make the panel of a metric: of train mode in the rows of steps, of the test in those of epochs. */
function metricPanel(metric: string, rows: readonly PlotRow[]): Panel {
  const ofMetric = (kind: "step" | "epoch") =>
    pickMetric(
      rows.filter((row) => (row.kind === "epoch") === (kind === "epoch")),
      metric,
    );
  const [train, test] = [ofMetric("step"), ofMetric("epoch")];
  if (isShareMetric(metric)) return accuracyPanel(metric, train, test);
  const curves = [trainCurve(train), { name: "test", color: COLOR.test, points: test, dots: true }];
  const values = curves.flatMap((curve) => curve.points);
  const [low, high] = [quantile(values, 0.02), quantile(values, 0.98)];
  const room = 0.1 * (high - low || Math.abs(high) || 1);
  return {
    title: metric,
    note: `in units of the data${meanNote(train.length)}`,
    curves,
    domain: [low - room, high + room],
    ticks: 5,
    show: (y) => significant(y),
  };
}

function accuracyPanel(title: string, train: readonly Point[], test: readonly Point[]): Panel {
  const curves = [trainCurve(train), { name: "test", color: COLOR.test, points: test, dots: true }];
  const values = curves.flatMap((curve) => curve.points);
  // The first climb is steep and short: the axis starts at the lowest twentieth of the curve.
  const low = Math.max(0, Math.floor((quantile(values, 0.05) - 0.02) * 10) / 10);
  return {
    title,
    note: `per cent${low > 0 ? `, axis from ${low * 100}` : ""}${meanNote(train.length)}`,
    curves,
    domain: [low, 1],
    ticks: 5,
    show: (y) => percent(y),
    tick: percentNumber,
  };
}

function percentPanel(title: string, note: string, color: string, points: readonly Point[]): Panel {
  const curves = [{ name: "", color, points }];
  return { title, note, curves, domain: [0, 1], ticks: 4, show: (y) => percent(y), tick: percentNumber };
}

function plainPanel(title: string, note: string, color: string, points: readonly Point[], mayLog: boolean): Panel {
  const log = mayLog && spansDecades(points);
  const positive = points.filter((p) => p.y > 0);
  const high = quantile(points, 1);
  const domain: [number, number] = log ? [quantile(positive, 0) / 1.5, high * 1.5] : [0, high > 0 ? high * 1.18 : 1];
  return {
    title,
    note: note + (log ? ", log scale" : ""),
    curves: [{ name: "", color, points: log ? positive : points }],
    domain,
    log,
    ticks: 4,
    show: (y) => significant(y),
  };
}

/** Tell if the largest value of a curve is more than 30 times its smallest twentieth. */
function spansDecades(points: readonly Point[]): boolean {
  const positive = points.filter((p) => p.y > 0);
  return (
    positive.length > 1 &&
    positive.length > 0.9 * points.length &&
    quantile(positive, 1) > 30 * quantile(positive, 0.05)
  );
}

/** Prepare curves for drawing: thin them, and drop raw points that a logarithmic axis cannot show. */
function drawnCurves({ curves, log = false }: Panel) {
  return curves
    .filter((curve) => curve.points.length > 0)
    .map((curve) => ({
      ...curve,
      points: curve.dots ? curve.points : thin(curve.points, MAX_POINTS),
      raw: thin(
        (curve.raw ?? []).filter((p) => !log || p.y > 0),
        MAX_POINTS,
      ),
    }));
}

function panelSvg(panel: Panel, x: readonly [number, number], epochs: readonly number[], isLast: boolean): string {
  const { domain, log = false } = panel;
  const at = { x: "x", y: "y" } as const;
  const inside = ({ y }: Point) => y >= domain[0] && y <= domain[1];
  const tickFormat = panel.tick ?? ((y: number) => significant(y));
  const ticks = log ? logTicks(...domain) : panel.ticks;
  const options: Plot.PlotOptions = {
    width: WIDTH,
    height: HEAD + PANEL + (isLast ? AXIS : 8),
    marginLeft: LEFT,
    marginRight: RIGHT,
    marginTop: HEAD,
    marginBottom: isLast ? AXIS : 8,
    x: { domain: [...x], label: null, axis: null },
    y: { domain: [...domain], type: log ? "log" : "linear", label: null, axis: null },
    marks: [
      Plot.gridY({ ticks, stroke: GRID, strokeOpacity: 1 }),
      Plot.ruleX(epochs, { stroke: "#afb8c1", strokeDasharray: "1,3" }),
      ...(isLast ? [Plot.axisX({ ticks: 8, tickSize: 4, fontSize: 12 })] : []),
      Plot.axisY({ ticks, tickFormat, tickSize: 0, fontSize: 12 }),
      Plot.ruleY([domain[0]], { stroke: AXIS_LINE }),
      ...drawnCurves(panel).flatMap(({ raw, points, color, dots }) => [
        Plot.lineY(raw, { ...at, stroke: color, strokeWidth: 1, strokeOpacity: 0.28, clip: true }),
        Plot.lineY(points, { ...at, stroke: color, strokeWidth: dots ? 1.25 : 2, strokeLinejoin: "round", clip: true }),
        ...(dots
          ? [Plot.dot(points.filter(inside), { ...at, fill: color, r: 3.2, stroke: "#ffffff", strokeWidth: 1 })]
          : []),
      ]),
      ...endLabels(panel, x[1]),
    ],
  };
  const { svg } = drawPlot(options, { overflow: "visible", y: String(TITLE - HEAD - 4) });
  return heading(LEFT, 12, panel.title, panel.note) + svg;
}

/** Write the last value of each curve right of the frame; labels that would touch are moved apart. */
function endLabels({ curves, domain, log = false, show }: Panel, right: number) {
  const scale = (y: number) => (log ? Math.log(y) : y);
  const [low, high] = [scale(domain[0]), scale(domain[1])];
  const labels = curves
    .filter((curve) => curve.points.length > 0)
    .map((curve) => {
      const y = curve.points.at(-1)!.y;
      const share = Math.min(1, Math.max(0, (scale(y) - low) / (high - low)));
      return { text: curve.name ? `${curve.name} ${show(y)}` : show(y), color: curve.color, top: (1 - share) * PANEL };
    })
    .sort((a, b) => a.top - b.top);
  const [first, second] = labels;
  if (first && second && second.top - first.top < 15) {
    const middle = Math.min(PANEL - 8, Math.max(8, (first.top + second.top) / 2));
    first.top = middle - 7.5;
    second.top = middle + 7.5;
  }
  return labels.map(({ text: label, color, top }) =>
    Plot.text([label], {
      x: () => right,
      frameAnchor: "top",
      dy: top,
      dx: 9,
      text: (d: string) => d,
      fill: color,
      fontSize: 12.5,
      fontWeight: "bold",
      textAnchor: "start",
      lineAnchor: "middle",
    }),
  );
}

function subtitle(panels: readonly Panel[], last: number, named: readonly string[]): string {
  const parts = [plural(last, "step")];
  for (const { title, curves, show } of panels) {
    const curve = curves.findLast((c) => c.points.length > 0);
    if (curve && named.includes(title)) {
      parts.push(`${curve.name} ${title.toLowerCase()} ${show(curve.points.at(-1)!.y)}`.trim());
    }
  }
  return parts.join("  ·  ");
}
