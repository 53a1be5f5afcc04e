// `espalier exec`: runs a program with the driver that `setup --driver mesa-latest` unpacked.
import { delimiter, dirname } from "node:path";
import type { Command } from "commander";
import { espalierCommand } from "../node/command_name.ts";
import { mesaLatest } from "../node/mesa_latest.ts";
import { replaceProcess } from "../node/replace_process.ts";
import { SetupError } from "../node_internal.ts";
import type { Done } from "./options.ts";

/** Run a program whose `node` is that of mesa-latest. Returns its exit code. Errors: SetupError. */
async function runExec([program, ...args]: readonly string[]): Promise<number> {
  const latest = mesaLatest();
  if (latest === null)
    throw new SetupError(
      `exec: expected the driver mesa-latest, got none: run ${espalierCommand()} setup --driver mesa-latest first`,
    );
  process.env["ESPALIER_NODE"] ??= process.execPath;
  process.env["PATH"] = [dirname(latest.node), process.env["PATH"]].join(delimiter);
  try {
    // env finds the program in the new PATH.
    return await replaceProcess("/usr/bin/env", ["--", program!, ...args]);
  } catch (cause) {
    throw new SetupError(`exec: cannot start ${program}: ${(cause as Error).message}`);
  }
}

/** Add the arguments and the action of `exec`. */
export function addExecCommand(command: Command, done: Done): void {
  command.parent?.enablePositionalOptions();
  command
    .description(
      "Runs a program with the driver that setup --driver mesa-latest unpacked: the program, and those that it starts, find a node that uses it.",
    )
    .argument("<program...>", "the program and its arguments")
    .passThroughOptions()
    .allowUnknownOption()
    .addHelpText("after", "\nExample\n  $ espalier exec node program.js --epochs 5")
    .action(async (words: string[]) => done(await runExec(words)));
}
