// Runs a command as a process: guards its streams, reports all errors, and writes the remaining output before the exit.

import { endWithin } from "../node/end_surely.ts";
import { gpuHangs } from "../node/hanging.ts";
import { guardStandardStreams } from "../terminal/console.ts";
import { report } from "../terminal/fail.ts";

/** Run a command and end the process with its exit code. `name`: name of the command, such as "train". */
export async function runProcess(name: string | undefined, run: () => Promise<number>): Promise<never> {
  const exitCode = guardStandardStreams(name);
  // Reports errors that no code can catch, such as in a callback of a package.
  process.on("uncaughtException", (error) => process.exit(report(error)));
  process.on("unhandledRejection", (error) => process.exit(report(error)));
  const code = await run();
  // A pipe accepts 64 KiB at a time: the rest would be lost with the process. A closed pipe, such as of `head`, is not waited
  // for.
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((done) => {
      stream.once("error", () => done());
      stream.write("", () => done());
    });
  }
  if (gpuHangs()) endWithin(5);
  process.exit(exitCode(code));
}
