#!/usr/bin/env node
// The `espalier` command.
import { ignoreBatchSignals } from "./early_signals.ts";

ignoreBatchSignals();
const argv = process.argv.slice(2);
// Loaded afterwards, which takes a while: a signal may come meanwhile.
const { startOnMesaLatest } = await import("./newer_driver.ts");
const ended = await startOnMesaLatest(argv);
if (ended !== null) process.exit(ended);
const [{ main }, { runProcess }] = await Promise.all([import("./program.ts"), import("./run_process.ts")]);
await runProcess(argv[0], () => main(argv));
