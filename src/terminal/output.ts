// The output of a command: lines for people, or with --json one JSON object per line.
import { visibleJson } from "../text/index.ts";
import { writeLine } from "./terminal.ts";

export interface Output {
  readonly json: boolean;
  /** Print a line for people; silent with --json. `rendered`: the text is a table, whose colours are kept. */
  say(line: string, rendered?: "rendered"): void;
  /** Print a record for programs; silent without --json. */
  emit(record: Record<string, unknown>): void;
}

export function makeOutput(json: boolean): Output {
  return {
    json,
    say: (line, rendered) => {
      if (!json) writeLine(process.stdout, line, rendered === "rendered");
    },
    emit: (record) => {
      if (json) process.stdout.write(`${visibleJson(JSON.stringify(record))}\n`);
    },
  };
}
