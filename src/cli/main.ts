#!/usr/bin/env node
// The `espalier` command.
import { ignoreBatchSignals } from "./early_signals.ts";

ignoreBatchSignals();
// Loaded afterwards, which takes a while: a signal may come meanwhile.
const [{ main }, { runProcess }] = await Promise.all([import("./program.ts"), import("./run_process.ts")]);
const argv = process.argv.slice(2);
await runProcess(argv[0], () => main(argv));
