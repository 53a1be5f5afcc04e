// What every command that opens a GPU can be told.
import type { Command } from "commander";

export function gpuOptions(command: Command): Command {
  return command
    .option("--adapter <part>", "use the adapter whose name contains this")
    .option("--require-gpu", "refuse a software adapter")
    .option("--json", "one JSON object a line on stdout, the result last");
}
