// Where a command's words go: readable lines on stderr and stdout, or one JSON object a line on stdout with --json.
import { visibleJson } from "../text/index.ts";
import { writeLine } from "./terminal.ts";

export interface Output {
  readonly json: boolean;
  /** A line for people; silent with --json. `rendered`: a table of ours, with colours that are meant. */
  say(line: string, rendered?: "rendered"): void;
  /** A record for programs; silent without --json. */
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
