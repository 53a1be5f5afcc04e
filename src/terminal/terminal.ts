// Printing to a terminal: only ASCII in a file or a pipe, boxes and bars on a terminal, colours unless NO_COLOR is set. A
// printed line never holds control characters.
import { visibleLines } from "../text/index.ts";

/** The part of a stream (process.stdout, process.stderr) that tells if it is a terminal. */
export interface Screen {
  readonly isTTY?: boolean | undefined;
}

export interface TerminalStyle {
  /** True on a terminal: lines may be redrawn, box characters shown. */
  readonly interactive: boolean;
  readonly color: boolean;
}

/**
 * Decide how to print to a stream. A non-empty NO_COLOR removes colours (no-color.org); TERM=dumb, or no terminal, removes
 * boxes and bars as well.
 */
export function terminalStyle(
  screen: Screen,
  env: Readonly<Record<string, string | undefined>> = process.env,
): TerminalStyle {
  const interactive = screen.isTTY === true && env["TERM"] !== "dumb";
  return { interactive, color: interactive && !env["NO_COLOR"] };
}

/** Text without control characters: names come from files, and a file must not move the cursor. */
export { printable } from "../text/index.ts";

/**
 * Write a line for people. All lines to a terminal go through this function: control characters are escaped (\x1b). Line
 * breaks and tabs stay. `rendered`: the text is a table, whose colours are kept and whose cells went through `printable`.
 */
export function writeLine(stream: Pick<NodeJS.WritableStream, "write">, line: string, rendered = false): void {
  stream.write(`${rendered ? line : visibleLines(line)}\n`);
}

/** Write text with its line breaks, such as help and usage errors, in the same way. */
export function writeText(stream: Pick<NodeJS.WritableStream, "write">, text: string): void {
  stream.write(visibleLines(text));
}
