// Draws figures of several panels: lines with bars over a common legend, on linear, logarithmic or share axes.
import * as Plot from "@observablehq/plot";
import { AXIS_LINE, type Chart, chart, GRID, renumber } from "../../src/report/chart.ts";
import { mix, SYMBOLS, type SymbolName } from "../../src/report/compare_colors.ts";
import { escapeXml, FAINT, type Figure, FONT, INK, rasterize, text } from "../../src/report/figure.ts";
import { type Axis, type Ruler, rulerOf, tickText } from "./axes.ts";

/** A measured point; `low` and `high` are the ends of its bar. */
export interface Mark {
  readonly x: number;
  readonly y: number;
  readonly low?: number;
  readonly high?: number;
}

export interface Series {
  readonly name: string;
  readonly points: readonly Mark[];
  /** Distance between two points with a symbol: more than 1 for a dense trace. Default 1. */
  readonly every?: number;
  /** Name of the series whose control this is: it has that one's colour, with dashes. */
  readonly controls?: string | undefined;
}

export interface FigurePanel {
  readonly title: string;
  readonly x: Axis;
  readonly y: Axis;
  readonly series: readonly Series[];
  /** Horizontal offset in pixels between the series, so that they stay distinguishable. Default 3.5. */
  readonly apart?: number;
  /** Horizontal line with a name, such as the dense network. */
  readonly level?: { readonly name: string; readonly y: number } | undefined;
}

interface FigureText {
  readonly title: string;
  readonly note: string;
}

const WIDTH = 560;
const HEIGHT = 400;
const LEGEND = 170;
const HEAD = 84;
const TOP = 34;
const BOTTOM = 46;
const LEFT = 60;
const RIGHT = 14;
const ROW = 19;
const APART = 3.5;

/** Okabe and Ito's colours in the tones of the other figures. */
const HUES = ["#0072b2", "#d55e00", "#00785a", "#a5447e", "#8a6100", "#4d4d4d", "#3f97d1", "#7a3fb0"];

interface Style {
  readonly color: string;
  readonly symbol: SymbolName;
  readonly dashed: boolean;
  /** True for symbols that are not filled. */
  readonly open?: boolean;
}

/** Return the style of the n-th series. The first eight have a colour each; the next repeat them, darker and dashed, with other symbols. */
export function styleOf(n: number): Style {
  const again = n >= HUES.length;
  const hue = HUES[n % HUES.length]!;
  return {
    color: again ? mix(hue, "#000000", 0.3) : hue,
    symbol: SYMBOLS[(n + (again ? 3 : 0)) % SYMBOLS.length]!,
    dashed: again,
  };
}

/** Choose a style for each series. A control looks like its series, dashed. */
function stylesOf(panels: readonly FigurePanel[]): Map<string, Style> {
  const all = panels.flatMap(({ series }) => series);
  const names = [...new Set(all.map(({ name }) => name))];
  const controlled = new Map(all.flatMap(({ name, controls }) => (controls === undefined ? [] : [[name, controls]])));
  const own = names.filter((name) => !names.includes(controlled.get(name) ?? ""));
  return new Map(
    names.map((name) => {
      const other = own.includes(name) ? name : controlled.get(name)!;
      const style = styleOf(own.indexOf(other));
      return [name, other === name ? style : { ...style, dashed: true, open: true }];
    }),
  );
}

function panelSvg(
  { title, x: across, y: up, series, apart = APART, level }: FigurePanel,
  styles: ReadonlyMap<string, Style>,
): string {
  const head = text(LEFT, 16, title, `font-size="14" font-weight="bold"`);
  const points = series.flatMap((one) => one.points);
  if (points.length === 0) return `<g>${head}${text(LEFT, 50, "no runs yet", `fill="${FAINT}"`)}</g>`;
  const x = rulerOf(
    across,
    points.map((p) => p.x),
  );
  const heights = points.flatMap((p) => [p.y, p.low ?? p.y, p.high ?? p.y]);
  const y = rulerOf(up, [...heights, ...(level ? [level.y] : [])]);
  const pixel = (x.domain[1] - x.domain[0]) / (WIDTH - LEFT - RIGHT);
  const shift = (i: number) => (i - (series.length - 1) / 2) * apart * pixel;
  const inside = (v: number) => Math.min(y.domain[1], Math.max(y.domain[0], y.at(v)));
  const lines = series.map(({ name, points: own, every = 1 }, i) => ({
    ...styles.get(name)!,
    marked: (_: unknown, at: number) => at % every === i % every,
    points: own.map((p) => ({
      x: x.at(p.x) + shift(i),
      y: inside(p.y),
      low: inside(p.low ?? p.y),
      high: inside(p.high ?? p.y),
    })),
  }));
  return chart(
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
        ...(level ? [Plot.ruleY([y.at(level.y)], { stroke: INK, strokeDasharray: "6,4" })] : []),
        ...lines.flatMap(marksOf),
      ],
    },
    title,
    (scales) => head + ticksOf(x, y, scales) + levelLabel(level, y, scales, lines),
  );
}

interface DrawnLine extends Style {
  /** Return true for a point with a symbol. */
  marked(point: unknown, at: number): boolean;
  readonly points: readonly { readonly x: number; readonly y: number; readonly low: number; readonly high: number }[];
}

