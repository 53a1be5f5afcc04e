// Reads CSV files: comma, semicolon or tab between the fields, fields in quotes, with or without a header.
import { basename } from "node:path";
import { SourceError } from "../data/index.ts";
import { importPackage } from "../node/packages.ts";
import { readRegular } from "../node/regular_file.ts";
import { cellOf, type Table } from "./table.ts";

/** Most bytes of a file: a string of JavaScript holds no more. */
const LARGEST = 2 ** 29 - 2 ** 24;

/** Options of `readCsv`. */
export interface CsvOptions {
  /** True: the first row names the columns. False: columns are named 1, 2, ... Default true. */
  readonly header?: boolean | undefined;
}

/** Errors of the parser, in this project's words. */
const WORDS: Readonly<Record<string, string>> = {
  CSV_QUOTE_NOT_CLOSED: "a quote is not closed",
  CSV_INVALID_CLOSING_QUOTE: "expected a separator after a closing quote",
  INVALID_OPENING_QUOTE: "expected a quote at the start of a field, got one inside",
};

interface ParserFault {
  readonly code?: string;
  readonly lines?: number;
  readonly message: string;
  readonly record?: readonly string[];
}

/** Return the separator of a file: of comma, semicolon and tab, the one that its first line has most of. */
function delimiterOf(text: string): string {
  const end = text.search(/[\r\n]/);
  const first = (end < 0 ? text : text.slice(0, end)).replaceAll(/"[^"]*"/g, "");
  const count = (mark: string) => first.split(mark).length;
  return [",", ";", "\t"].reduce((best, mark) => (count(mark) > count(best) ? mark : best));
}

/**
 * Read a CSV file as a table. Empty lines are skipped; fields are text without the blanks around it.
 *
 * Errors    SourceError naming the file, and the line: not UTF-8, no rows, rows of unequal length, a quote that is not closed, two
 *           columns of one name. PackageError if the parser is not installed.
 */
export async function readCsv(path: string, { header = true }: CsvOptions = {}): Promise<Table> {
  const refuse = (problem: string) => new SourceError("csv", path, problem);
  const bytes = await readRegular(path, LARGEST).catch((cause: Error) => Promise.reject(refuse(cause.message)));
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw refuse("expected text in UTF-8");
  }
  const { parse } = await importPackage("csv-parse", "CSV files need", () => import("csv-parse/sync"));
  let parsed: readonly { readonly record: readonly string[]; readonly info: { readonly lines: number } }[];
  try {
    const options = { info: true, skip_empty_lines: true, relax_column_count: true, delimiter: delimiterOf(text) };
    parsed = parse(text, options) as unknown as typeof parsed;
  } catch (cause) {
    const { code = "", lines, message } = cause as ParserFault;
    throw refuse(`${lines === undefined ? "" : `line ${lines}: `}${WORDS[code] ?? message}`);
  }
  const [first] = parsed;
  if (!first) throw refuse("expected rows, got none");
  const width = first.record.length;
  const uneven = parsed.find(({ record }) => record.length !== width);
  if (uneven)
    throw refuse(
      `line ${uneven.info.lines}: expected ${width} fields as in the first row, got ${uneven.record.length}`,
    );
  const columns = header ? first.record.map((name) => name.trim()) : first.record.map((_, i) => String(i + 1));
  const twice = columns.find((name, i) => columns.indexOf(name) !== i);
  if (twice !== undefined) throw refuse(`expected columns of different names, got two named ${JSON.stringify(twice)}`);
  const rows = header ? parsed.slice(1) : parsed;
  if (rows.length === 0) throw refuse("expected rows below the header, got none");
  return {
    file: basename(path),
    columns,
    length: rows.length,
    cell: (row, column) => cellOf(rows[row]!.record[column]!),
    rowNumber: (row) => row + (header ? 2 : 1),
  };
}
