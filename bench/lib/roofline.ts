// Draws the roofline: each case's best variant over its arithmetic intensity, below the two limits measured in the same run.
// Points under the slope are limited by bandwidth, points under the flat part by arithmetic.
import * as Plot from "@observablehq/plot";
import { type Box, placeLabels } from "./label_layout.ts";
import type { Gauge, KernelResult, Results, VariantResult } from "./results.ts";
import { adapterName, gaugeLine, threeDigits } from "./rows.ts";

interface RooflineColors {
  readonly ink: string;
  readonly faint: string;
  readonly grid: string;
  /** Background of names and outline of points. */
  readonly paper: string;
}

interface RooflineOptions {
  /** Document of the page, or a substitute. */
  readonly document: Document;
  /** Default: dark on a white background. With given colours, the page supplies the background. */
  readonly colors?: RooflineColors;
}

/** A case as a point. */
interface RooflinePoint {
  readonly group: string;
  readonly name: string;
  readonly variant: string;
  /** Operations per byte of the minimal traffic. */
  readonly intensity: number;
  /** GFLOP/s of the fastest variant, and of the first one (the naive twin). */
  readonly gflops: number;
  readonly first: number;
  /** Share of what the two limits allow at this intensity. */
  readonly share: number;
}

const PRINT: RooflineColors = { ink: "#1f2328", faint: "#59636e", grid: "#e3e7eb", paper: "#ffffff" };
// Okabe and Ito's colours, the light ones darkened. Symbols repeat the colours' meaning.
const STYLES = [
  ["#0072b2", "circle"],
  ["#c24e00", "square"],
  ["#00785a", "triangle"],
  ["#a5447e", "diamond"],
  ["#8a6100", "star"],
  ["#3f8fc4", "triangle2"],
  ["#7a5cc7", "diamond2"],
  ["#5f6b76", "wye"],
  ["#b3261e", "cross"],
] as const;
const FONT = "Helvetica, Arial, 'Liberation Sans', 'DejaVu Sans', sans-serif";
const WIDTH = 1040;
const HEIGHT = 640;
const MARGIN = { left: 64, right: 168, top: 74, bottom: 54 };
const LABEL = 10.5;
/** Average width of a letter as a share of the font size, rounded up. */
const LETTER = 0.61;

const NS = "http://www.w3.org/2000/svg";

/** Turn cases with arithmetic into points. Copies have none and do not fit on a logarithmic axis. */
export function rooflinePoints({ cases, gauge }: Pick<Results, "cases" | "gauge">): RooflinePoint[] {
  const kernels = cases.filter((c): c is KernelResult => c.kind === "kernel" && c.flops > 0 && c.bytes > 0);
  return kernels.map((c) => {
    const fastest = c.variants.reduce((a, b) => (b.ms < a.ms ? b : a));
    const speed = (v: VariantResult) => c.flops / v.ms / 1e6;
    const intensity = c.flops / c.bytes;
    const gflops = speed(fastest);
    return {
      group: c.group,
      name: c.name,
      variant: fastest.name,
      intensity,
      gflops,
      first: speed(c.variants[0]!),
      share: gflops / roofAt(gauge, intensity),
    };
  });
}

/** Compute the GFLOP/s that the limits allow at an intensity in operations per byte. */
export function roofAt(gauge: Gauge, intensity: number): number {
  return Math.min(gauge.fmaGFlops, gauge.copyGBs * intensity);
}

/** Compute an axis range around the values, with a margin. */
function domainOf(values: readonly number[]): [number, number] {
  const low = Math.min(...values);
  const high = Math.max(...values);
  return [low / 1.6, high * 1.6];
}

/**
 * Draw the picture as an <svg> of the document, 1040 units wide. A filled point is the fastest variant of a case; the thin line
 * below reaches down to the first variant. Every point has its name as a tooltip; those with enough room are labelled.
 *
 * Errors   RangeError if no case of the results has arithmetic.
 */
