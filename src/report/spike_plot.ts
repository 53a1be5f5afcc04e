// The figure of a spiking network: spikes by layer, and below them the membrane potential of a few neurons on the same time
// axis.

import * as Plot from "@observablehq/plot";
import type { PotentialTrace, SpikeFigure } from "../internal.ts";
import { count, percent, plural, significant } from "../text/index.ts";
import { AXIS_LINE, drawPlot, GRID } from "./chart.ts";
import { FAINT, type Figure, figureOf, heading, text, FIGURE_WIDTH as WIDTH } from "./figure.ts";
import {
  checkFigure,
  fit,
  LETTER,
  numberedSteps,
  potentialDomain,
  sampleGap,
  stepAt,
  timeSpan,
  tracePath,
} from "./spike_plot_data.ts";

/** The colours of Okabe and Ito, darkened for thin lines on white; from the first layer to the last. */
const LAYERS = ["#0072b2", "#00785a", "#a5447e", "#8a6100"];
const SPIKE = "#d55e00";

const LEFT = 66;
const RIGHT = 132;
const TOP = 74;
const TITLE = 26;
/** Class names above the samples. */
const NAMES = 36;
/** Height of one neuron's row, and space between layers. */
const ROW = 3;
const LAYER_GAP = 9;
/** Least height of a layer, for its label. */
const LEAST_BAND = 46;
const TRACE = 84;
const TRACE_GAP = 10;
const AXIS = 46;
const BETWEEN = 22;

/**
 * Draw spikes and membrane potentials of a few samples as one figure.
 *
 * Top: a row for each neuron shown, a column for each time step, a mark for each spike; layers differ in colour, and samples
 * have a gap between them. Above each sample are its class and the predicted class. Bottom: the potential of each traced
 * neuron, which rises to H at each step and falls to the reset after a spike (dot). Dashed: the threshold.
 *
 * Units     potentials: none; firing rates: per cent of neurons and steps.
 * Errors    ArgumentError without samples or layers, or if sizes do not fit.
 */
export function renderSpikePlot(figure: SpikeFigure, options: { readonly title: string }): Figure {
  checkFigure(figure);
  const bands = layOut(figure);
  const raster = bands.at(-1)?.bottom as number;
  const rasterTop = TOP + TITLE + NAMES;
  const tracesTop = rasterTop + raster + BETWEEN + TITLE;
  const traces = figure.traces.length * (TRACE + TRACE_GAP);
  const height = (figure.traces.length > 0 ? tracesTop + traces - TRACE_GAP : rasterTop + raster) + AXIS;
  const { samples, timeSteps, layers } = figure;
  const right = samples.filter(({ label, predicted }) => label === predicted).length;
  const subtitle = [
    `${plural(samples.length, "sample")} of ${plural(timeSteps, "time step")}`,
    "neurons start at rest in each",
    `${right} of ${samples.length} classified right`,
  ].join("  ·  ");
  const domain = potentialDomain(figure);
  const last = figure.traces.length - 1;
  const firstTrace = figure.traces[0];
  const body = [
    heading(LEFT, TOP + 12, "Spikes", "one row per neuron, spread over each layer; above: class → class predicted"),
    sampleNames(figure, TOP + TITLE),
    svgAt(rasterPlot(figure, bands, raster, last < 0), rasterTop),
    ...(firstTrace
      ? [heading(LEFT, rasterTop + raster + BETWEEN + 12, "Membrane potential", traceNote(figure, firstTrace.name))]
      : []),
    ...figure.traces.map((trace, i) =>
      svgAt(tracePlot(figure, trace, domain, i === last), tracesTop + i * (TRACE + TRACE_GAP)),
    ),
  ];
  return figureOf({
    title: options.title,
    subtitle,
    left: LEFT,
    height,
    body: [
      rotated(20, rasterTop + raster / 2, layers.length === 1 ? "neurons" : "neurons, layer by layer"),
      ...(firstTrace ? [rotated(20, tracesTop + (traces - TRACE_GAP) / 2, "potential (no unit)")] : []),
      ...body,
      text((LEFT + WIDTH - RIGHT) / 2, height - 8, "time step of the sample", `text-anchor="middle"`),
    ],
  });
}

function traceNote({ vThreshold, vReset }: SpikeFigure, layer: string): string {
  const reset = vReset === null ? "lowered by θ" : `reset to ${significant(vReset)}`;
  return `in ${fit(layer, 130, 12)}; dots: spikes, at or above the threshold θ = ${significant(vThreshold)} (dashed), then ${reset}`;
}

interface Band {
  readonly color: string;
  /** Bounds of the layer's rows, from the top of the raster. */
  readonly top: number;
  readonly bottom: number;
  readonly row: number;
}

