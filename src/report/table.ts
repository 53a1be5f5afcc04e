// Tables for the terminal: boxes and colours on a screen, ASCII in a file or a pipe.
import Table from "cli-table3";
import { type Screen, type TerminalStyle, terminalStyle } from "../terminal/terminal.ts";

export interface TableOptions {
  /** The stream that the table is for; default process.stdout. */
  readonly screen?: (Screen & { readonly columns?: number | undefined }) | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
}

export const styleOf = ({ screen = process.stdout, env }: TableOptions): TerminalStyle => terminalStyle(screen, env);

export interface TableColumn {
  readonly head: string;
  /** Aligned to the left; numbers are aligned to the right. */
  readonly left?: boolean | undefined;
}

/** cli-table3's box in ASCII characters. */
const ASCII_BOX = {
  ...{ top: "-", "top-mid": "+", "top-left": "+", "top-right": "+" },
  ...{ bottom: "-", "bottom-mid": "+", "bottom-left": "+", "bottom-right": "+" },
  ...{ left: "|", "left-mid": "+", mid: "-", "mid-mid": "+", right: "|", "right-mid": "+", middle: "|" },
};

export const bold = (text: string, { color }: TerminalStyle): string =>
  color && text !== "" ? `\u001b[1m${text}\u001b[22m` : text;

/** Draw rows under a heading. `totals` are rows in bold under a rule. */
export function drawTable(
  columns: readonly TableColumn[],
  rows: readonly (readonly string[])[],
  style: TerminalStyle,
  totals: readonly (readonly string[])[] = [],
): string {
  const table = new Table({
    head: columns.map((column) => column.head),
    colAligns: columns.map((column) => (column.left ? "left" : "right")),
    style: { head: style.color ? ["bold"] : [], border: style.color ? ["grey"] : [], compact: true },
    ...(style.interactive ? {} : { chars: ASCII_BOX }),
  });
  table.push(...rows.map((row) => [...row]), ...totals.map((row) => row.map((cell) => bold(cell, style))));
  const lines = table.toString().split("\n");
  // Without rows the totals follow the rule of the heading.
  if (totals.length === 0 || rows.length === 0) return lines.join("\n");
  const tail = totals.length + 1;
  return [...lines.slice(0, -tail), lines[2]!, ...lines.slice(-tail)].join("\n");
}