export function drawRoofline(
  results: Pick<Results, "cases" | "gauge" | "adapter">,
  options: RooflineOptions,
): SVGElement {
  const { document, colors = PRINT } = options;
  const { gauge } = results;
  const points = rooflinePoints(results);
  if (points.length === 0)
    throw new RangeError("roofline: expected at least one kernel case with floating-point operations, got none");
  const ridge = gauge.fmaGFlops / gauge.copyGBs;
  const x = domainOf([...points.map((p) => p.intensity), ridge / 4, ridge * 4]);
  const y = domainOf([...points.flatMap((p) => [p.gflops, p.first]), gauge.fmaGFlops]);
  const groups = [...new Set(points.map((p) => p.group))];
  const styleOf = (group: string) => STYLES[groups.indexOf(group) % STYLES.length]!;
  const roof = [x[0], ridge, x[1]].map((at) => ({ x: at, y: roofAt(gauge, at) })).filter((p) => p.x >= x[0]);
  const at = { x: "intensity", y: "gflops" } as const;

  const svg = Plot.plot({
    document,
    width: WIDTH,
    height: HEIGHT,
    marginLeft: MARGIN.left,
    marginRight: MARGIN.right,
    marginTop: MARGIN.top,
    marginBottom: MARGIN.bottom,
    x: { domain: x, type: "log", label: null },
    y: { domain: y, type: "log", label: null },
    marks: [
      Plot.gridX({ ticks: decades(x), stroke: colors.grid, strokeOpacity: 1 }),
      Plot.gridY({ ticks: decades(y), stroke: colors.grid, strokeOpacity: 1 }),
      Plot.axisX({ ticks: decades(x), tickFormat: plainNumber, tickSize: 4, fontSize: 12, label: null }),
      Plot.axisY({ ticks: decades(y), tickFormat: plainNumber, tickSize: 4, fontSize: 12, label: null }),
      Plot.line(roof, { x: "x", y: "y", stroke: colors.ink, strokeWidth: 2, clip: true }),
      Plot.line(
        roof.map((p) => ({ x: p.x, y: p.y / 10 })),
        { x: "x", y: "y", stroke: colors.faint, strokeWidth: 1, strokeDasharray: "2,4", clip: true },
      ),
      ...groups.flatMap((group) => {
        const [color, symbol] = styleOf(group);
        const own = points.filter((p) => p.group === group);
        return [
          Plot.ruleX(own, { x: "intensity", y1: "first", y2: "gflops", stroke: color, strokeOpacity: 0.35 }),
          Plot.dot(own, { x: "intensity", y: "first", stroke: color, strokeOpacity: 0.5, r: 1.8, strokeWidth: 1 }),
          Plot.dot(own, { ...at, fill: color, symbol, r: 4, stroke: colors.paper, strokeWidth: 0.6, title: tooltip }),
        ];
      }),
    ],
  }) as SVGElement;
  finish(svg, colors);
  annotate(svg, results, { points, groups, styleOf, x, y, colors, document, hasGround: !options.colors });
  return svg;
}

interface Scene {
  readonly points: readonly RooflinePoint[];
  readonly groups: readonly string[];
  readonly styleOf: (group: string) => readonly [string, string];
  readonly x: readonly [number, number];
  readonly y: readonly [number, number];
  readonly colors: RooflineColors;
  readonly document: Document;
  readonly hasGround: boolean;
}

const tooltip = ({ group, name, variant, gflops, share }: RooflinePoint): string =>
  `${group} ${name}\n${variant}: ${threeDigits(gflops)} GFLOP/s, ${(100 * share).toFixed(0)} % of the roof`;

function decades([low, high]: readonly [number, number]): number[] {
  const steps = Math.log10(high / low) > 2.2 ? [1] : [1, 2, 5];
  const ticks: number[] = [];
  for (let k = Math.floor(Math.log10(low)); k <= Math.ceil(Math.log10(high)); k++) {
    for (const m of steps) ticks.push(Number(`${m}e${k}`));
  }
  return ticks.filter((t) => t >= low && t <= high);
}

