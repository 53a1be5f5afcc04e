// Draws panels of rows: a method each, the most accurate first, with its accuracy as a dot, its interval, and its difference from
// the reference as text. Methods at one share of zeros differ by tenths of a point: as lines over shares they would cover each other.
import { AXIS_LINE, GRID } from "../../src/report/chart.ts";
import { escapeXml, FAINT, type Figure, FONT, INK, rasterize, text } from "../../src/report/figure.ts";
import { type Axis, type Ruler, rulerOf, tickText } from "./axes.ts";

export interface FigureRow {
  readonly name: string;
  readonly value: number;
  /** Ends of the bar. */
  readonly low: number;
  readonly high: number;
  /** Second value, drawn as a ring. */
  readonly ring: number;
  /** Text at the right end. */
  readonly note: string;
  /** True for the reference, which has another colour. */
  readonly isReference: boolean;
}

export interface RowsPanel {
  readonly title: string;
  /** Label of the axis below the rows. */
  readonly axis: Axis;
  /** Rows from top to bottom. */
  readonly rows: readonly FigureRow[];
  /** Vertical line with a name, such as the dense network. */
  readonly level?: { readonly name: string; readonly x: number } | undefined;
  /** Heading above the texts at the right end. */
  readonly noteTitle: string;
}

interface RowsText {
  readonly title: string;
  /** Lines below the title. */
  readonly notes: readonly string[];
  readonly columns: number;
}

const WIDTH = 500;
const LEFT = 112;
const RIGHT = 76;
const HEAD = 88;
const TOP = 46;
const BOTTOM = 48;
const ROW = 19;
const STEPS = 6;
const MUTED = "#57606a";
const ACCENT = "#0072b2";

const heightOf = ({ rows }: RowsPanel) => TOP + rows.length * ROW + BOTTOM;

/** Return the pixel of a value, and the side on which it is outside the domain: -1, 0 or 1. */
function placed(ruler: Ruler, value: number): { readonly x: number; readonly outside: number } {
  const [low, high] = ruler.domain;
  const at = ruler.at(value);
  const inside = Math.min(high, Math.max(low, at));
  const x = LEFT + ((inside - low) / (high - low)) * (WIDTH - LEFT - RIGHT);
  return { x: Number(x.toFixed(2)), outside: Math.sign(at - inside) };
}

/** Largest share of the rows that an axis may leave out. */
const CLIPPED = 1 / 6;

const spreadOf = (rows: readonly { readonly value: number }[]) => rows[0]!.value - rows.at(-1)!.value;

/** Return the rows that an axis covers: without the last few, if each of them alone takes more than half of it. */
export function coveredRows<T extends { readonly value: number }>(rows: readonly T[]): readonly T[] {
  const left = (k: number) => rows.slice(0, rows.length - k);
  let k = 0;
  while (k + 1 <= CLIPPED * rows.length && spreadOf(left(k + 1)) < spreadOf(left(k)) / 2) k++;
  return left(k);
}

/** Return the ends of an axis: the covered values, and their bars as far as half the spread of the values beyond them. */
function endsOf(rows: readonly FigureRow[]): number[] {
  const beyond = spreadOf(rows) > 0 ? spreadOf(rows) / 2 : Number.POSITIVE_INFINITY;
  const [most, least] = [rows[0]!.value + beyond, rows.at(-1)!.value - beyond];
  return rows.flatMap(({ value, low, high }) => [value, Math.max(low, least), Math.min(high, most)]);
}

