// Charts as SVG text: Plot without a browser, axes for shares near 1, and lines with labels at their ends.
import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { FONT, INK, text } from "./figure.ts";
import type { Point } from "./plot_data.ts";

export const CHART_WIDTH = 1000;
export const GRID = "#d8dee4";
export const AXIS_LINE = "#8c959f";

/** The scales of a chart, from values to pixels. */
export interface Chart {
  x(value: number): number;
  y(value: number): number;
}

type Scale = { apply(value: number): number } | undefined;

/** Draw with Plot, without a browser. `attributes` are set on the SVG element. */
export function drawPlot(
  options: Plot.PlotOptions,
  attributes: Readonly<Record<string, string>>,
): Chart & { svg: string } {
  const { document } = parseHTML("<!doctype html><html><body></body></html>");
  const svg = Plot.plot({ ...options, document });
  for (const style of svg.querySelectorAll("style")) style.remove();
  for (const [name, value] of Object.entries({ "font-family": FONT, ...attributes })) svg.setAttribute(name, value);
  const scale = (name: "x" | "y") => {
    const found = svg.scale(name) as Scale;
    return (value: number) => found?.apply(value) ?? Number.NaN;
  };
  return { svg: svg.outerHTML, x: scale("x"), y: scale("y") };
}

/** Draw a chart for a page. `over` returns SVG text to put on top, given the scales of the chart. */
export function chart(options: Plot.PlotOptions, label: string, over: (chart: Chart) => string = () => ""): string {
  const look = { "font-size": "12", fill: INK, color: INK };
  const attributes = { ...look, role: "img", "aria-label": label, xmlns: "http://www.w3.org/2000/svg" };
  const drawn = drawPlot({ width: CHART_WIDTH, ...options }, attributes);
  const end = drawn.svg.lastIndexOf("</svg>");
  // Plot sets text-anchor to middle for the whole SVG element.
  return `${drawn.svg.slice(0, end)}<g text-anchor="start">${over(drawn)}</g></svg>`;
}

/** Number the clip paths from 1. Plot counts them over the whole process, which would make files differ from run to run. */
export function renumber(page: string): string {
  const ids = new Map<string, string>();
  return page.replaceAll(/plot-clip-\d+/g, (id) => {
    if (!ids.has(id)) ids.set(id, `clip-${ids.size + 1}`);
    return ids.get(id)!;
  });
}

/** Return the number of nines of a share: 0.9 -> 1, 0.99 -> 2. On this axis 90, 99 and 99.9 % are equally far apart. */
export function nines(share: number, least = 1e-9): number {
  return -Math.log10(Math.max(least, 1 - share));
}

/** Choose the shares to mark on an axis of nines from `low` to `high`; fewer if they would be close. */
export function nineTicks(low: number, high: number): number[] {
  const shares = [0, 0.2, 0.5, 0.7];
  for (let k = 1; k <= 9; k++) for (const m of [2, 1, 0.5]) shares.push(1 - m * 10 ** -k);
  const inside = [...new Set(shares)].filter((s) => nines(s) >= low - 1e-9 && nines(s) <= high + 1e-9);
  return high - low <= 0.5
    ? inside.concat([0.85, 0.92, 0.94, 0.96, 0.97, 0.985, 0.992].filter((s) => nines(s) > low && nines(s) < high))
    : inside.filter((s) => high - low < 3.5 || s === 0 || isPowerOfTen(1 - s));
}

const isPowerOfTen = (x: number) => Math.abs(Math.log10(x) - Math.round(Math.log10(x))) < 1e-6;

/** First digits of the ticks of a logarithmic axis, finest first. The first two are for domains within one decade. */
const LOG_STEPS = [
  [1, 1.2, 1.4, 1.6, 1.8, 2, 2.5, 3, 3.5, 4, 5, 6, 7, 8, 9],
  [1, 1.5, 2, 3, 4, 6, 8],
  [1, 2, 5],
  [1, 3],
  [1],
];

/** Choose the finest ticks with at most 6 in a domain, down to 1, 10, 100, ... and then every k-th power of ten. */
export function logTicks(low: number, high: number): number[] {
  const from = Math.floor(Math.log10(low));
  const powers = Array.from({ length: Math.ceil(Math.log10(high)) - from + 1 }, (_, i) => from + i);
  const within = (ticks: number[]) => ticks.filter((t) => t >= low && t <= high);
  const choices = LOG_STEPS.map((steps) => within(powers.flatMap((k) => steps.map((m) => Number(`${m}e${k}`)))));
  const sparse = within(powers.filter((k) => k % Math.ceil(powers.length / 5) === 0).map((k) => Number(`1e${k}`)));
  return choices.find((ticks) => ticks.length <= 6) ?? sparse;
}

/** Move positions apart until neighbours are `gap` from each other, within 0 to `height`. The order stays. */
export function spread(positions: readonly number[], gap: number, height: number): number[] {
  const order = positions.map((at, i) => ({ at, i })).sort((a, b) => a.at - b.at || a.i - b.i);
  let floor = Number.NEGATIVE_INFINITY;
  for (const item of order) {
    item.at = Math.max(item.at, floor);
    floor = item.at + gap;
  }
  let ceiling = height;
  for (const item of [...order].reverse()) {
    item.at = Math.min(item.at, ceiling);
    ceiling = item.at - gap;
  }
  const out = new Array<number>(positions.length).fill(0);
  for (const { at, i } of order) out[i] = at;
  return out;
}