function layOut({ layers }: SpikeFigure): Band[] {
  let top = 0;
  return layers.map(({ shown }, i) => {
    const row = Math.max(ROW, LEAST_BAND / shown.length);
    const band = { color: LAYERS[i % LAYERS.length]!, top, bottom: top + row * shown.length, row };
    top = band.bottom + LAYER_GAP;
    return band;
  });
}

const pixels = (figure: SpikeFigure) => (WIDTH - LEFT - RIGHT) / timeSpan(figure);

/** Write the class of each sample, and below it the predicted class, coloured if wrong. */
function sampleNames(figure: SpikeFigure, top: number): string {
  const { samples, timeSteps } = figure;
  const width = (timeSteps + sampleGap(figure)) * pixels(figure) - 4;
  return samples
    .map(({ label, predicted }, s) => {
      const x = LEFT + (stepAt(figure, s, -0.5) + timeSteps / 2) * pixels(figure);
      const wrong = label !== predicted;
      const look = wrong ? `fill="${SPIKE}" font-weight="bold"` : `fill="${FAINT}"`;
      return [
        fitted(x, top + 11, label, { width, size: 12, look: `font-weight="bold"` }),
        fitted(x, top + 26, `→ ${predicted}`, { width, size: 11, look }),
      ].join("");
    })
    .join("");
}

/** Write centred text: smaller if it is long, and cut if it would be too small to read. */
function fitted(
  x: number,
  y: number,
  content: string,
  { width, size, look }: { readonly width: number; readonly size: number; readonly look: string },
): string {
  const fontSize = Math.max(8.5, Math.min(size, width / (LETTER * content.length)));
  return text(x, y, fit(content, width, fontSize), `text-anchor="middle" font-size="${short(fontSize)}" ${look}`);
}

/** Make a mark that draws one path with Plot's scales: thousands of elements would make a large file. */
function pathMark(draw: (x: (v: number) => number, y: (v: number) => number) => string, attributes: object) {
  return (_index: unknown, scales: { x?: unknown; y?: unknown }, _v: unknown, _d: unknown, context: unknown) => {
    const { document } = context as { document: Document };
    const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
    const { x, y } = scales as { x: (v: number) => number; y: (v: number) => number };
    path.setAttribute("d", draw(x, y));
    path.setAttribute("fill", "none");
    for (const [name, value] of Object.entries(attributes)) path.setAttribute(name, String(value));
    return path;
  };
}

const short = (n: number) => String(Math.round(n * 100) / 100);

function rasterPlot(figure: SpikeFigure, bands: readonly Band[], height: number, isLast: boolean): string {
  const { samples, timeSteps, layers } = figure;
  const mark = Math.min(7, Math.max(1.5, 0.36 * pixels(figure)));
  const marks = layers.flatMap(({ shown, spikes }, i) => {
    const { color, top, bottom, row } = bands[i]!;
    const draw = (x: (v: number) => number, y: (v: number) => number) => {
      let path = "";
      spikes.forEach((spike, at) => {
        if (spike === 0) return;
        const step = Math.floor(at / shown.length);
        const left = x(stepAt(figure, Math.floor(step / timeSteps), step % timeSteps)) - mark / 2;
        path += `M${short(left)} ${short(y(top + ((at % shown.length) + 0.5) * row))}h${short(mark)}`;
      });
      return path;
    };
    const ground = samples.map((_, s) => ({
      x1: stepAt(figure, s, -0.5),
      x2: stepAt(figure, s, timeSteps - 0.5),
      y1: top - 2,
      y2: bottom + 2,
    }));
    const place = { x1: "x1", x2: "x2", y1: "y1", y2: "y2" } as const;
    return [
      Plot.rect(ground, { ...place, fill: color, fillOpacity: 0.06 }),
      pathMark(draw, { stroke: color, "stroke-width": Math.min(4, 0.72 * row) }),
    ];
  });
  const labels = layers.flatMap(({ name, shown, neurons, rate }, i) => {
    const { color, top, bottom } = bands[i]!;
    const middle = (top + bottom) / 2;
    const lines = [
      { dy: -15, label: fit(name, RIGHT - 26, 12.5), bold: true },
      { dy: 1, label: shown.length === neurons ? plural(neurons, "neuron") : `${shown.length} of ${count(neurons)}` },
      { dy: 16, label: `fire ${percent(rate, rate < 0.1 ? 2 : 1)} of steps` },
    ];
    return lines.map(({ dy, label, bold }) =>
      Plot.text([label], {
        ...beside(figure, middle, dy),
        fill: bold ? color : FAINT,
        fontSize: bold ? 12.5 : 11,
        fontWeight: bold ? "bold" : "normal",
      }),
    );
  });
  return plot(figure, { height, domain: [height, 0], isLast, marks: [...marks, ...labels] });
}

