#!/usr/bin/env node
// The `espalier` command.
import "./early_signals.ts"; // first: nothing else may run before it
import { main } from "./program.ts";
import { runProcess } from "./run_process.ts";

const argv = process.argv.slice(2);
await runProcess(argv[0], () => main(argv));
