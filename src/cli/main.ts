#!/usr/bin/env node
// The `espalier` command.
import { main } from "./program.ts";

const code = await main(process.argv.slice(2));
// A pipe takes 64 KiB at a time: what it has not taken yet would be lost with the process. A reader that has gone away, as
// `head` does, is no reason to wait.
for (const stream of [process.stdout, process.stderr]) {
  await new Promise<void>((done) => {
    stream.once("error", () => done());
    stream.write("", () => done());
  });
}
process.exit(code);