function plainNumber(value: number): string {
  return value >= 1e5 || value < 1e-3 ? value.toExponential().replace("e+", "e") : String(value);
}

function finish(svg: SVGElement, colors: RooflineColors): void {
  for (const style of svg.querySelectorAll("style")) style.remove();
  svg.setAttribute("xmlns", NS);
  svg.setAttribute("font-family", FONT);
  svg.setAttribute("fill", colors.ink);
  svg.setAttribute("color", colors.ink);
  svg.setAttribute("role", "img");
  svg.setAttribute("aria-label", "Roofline: speed of each case against the limits of the adapter");
}

/** Scene, positions of values in pixels, and a function that adds text. */
interface Pen {
  readonly svg: SVGElement;
  readonly scene: Scene;
  readonly px: (intensity: number) => number;
  readonly py: (gflops: number) => number;
  text(left: number, top: number, content: string, more?: Record<string, string | number>): void;
}

const RIGHT = WIDTH - MARGIN.right;
const BOTTOM = HEIGHT - MARGIN.bottom;

function makePen(svg: SVGElement, scene: Scene): Pen {
  const { x, y, colors, document } = scene;
  const make = (name: string, attributes: Record<string, string | number>, content = "") => {
    const element = document.createElementNS(NS, name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, String(value));
    element.textContent = content;
    return element;
  };
  if (scene.hasGround) {
    svg.insertBefore(make("rect", { width: WIDTH, height: HEIGHT, fill: colors.paper }), svg.firstChild);
  }
  return {
    svg,
    scene,
    px: (v) => MARGIN.left + (Math.log(v / x[0]) / Math.log(x[1] / x[0])) * (RIGHT - MARGIN.left),
    py: (v) => BOTTOM - (Math.log(v / y[0]) / Math.log(y[1] / y[0])) * (BOTTOM - MARGIN.top),
    text(left, top, content, more = {}) {
      const common = { x: left, y: top, fill: colors.ink, "text-anchor": "start", "font-size": 12 };
      svg.appendChild(make("text", { ...common, ...more }, content));
    },
  };
}

/** Draw the titles, the names of axes and limits, the legend and the labels of points. */
function annotate(svg: SVGElement, results: Pick<Results, "gauge" | "adapter">, scene: Scene): void {
  const pen = makePen(svg, scene);
  writeTitles(pen, results);
  const slopeStart = labelRoof(pen, results.gauge);
  drawLegend(pen);
  labelPoints(pen, results.gauge, slopeStart);
}

function writeTitles({ scene, text }: Pen, { gauge, adapter }: Pick<Results, "gauge" | "adapter">): void {
  const { faint } = scene.colors;
  text(MARGIN.left, 28, "Roofline", { "font-size": 18, "font-weight": "bold" });
  text(MARGIN.left, 49, `${adapterName(adapter)}: ${gaugeLine(gauge)}, in the same run`, {
    "font-size": 12.5,
    fill: faint,
  });
  text(MARGIN.left - 48, MARGIN.top - 8, "GFLOP/s", { fill: faint });
  text((MARGIN.left + RIGHT) / 2, HEIGHT - 12, "floating-point operations per byte that must be moved", {
    "text-anchor": "middle",
    fill: faint,
  });
}

/** Write the two limits beside the roof. Returns the intensity at which the slope enters the picture. */
function labelRoof({ scene, px, py, text }: Pen, gauge: Gauge): number {
  const { x, y, colors } = scene;
  const label = { "font-size": 11.5, fill: colors.ink, "font-weight": "bold" };
  text(RIGHT - 4, py(gauge.fmaGFlops) - 6, `${threeDigits(gauge.fmaGFlops)} GFLOP/s`, {
    ...label,
    "text-anchor": "end",
  });
  text(RIGHT - 4, py(gauge.fmaGFlops / 10) - 5, "a tenth", {
    "font-size": 10.5,
    fill: colors.faint,
    "text-anchor": "end",
  });
  const start = Math.max(x[0], y[0] / gauge.copyGBs) * 1.15;
  const rise = py(gauge.copyGBs * start * 2) - py(gauge.copyGBs * start);
  const angle = (Math.atan2(rise, px(start * 2) - px(start)) * 180) / Math.PI;
  const foot = [px(start), py(gauge.copyGBs * start) - 6] as const;
  text(foot[0], foot[1], `${threeDigits(gauge.copyGBs)} GB/s`, {
    ...label,
    transform: `rotate(${angle} ${foot.join(" ")})`,
  });
  return start;
}

