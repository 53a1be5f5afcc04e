// Reports the error of a command as one line, and sets the exit code: 2 for wrong usage, 128 plus the signal's number for a
// run that a signal stopped, 1 for all other errors.

import { constants } from "node:os";
import { bugTracker, versions } from "../node/env.ts";
import { EspalierError } from "../text/index.ts";
import { writeLine } from "./terminal.ts";

/** Wrong arguments. The exit code is 2. */
export class UsageError extends EspalierError {
  override readonly name: string = "UsageError";
}

export type StopSignal = "SIGINT" | "SIGTERM" | "SIGHUP";

/** Return the exit code of shells for a signal: 130 for SIGINT, 143 for SIGTERM, 129 for SIGHUP. */
export const exitCodeOf = (signal: StopSignal): number => 128 + constants.signals[signal];

/** A signal stopped the command after it saved its state. */
export class Interrupted extends EspalierError {
  override readonly name = "Interrupted";
  readonly exitCode: number;
  constructor(message: string, signal: StopSignal = "SIGINT") {
    super(message);
    this.exitCode = exitCodeOf(signal);
  }
}

/**
 * Return true for an error that was thrown on purpose, or that is a refusal of the operating system. All others are faults
 * of the program.
 */
export function isExpected(error: Error): boolean {
  const { errno, syscall } = error as NodeJS.ErrnoException;
  return error instanceof EspalierError || (typeof errno === "number" && typeof syscall === "string");
}

/** Return the name of the program and the address for reports. Works without a package.json. */
function about(): { product: string; address: string } {
  const unknown = "the source of your copy of Espalier";
  try {
    return { product: `Espalier ${versions().espalier}`, address: bugTracker() ?? unknown };
  } catch {
    return { product: "Espalier", address: unknown };
  }
}

/** Describe an unexpected error: its text, where to report it, and what to include. */
function unexpected(error: unknown, debug: boolean): string[] {
  const { name, message, stack } =
    error instanceof Error ? error : { name: "thrown value", message: String(error), stack: undefined };
  const { product, address } = about();
  return [
    `espalier: unexpected error: ${name}: ${message.replace(/\s*\n\s*/g, "; ")}`,
    `This is a fault of ${product}. Report it at ${address} with the command line, the run's config.yaml,` +
      ` the output of espalier doctor, and the stack${debug ? ":" : ", which ESPALIER_DEBUG=1 prints."}`,
    ...(debug && stack !== undefined ? [stack] : []),
  ];
}

/**
 * Print an error: expected ones as `espalier: what`, others as faults of the program. ESPALIER_DEBUG adds the stack.
 * Returns the exit code.
 */
export function report(error: unknown): number {
  const debug = !["", "0"].includes(process.env["ESPALIER_DEBUG"] ?? "");
  const say = (line: string) => writeLine(process.stderr, line);
  if (error instanceof Interrupted) {
    say(error.message);
    return error.exitCode;
  }
  if (!(error instanceof Error && isExpected(error))) {
    for (const line of unexpected(error, debug)) say(line);
    return 1;
  }
  say(`espalier: ${error.message}`);
  if (debug && error.stack !== undefined) say(error.stack);
  return error instanceof UsageError ? 2 : 1;
}
