// `npm start`: sets up an adapter if there is none, then trains and prunes LeNet-BN on MNIST. Flags go to `espalier train`.
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { ensureAdapter } from "../node_internal.ts";
import { terminalAsk } from "../setup/terminal_ask.ts";
import { report } from "../terminal/fail.ts";
import { writeLine } from "../terminal/terminal.ts";
import { ignoreBatchSignals } from "./early_signals.ts";
import { startOnMesaLatest } from "./newer_driver.ts";
import { main } from "./program.ts";
import { runProcess } from "./run_process.ts";

/** Return the folder of the latest run. A run takes the first free name: runs/mnist_lenet, runs/mnist_lenet-2, ... */
function latestRun(): string {
  const runs = existsSync("runs") ? readdirSync("runs").map((name) => join("runs", name, "result.json")) : [];
  const times = runs.filter((path) => existsSync(path)).map((path) => ({ path, time: statSync(path).mtimeMs }));
  return dirname(times.sort((a, b) => b.time - a.time)[0]?.path ?? "runs/mnist_lenet/result.json");
}

const nextSteps = (folder: string): string[] => [
  "",
  "What next",
  `  npm run -s espalier -- eval ${folder.padEnd(35)} test the saved sparse model again`,
  "  npm start -- --threshold 0.2                                    prune harder",
  "  npm start -- --schedule none                                    train without pruning, to compare",
  "  npm run -s espalier -- train --data fashion-mnist --epochs 5    train on other images",
  "  npm run -s espalier -- train --help                             list all settings",
  "  npm run -s espalier -- info --model lenet-bn                    describe this adapter and this network",
];

ignoreBatchSignals();
const flags = process.argv.slice(2);
const ended = await startOnMesaLatest(["train", ...flags]);
if (ended !== null) process.exit(ended);
const namesFolder = flags.some((flag) => flag === "--out" || flag.startsWith("--out=") || flag === "--resume");
await runProcess("train", async () => {
  try {
    await ensureAdapter(undefined, terminalAsk());
  } catch (error) {
    return report(error);
  }
  const code = await main(["train", ...flags]);
  const quiet = namesFolder || flags.some((flag) => flag === "--json" || flag === "--help" || flag === "--dry-run");
  if (code === 0 && !quiet) {
    for (const line of nextSteps(latestRun())) writeLine(process.stdout, line);
  }
  return code;
});
