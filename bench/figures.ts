// The project's own figures: the bars, the measured values, and the comparison.
import { threeDigits } from "./lib/rows.ts";

export interface Bar {
  readonly value: number;
  /** "least": the bar is a lower limit. "most": an upper limit. */
  readonly kind: "least" | "most";
  /** Unit: "x", "us/dispatch", "s", "", ... */
  readonly unit: string;
}

export interface Figure {
  readonly name: string;
  readonly bar: Bar;
  /** Value, with a note on the measurement; or null, with the reason. */
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

/** Check that the value reaches the bar. A missing value or NaN does not. */
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

/** Write a row in columns: "figure measured bar ok|short". */
export function formatFigure({ name, measured, bar, ok, detail }: FigureRow): string {
  const cells = [name.padEnd(WIDTHS.name), measured.padStart(WIDTHS.measured), bar.padStart(WIDTHS.bar)];
  return `${cells.join(" ")}  ${ok ? "ok   " : "short"}${detail ? `  ${detail}` : ""}`.trimEnd();
}

export const FIGURE_HEAD = [
  "figure".padEnd(WIDTHS.name),
  "measured".padStart(WIDTHS.measured),
  "bar".padStart(WIDTHS.bar),
].join(" ");