function drawLegend({ svg, scene, text }: Pen): void {
  const { points, groups, styleOf, colors } = scene;
  groups.forEach((group, i) => {
    const [color, symbol] = styleOf(group);
    const top = MARGIN.top + 10 + 21 * i;
    const count = points.filter((p) => p.group === group).length;
    svg.appendChild(mark(scene, color, symbol, RIGHT + 24, top));
    text(RIGHT + 36, top + 4, `${group} (${count})`, { "font-size": 12.5 });
  });
  const hints = ["filled: fastest variant", "ring: first variant", "(the naive twin)"];
  hints.forEach((hint, i) => {
    text(RIGHT + 18, MARGIN.top + 24 + 21 * groups.length + 15 * i, hint, { "font-size": 11, fill: colors.faint });
  });
}

/** Return boxes that labels avoid: the text of the roof, and the roof itself in small pieces. */
function roofBoxes({ scene, px, py }: Pen, gauge: Gauge, slopeStart: number): Box[] {
  const { x } = scene;
  const top = py(gauge.fmaGFlops);
  const boxes: Box[] = [{ left: RIGHT - 110, top: top - 18, right: RIGHT, bottom: top + 2 }];
  for (let i = 0; i <= 120; i++) {
    const at = x[0] * (x[1] / x[0]) ** (i / 120);
    const [across, down] = [px(at), py(roofAt(gauge, at))];
    const above = at < slopeStart * 2.2 ? 20 : 3;
    boxes.push({ left: across - 4, top: down - above, right: across + 4, bottom: down + 3 });
  }
  return boxes;
}

function labelPoints(pen: Pen, gauge: Gauge, slopeStart: number): void {
  const { scene, px, py, text } = pen;
  const { points, colors, styleOf } = scene;
  const frame = { left: MARGIN.left + 2, top: MARGIN.top, right: RIGHT - 2, bottom: BOTTOM - 2 };
  const dots = points.map((p) => ({ x: px(p.intensity), y: py(p.gflops) }));
  const labels = points.map((p, i) => ({
    at: dots[i]!,
    width: LABEL * LETTER * p.name.length,
    height: LABEL + 1,
    weight: p.share,
  }));
  const halo = { stroke: colors.paper, "stroke-width": 3, "paint-order": "stroke", "stroke-linejoin": "round" };
  for (const { index, left, top, isBefore } of placeLabels(labels, dots, roofBoxes(pen, gauge, slopeStart), frame)) {
    const { name, group } = points[index]!;
    const at = isBefore ? left + (labels[index]?.width ?? 0) : left;
    const anchor = { "text-anchor": isBefore ? "end" : "start", "font-size": LABEL };
    text(at, top + LABEL - 1.5, name, { ...anchor, fill: styleOf(group)[0], ...halo });
  }
}

/** Draw a symbol of the legend with Plot, like those in the picture. */
function mark({ document, colors }: Scene, fill: string, symbol: string, x: number, y: number): Element {
  const small = Plot.plot({
    document,
    width: 16,
    height: 16,
    margin: 0,
    axis: null,
    marks: [
      Plot.dot([0], {
        frameAnchor: "middle",
        x: null,
        y: null,
        fill,
        symbol: symbol as Plot.SymbolType,
        r: 4,
        stroke: colors.paper,
        strokeWidth: 0.6,
      } as Plot.DotOptions),
    ],
  });
  for (const style of small.querySelectorAll("style")) style.remove();
  small.setAttribute("x", String(x - 8));
  small.setAttribute("y", String(y - 8));
  return small;
}
