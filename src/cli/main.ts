#!/usr/bin/env node
// The `espalier` command.
import { ignoreBatchSignals } from "./early_signals.ts";
import { startOnMesaLatest } from "./newer_driver.ts";

ignoreBatchSignals();
const argv = process.argv.slice(2);
const ended = await startOnMesaLatest(argv);
if (ended !== null) process.exit(ended);
// Loaded afterwards, which takes a while: a signal may come meanwhile.
const [{ main }, { runProcess }] = await Promise.all([import("./program.ts"), import("./run_process.ts")]);
await runProcess(argv[0], () => main(argv));
