// What the stream we print to can show: nothing but ASCII in a file or a pipe, boxes and bars on a terminal, colours
// when the user has not said NO_COLOR.

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
