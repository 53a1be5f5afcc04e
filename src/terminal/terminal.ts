// What the stream we print to can show: nothing but ASCII in a file or a pipe, boxes and bars on a terminal, colours
// when the user has not said NO_COLOR. And the way there: a line never holds what a terminal acts on.
import { visibleLines } from "../text/index.ts";

/** The part of a stream (process.stdout, process.stderr) that says what it is. */
export interface Screen {
  readonly isTTY?: boolean | undefined;
}

export interface TerminalStyle {
  /** A person watches: lines may be redrawn, box characters shown. */
  readonly interactive: boolean;
  readonly color: boolean;
}

/**
 * How to print to a stream. NO_COLOR with any text in it removes colours (no-color.org); TERM=dumb or no terminal at
 * all removes the rest too.
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
 * Writes a line for people, and is the one way to a terminal: what it acts on is spelled out (\x1b), whoever brought it along.
 * Line breaks and tabs stay. `rendered`: a table of ours, whose colours are meant and whose cells went through `printable`.
 */
export function writeLine(stream: Pick<NodeJS.WritableStream, "write">, line: string, rendered = false): void {
  stream.write(`${rendered ? line : visibleLines(line)}\n`);
}

/** The same for text that has its line breaks, such as help and usage errors. */
export function writeText(stream: Pick<NodeJS.WritableStream, "write">, text: string): void {
  stream.write(visibleLines(text));
}