/** Return the look of a symbol: filled with its colour, or open. */
const symbolOf = ({ color, symbol, open }: Style) =>
  open
    ? ({ fill: "#ffffff", stroke: color, strokeWidth: 1.3, symbol, r: 3.6 } as const)
    : ({ fill: color, stroke: "#ffffff", strokeWidth: 0.7, symbol, r: 4 } as const);

function marksOf({ points, marked, ...style }: DrawnLine): Plot.Markish[] {
  const { color, dashed } = style;
  const dash = dashed ? { strokeDasharray: "5,3" } : {};
  return [
    Plot.ruleX(points, { x: "x", y1: "low", y2: "high", stroke: color, strokeWidth: 1.2, strokeOpacity: 0.7 }),
    Plot.line(points, { x: "x", y: "y", stroke: color, strokeWidth: 1.6, strokeOpacity: 0.85, ...dash }),
    Plot.dot(points.filter(marked), { x: "x", y: "y", ...symbolOf(style) }),
  ];
}

function ticksOf(x: Ruler, y: Ruler, scales: Chart): string {
  const under = HEIGHT - BOTTOM;
  const mid = (LEFT + WIDTH - RIGHT) / 2;
  const below = x.ticks.map((value) =>
    text(scales.x(x.at(value)), under + 17, tickText(value, x.axis), `text-anchor="middle"`),
  );
  const beside = y.ticks.map((value) =>
    text(LEFT - 7, scales.y(y.at(value)) + 4, tickText(value, y.axis), `text-anchor="end"`),
  );
  return [
    ...below,
    ...beside,
    text(mid, under + 37, x.axis.label, `text-anchor="middle"`),
    text(WIDTH - RIGHT, 16, y.axis.label, `text-anchor="end" fill="${FAINT}"`),
  ].join("");
}

/** Size of the name of a level, in pixels, with room around it. */
const LABEL = { width: 44, height: 16 };

/** Write the name of a level at the first place without points: above or below the line, at its right end, middle or left end. */
function levelLabel(level: FigurePanel["level"], y: Ruler, scales: Chart, lines: readonly DrawnLine[]): string {
  if (!level) return "";
  const at = scales.y(y.at(level.y));
  const ends = [WIDTH - RIGHT - 4, (LEFT + WIDTH - RIGHT) / 2, LEFT + 4 + LABEL.width];
  const places = ends.flatMap((x) => [at - 5, at + 14].map((base) => ({ x, base })));
  const points = lines.flatMap((line) => line.points);
  const isFree = ({ x, base }: { readonly x: number; readonly base: number }) =>
    !points.some((point) => {
      const [px, top, end] = [scales.x(point.x), scales.y(point.high), scales.y(point.low)];
      const across = px > x - LABEL.width && px < x + 6;
      return across && end > base - LABEL.height && top < base + 5;
    });
  const { x, base } = places.find(isFree) ?? places[0]!;
  const style = `font-size="11" stroke="#ffffff" stroke-width="3" paint-order="stroke" text-anchor="end"`;
  return text(x, base, level.name, style);
}

function legend(styles: ReadonlyMap<string, Style>, left: number): string {
  // Plot draws the symbols, so that they match those of the panels.
  const rows = [...styles].map(([name, style], i) => ({ ...style, name, y: i * ROW }));
  const height = rows.length * ROW;
  const svg = chart(
    {
      width: LEGEND,
      height,
      margin: 0,
      x: { domain: [0, LEGEND], range: [0, LEGEND], axis: null },
      y: { domain: [0, height], range: [0, height], axis: null },
      marks: rows.flatMap(({ y, ...style }) => [
        Plot.link([0], {
          x1: 2,
          x2: 30,
          y1: y + ROW / 2,
          y2: y + ROW / 2,
          stroke: style.color,
          strokeWidth: 1.5,
          ...(style.dashed ? { strokeDasharray: "5,3" } : {}),
        }),
        Plot.dot([0], { x: 16, y: y + ROW / 2, ...symbolOf(style) }),
      ]),
    },
    "Legend",
    () => rows.map(({ name, y, color }) => text(38, y + ROW / 2 + 4, name, `fill="${color}"`)).join(""),
  );
  return `<g transform="translate(${left},${HEAD + TOP})">${svg}</g>`;
}

/** Draw one figure of all panels, two per row, with one legend of their series. */
export function figureOf(panels: readonly FigurePanel[], { title, note }: FigureText): Figure {
  const columns = Math.min(2, panels.length);
  const rows = Math.ceil(panels.length / columns);
  const width = columns * WIDTH + LEGEND;
  const styles = stylesOf(panels);
  const height = HEAD + Math.max(rows * HEIGHT, TOP + styles.size * ROW + ROW);
  const body = panels.map((panel, i) => {
    const at = `translate(${(i % columns) * WIDTH},${HEAD + Math.floor(i / columns) * HEIGHT})`;
    return `<g transform="${at}">${panelSvg(panel, styles)}</g>`;
  });
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}"`,
    ` font-family="${FONT}" font-size="12" fill="${INK}" color="${INK}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${height}" fill="#ffffff"/>`,
    text(LEFT, 32, title, `font-size="18" font-weight="bold"`),
    text(LEFT, 54, note, `font-size="12.5" fill="${FAINT}"`),
    renumber(body.join("")),
    styles.size > 0 ? legend(styles, columns * WIDTH) : "",
    "</svg>",
  ].join("");
  return { svg, png: () => rasterize(svg) };
}
