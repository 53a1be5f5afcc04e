// The project's own figures: what is wanted, what was measured, and whether that is enough.
import { threeDigits } from "./lib/rows.ts";

export interface Bar {
  readonly value: number;
  /** "least": the measured value may not be below. "most": not above. */
  readonly kind: "least" | "most";
  /** "x", "us/dispatch", "s", "" ... */
  readonly unit: string;
}

export interface Figure {
  readonly name: string;
  readonly bar: Bar;
  /** The value, with what it was measured on; or null and why there is none. */
  measure(): Promise<Measured>;
}

export type Measured =
  | { readonly value: number; readonly detail?: string }
  | { readonly value: null; readonly detail: string };

export interface FigureRow {
  readonly name: string;
  readonly measured: string;
  readonly bar: string;
  readonly ok: boolean;
  readonly detail: string;
}

const withUnit = (value: number, unit: string) => {
  const number = Number.isInteger(value) && Math.abs(value) < 1e12 ? String(value) : threeDigits(value);
  return unit === "x" ? `${number}x` : `${number}${unit ? ` ${unit}` : ""}`;
};

/** True when the value reaches the bar. What was not measured, or is no number, does not. */
export function reaches(value: number | null, { kind, value: bar }: Bar): boolean {
  if (value === null || Number.isNaN(value)) return false;
  return kind === "least" ? value >= bar : value <= bar;
}

export function figureRow(name: string, bar: Bar, measured: Measured): FigureRow {
  const ok = reaches(measured.value, bar);
  return {
    name,
    measured: measured.value === null ? "not measured" : withUnit(measured.value, bar.unit),
    bar: `${bar.kind === "least" ? ">=" : "<="} ${withUnit(bar.value, bar.unit)}`,
    ok,
    detail: measured.detail ?? "",
  };
}

const WIDTHS = { name: 50, measured: 18, bar: 18 };

/** "figure measured bar ok|short", in columns. */
export function formatFigure({ name, measured, bar, ok, detail }: FigureRow): string {
  const cells = [name.padEnd(WIDTHS.name), measured.padStart(WIDTHS.measured), bar.padStart(WIDTHS.bar)];
  return `${cells.join(" ")}  ${ok ? "ok   " : "short"}${detail ? `  ${detail}` : ""}`.trimEnd();
}

export const FIGURE_HEAD = [
  "figure".padEnd(WIDTHS.name),
  "measured".padStart(WIDTHS.measured),
  "bar".padStart(WIDTHS.bar),
].join(" ");
