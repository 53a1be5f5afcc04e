// A table of samples: rows of numbers and text under named columns, whatever file they came from.
import { DataError, SourceError } from "../data/index.ts";
import { closest } from "../text/index.ts";

/** A value of a table: a number, text, or null where it is missing. */
export type Cell = number | string | null;

/** Rows of named columns. */
export interface Table {
  /** File, for messages. */
  readonly file: string;
  readonly columns: readonly string[];
  /** Count of rows. */
  readonly length: number;
  /** Value of a row, from 0, in a column, from 0. */
  cell(row: number, column: number): Cell;
  /** Number of a row in its file, counted from 1; a header counts. */
  rowNumber(row: number): number;
}

/** Spellings of a missing value. */
const MISSING = new Set(["", "na", "n/a", "nan", "null", "none", "?"]);

/** Return the value of a text field: null for a missing value, else the text without blanks at its ends. */
export function cellOf(field: string): string | null {
  const text = field.trim();
  return MISSING.has(text.toLowerCase()) ? null : text;
}

/** Return the error of a value: file, row, column, then the problem. */
export const cellError = (table: Table, row: number, column: number, problem: string): SourceError =>
  new SourceError("table", table.file, `row ${table.rowNumber(row)}, column ${table.columns[column]}: ${problem}`);

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)(e[+-]?\d+)?$/i;

/** Return a value as a number; NaN for text that is none. */
export const numberOf = (cell: number | string): number =>
  typeof cell === "number" ? cell : NUMBER.test(cell) ? Number(cell) : Number.NaN;

/** Read a number that float32 holds. Errors: SourceError naming row and column. */
export function expectNumber(table: Table, row: number, column: number): number {
  const cell = table.cell(row, column);
  if (cell === null) throw cellError(table, row, column, "expected a number, got a missing value");
  const value = numberOf(cell);
  if (!Number.isFinite(Math.fround(value)))
    throw cellError(table, row, column, `expected a number, got ${JSON.stringify(cell)}`);
  return value;
}

/** Return the indices of columns by their names. Errors: DataError naming the column, with those of the table. */
export function columnIndices(table: Table, what: string, names: readonly string[]): number[] {
  return names.map((name) => {
    const found = table.columns.indexOf(name);
    if (found >= 0) return found;
    const near = closest(name, table.columns);
    const hint = near === null || near === undefined ? "" : ` (did you mean ${near}?)`;
    const listed = table.columns.length > 12 ? [...table.columns.slice(0, 12), "..."] : table.columns;
    throw new DataError(`${table.file}: ${what}: expected columns of ${listed.join(", ")}, got ${name}${hint}`);
  });
}
