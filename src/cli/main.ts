#!/usr/bin/env node
// The `espalier` command.
import "./early_signals.ts"; // first: nothing else may run before it
import { endWithin } from "../node/index.ts";
import { gpuHangs } from "./adapter.ts";
import { guardStandardStreams } from "./console.ts";
import { report } from "./fail.ts";
import { main } from "./program.ts";

const argv = process.argv.slice(2);
const exitCode = guardStandardStreams(argv[0]);
// What is thrown where nothing can catch it, in a callback of a package for one, ends as any other error does.
process.on("uncaughtException", (error) => process.exit(report(error)));
process.on("unhandledRejection", (error) => process.exit(report(error)));

const code = await main(argv);
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
