// What every command that opens a GPU can be told.
import type { Command } from "commander";
import { atLeast0 } from "../terminal/arguments.ts";

export function gpuOptions(command: Command): Command {
  return command
    .option("--adapter <part>", "use the adapter whose name contains this")
    .option("--require-gpu", "refuse a software adapter")
    .option(
      "--watchdog <seconds>",
      "end when the GPU finishes nothing for so long; 0: never; default 120, on a CPU more",
      atLeast0,
    )
    .option("--json", "one JSON object a line on stdout, the result last");
}