/** Draw a panel. The axis covers values and bars of most rows; marks outside it become arrows at its ends. */
function panelSvg(panel: RowsPanel): string {
  const { title, axis, rows, level, noteTitle } = panel;
  const ruler = rulerOf(axis, [...endsOf(coveredRows(rows)), ...(level ? [level.x] : [])], STEPS);
  const end = TOP + rows.length * ROW;
  const grid = ruler.ticks.map((tick) => {
    const { x } = placed(ruler, tick);
    const line = `<line x1="${x}" x2="${x}" y1="${TOP}" y2="${end}" stroke="${GRID}"/>`;
    return line + text(x, end + 16, tickText(tick, axis), `text-anchor="middle"`);
  });
  return [
    text(0, 16, title, `font-size="14" font-weight="bold"`),
    text(WIDTH - RIGHT + 10, 38, noteTitle, `font-size="11" fill="${FAINT}"`),
    ...grid,
    `<line x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${end}" y2="${end}" stroke="${AXIS_LINE}"/>`,
    level ? levelLine(placed(ruler, level.x).x, level.name, end) : "",
    ...rows.map((row, i) => rowSvg(row, ruler, TOP + (i + 0.5) * ROW)),
    text((LEFT + WIDTH - RIGHT) / 2, end + 35, axis.label, `text-anchor="middle" fill="${FAINT}"`),
  ].join("");
}

function levelLine(x: number, name: string, end: number): string {
  const line = `<line x1="${x}" x2="${x}" y1="${TOP - 4}" y2="${end}" stroke="${INK}" stroke-dasharray="5,4"/>`;
  return line + text(x, TOP - 8, name, `font-size="11" text-anchor="middle"`);
}

function rowSvg({ name, value, low, high, ring, note, isReference }: FigureRow, ruler: Ruler, y: number): string {
  const color = isReference ? ACCENT : MUTED;
  const fill = isReference ? ACCENT : INK;
  const [from, to] = [placed(ruler, low).x, placed(ruler, high).x];
  const weight = isReference ? ` font-weight="bold"` : "";
  return [
    isReference
      ? `<rect x="0" y="${y - ROW / 2}" width="${WIDTH - 12}" height="${ROW}" fill="${ACCENT}" fill-opacity="0.09"/>`
      : "",
    text(LEFT - 10, y + 4, name, `text-anchor="end" fill="${fill}"${weight}`),
    markSvg(placed(ruler, ring), y, `fill="none" stroke="${color}" stroke-width="1.1"`),
    to > from ? `<line x1="${from}" x2="${to}" y1="${y}" y2="${y}" stroke="${color}" stroke-width="1.8"/>` : "",
    markSvg(placed(ruler, value), y, `fill="${color}" stroke="#ffffff" stroke-width="0.8"`),
    text(WIDTH - RIGHT + 10, y + 4, note, `font-size="11.5" fill="${fill}"`),
  ].join("");
}

/** Draw a circle, or an arrow at the end of the axis for a value outside it. */
function markSvg({ x, outside }: { readonly x: number; readonly outside: number }, y: number, style: string): string {
  if (outside === 0) return `<circle cx="${x}" cy="${y}" r="4.2" ${style}/>`;
  const [tip, base] = [x + 5 * outside, x - 3 * outside];
  return `<path d="M${tip} ${y}L${base} ${y - 4.5}L${base} ${y + 4.5}Z" ${style}/>`;
}

/** Draw panels in columns, row by row, under a title. */
export function rowsFigure(panels: readonly RowsPanel[], { title, notes, columns }: RowsText): Figure {
  const margin = 18;
  const body: string[] = [];
  let y = HEAD + (notes.length - 1) * 17;
  for (let i = 0; i < panels.length; i += columns) {
    const line = panels.slice(i, i + columns);
    for (const [k, panel] of line.entries())
      body.push(`<g transform="translate(${margin + k * WIDTH},${y})">${panelSvg(panel)}</g>`);
    y += Math.max(...line.map(heightOf));
  }
  // The notes need the width of two panels.
  const width = margin + Math.max(2, Math.min(columns, panels.length)) * WIDTH;
  const svg = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${y}" width="${width}" height="${y}"`,
    ` font-family="${FONT}" font-size="12" fill="${INK}" color="${INK}" role="img">`,
    `<title>${escapeXml(title)}</title>`,
    `<rect width="${width}" height="${y}" fill="#ffffff"/>`,
    text(margin, 32, title, `font-size="18" font-weight="bold"`),
    ...notes.map((note, i) => text(margin, 54 + i * 17, note, `font-size="12.5" fill="${FAINT}"`)),
    ...body,
    "</svg>",
  ].join("");
  return { svg, png: () => rasterize(svg) };
}