/** Shorten a name in the middle to at most `letters`, so that both ends stay readable. */
export function shorten(name: string, letters: number): string {
  if (name.length <= letters) return name;
  const head = Math.ceil((letters - 1) / 2);
  return `${name.slice(0, head)}…${name.slice(name.length - (letters - 1 - head))}`;
}

export interface Series {
  readonly label: string;
  readonly color: string;
  readonly points: readonly Point[];
}

interface LineChart {
  /** Description for screen readers. */
  readonly label: string;
  readonly series: readonly Series[];
  readonly xLabel: string;
  /** True for a logarithmic axis, without points <= 0. */
  readonly log?: boolean;
  readonly domain: readonly [number, number];
  /** Values to mark; chosen by the chart if absent. */
  readonly ticks?: readonly number[];
  readonly tick: (y: number) => string;
  /** True for few, measured points: drawn as dots on a line. */
  readonly dots?: boolean;
}

const LABEL_GAP = 14;
const RIGHT = 230;
const LEFT = 70;
const TOP = 10;
const BOTTOM = 44;

/** Draw lines over a common axis. Labels at their ends are moved apart if they would touch, and tied to their lines. */
export function lineChart(options: LineChart): string {
  const { log = false, domain, series, tick, dots = false } = options;
  const shown = series
    .map((s) => ({ ...s, points: s.points.filter((p) => !log || p.y > 0) }))
    .filter((s) => s.points.length > 0);
  const inner = Math.max(210, LABEL_GAP * shown.length);
  const xs = shown.flatMap((s) => s.points.map((p) => p.x));
  const last = xs.reduce((a, b) => Math.max(a, b), Number.NEGATIVE_INFINITY);
  const first = xs.reduce((a, b) => Math.min(a, b), last);
  const x: [number, number] = dots ? [Math.min(first, last - 1e-9), last] : [0, last];
  const ticks = options.ticks ? [...options.ticks] : log ? logTicks(...domain) : 5;
  return chart(
    {
      height: TOP + inner + BOTTOM,
      marginLeft: LEFT,
      marginRight: RIGHT,
      marginTop: TOP,
      marginBottom: BOTTOM,
      x: { domain: x, label: null, axis: null },
      y: { domain: [...domain], type: log ? "log" : "linear", label: null, axis: null },
      marks: [
        Plot.gridY({ ticks, stroke: GRID, strokeOpacity: 1 }),
        Plot.axisY({ ticks, tickFormat: tick, tickSize: 0, fontSize: 12 }),
        Plot.axisX({ ticks: xTicks(x, dots), tickFormat: (v: number) => String(v), tickSize: 4, fontSize: 12 }),
        Plot.ruleY([domain[0]], { stroke: AXIS_LINE }),
        ...shown.map((s) =>
          Plot.lineY(s.points, {
            x: "x",
            y: "y",
            stroke: s.color,
            strokeWidth: 1.75,
            strokeLinejoin: "round",
            clip: true,
          }),
        ),
        ...(dots ? shown.map((s) => Plot.dot(s.points, { x: "x", y: "y", fill: s.color, r: 2.6, clip: false })) : []),
      ],
    },
    options.label,
    (scales) => endLabels(shown, scales, inner, domain) + axisTitle(options.xLabel, TOP + inner + BOTTOM),
  );
}

function xTicks([low, high]: readonly [number, number], whole: boolean): number[] | number {
  const count = Math.floor(high) - Math.ceil(low) + 1;
  if (count > 12 || (!whole && count < 2)) return 10;
  return Array.from({ length: count }, (_, i) => Math.ceil(low) + i);
}

function axisTitle(title: string, height: number): string {
  return text((LEFT + CHART_WIDTH - RIGHT) / 2, height - 6, title, `text-anchor="middle"`);
}

function endLabels(
  series: readonly Series[],
  { x, y }: Chart,
  inner: number,
  domain: readonly [number, number],
): string {
  const right = CHART_WIDTH - RIGHT;
  const ends = series.map((s) => {
    const end = s.points.at(-1)!;
    return { x: x(end.x), y: y(Math.min(domain[1], Math.max(domain[0], end.y))) };
  });
  const tops = spread(
    ends.map((end) => end.y - TOP),
    LABEL_GAP,
    inner,
  );
  return series
    .map((s, i) => {
      const end = ends[i]!;
      const at = TOP + tops[i]!;
      const line = `M${(end.x + 4).toFixed(1)},${end.y.toFixed(1)}L${right + 4},${end.y.toFixed(1)}L${right + 16},${at.toFixed(1)}`;
      const tie = `<path d="${line}" fill="none" stroke="${s.color}" stroke-width="0.8" stroke-opacity="0.6"/>`;
      return tie + text(right + 20, at + 4, shorten(s.label, 27), `fill="${s.color}" font-weight="bold"`);
    })
    .join("");
}