/** Place text right of the frame. */
function beside(figure: SpikeFigure, y: number, dy: number) {
  return {
    x: () => timeSpan(figure),
    y: () => y,
    dx: 9,
    dy,
    text: (d: string) => d,
    textAnchor: "start",
    lineAnchor: "middle",
  } as const;
}

function tracePlot(
  figure: SpikeFigure,
  trace: PotentialTrace,
  domain: readonly [number, number],
  isLast: boolean,
): string {
  const { samples, timeSteps, layers, vThreshold, vReset } = figure;
  const at = layers.findIndex((layer) => layer.name === trace.name);
  const color = LAYERS[Math.max(0, at) % LAYERS.length]!;
  const { lines, spikes } = tracePath(trace, figure);
  const edges = samples.map((_, s) => ({ x1: stepAt(figure, s, -0.5), x2: stepAt(figure, s, timeSteps - 0.5) }));
  const level = (y: number) => edges.map((edge) => ({ ...edge, y }));
  const sides = { x1: "x1", x2: "x2", y1: "y", y2: "y" } as const;
  const draw = (x: (v: number) => number, y: (v: number) => number) =>
    lines.map((line) => `M${line.map((p) => `${short(x(p.x))} ${short(y(p.y))}`).join("L")}`).join("");
  const middle = (domain[0] + domain[1]) / 2;
  return plot(figure, {
    height: TRACE,
    domain,
    isLast,
    marks: [
      Plot.rect(edges, {
        x1: "x1",
        x2: "x2",
        y1: () => domain[0],
        y2: () => domain[1],
        fill: color,
        fillOpacity: 0.06,
      }),
      Plot.axisY({ ticks: 4, tickSize: 0, fontSize: 11.5, tickFormat: (y: number) => significant(y) }),
      Plot.link(level(vReset ?? 0), { ...sides, stroke: AXIS_LINE, strokeWidth: 1 }),
      Plot.link(level(vThreshold), { ...sides, stroke: SPIKE, strokeWidth: 1.2, strokeDasharray: "4,3" }),
      pathMark(draw, { stroke: color, "stroke-width": 1.6, "stroke-linejoin": "round" }),
      Plot.dot(spikes, {
        x: "x",
        y: "y",
        r: Math.min(3.2, Math.max(2.2, 0.3 * pixels(figure))),
        fill: SPIKE,
        stroke: "#ffffff",
        strokeWidth: 0.8,
      }),
      Plot.text([`neuron ${count(trace.neuron)}`], {
        ...beside(figure, middle, -8),
        fill: color,
        fontSize: 12.5,
        fontWeight: "bold",
      }),
      Plot.text([plural(spikes.length, "spike")], {
        ...beside(figure, middle, 8),
        fill: FAINT,
        fontSize: 11,
      }),
    ],
  });
}

interface PlotPart {
  readonly height: number;
  readonly domain: readonly [number, number];
  /** True for the lowest panel, with the time axis. */
  readonly isLast: boolean;
  readonly marks: Plot.Markish[];
}

/** Draw one panel on the common time axis; the steps are numbered below the last. */
function plot(figure: SpikeFigure, { height, domain, isLast, marks }: PlotPart): string {
  const { samples, timeSteps } = figure;
  const unit = pixels(figure);
  const numbered = numberedSteps(timeSteps, (timeSteps * unit) / (timeSteps < 10 ? 12 : 19));
  const ticks = samples.flatMap((_, s) =>
    numbered.map((step) => ({ x: stepAt(figure, s, step - 1), label: String(step) })),
  );
  const walls = samples.slice(1).map((_, s) => stepAt(figure, s + 1, -0.5) - sampleGap(figure) / 2);
  const options: Plot.PlotOptions = {
    width: WIDTH,
    height: height + (isLast ? AXIS : 0),
    marginLeft: LEFT,
    marginRight: RIGHT,
    marginTop: 0,
    marginBottom: isLast ? AXIS : 0,
    x: { domain: [0, timeSpan(figure)], label: null, axis: null },
    y: { domain: [...domain], label: null, axis: null },
    marks: [
      Plot.ruleX(walls, { stroke: GRID, strokeWidth: 1 }),
      ...marks,
      ...(isLast
        ? [
            Plot.text(ticks, {
              x: "x",
              text: "label",
              frameAnchor: "bottom",
              lineAnchor: "top",
              dy: 7,
              fontSize: 11.5,
            }),
          ]
        : []),
    ],
  };
  return drawPlot(options, { overflow: "visible" }).svg;
}

const svgAt = (svg: string, top: number) => `<g transform="translate(0,${top})">${svg}</g>`;

function rotated(x: number, y: number, content: string): string {
  return text(0, 0, content, `transform="translate(${x},${y}) rotate(-90)" text-anchor="middle" fill="${FAINT}"`);
}
