// A command as a process of its own: its streams guarded, errors reported wherever they are thrown, its last words written.

import { gpuHangs } from "../node/adapter.ts";
import { endWithin } from "../node.ts";
import { guardStandardStreams } from "../terminal/console.ts";
import { report } from "../terminal/fail.ts";

/** Runs a command and ends the process with the exit code that it returns. `name`: the command's own, as "train". */
export async function runProcess(name: string | undefined, run: () => Promise<number>): Promise<never> {
  const exitCode = guardStandardStreams(name);
  // What is thrown where nothing can catch it, in a callback of a package for one, ends as any other error does.
  process.on("uncaughtException", (error) => process.exit(report(error)));
  process.on("unhandledRejection", (error) => process.exit(report(error)));
  const code = await run();
  // A pipe takes 64 KiB at a time: what it has not taken yet would be lost with the process. A reader that has gone away, as
  // `head` does, is no reason to wait.
  for (const stream of [process.stdout, process.stderr]) {
    await new Promise<void>((done) => {
      stream.once("error", () => done());
      stream.write("", () => done());
    });
  }
  if (gpuHangs()) endWithin(5);
  process.exit(exitCode(code));
}
