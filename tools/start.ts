// `npm start`: makes sure that there is an adapter, then trains and prunes LeNet-BN on MNIST. Flags go to `espalier train`.
import { existsSync, readdirSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { passOverSignals } from "../src/cli/early_signals.ts";
import { main } from "../src/cli/program.ts";
import { runProcess } from "../src/cli/run_process.ts";
import { terminalAsk } from "../src/cli/setup.ts";
import { ensureAdapter } from "../src/node.ts";
import { report } from "../src/terminal/fail.ts";

/** The folder of the latest run: a run takes a free name, runs/mnist_lenet, then runs/mnist_lenet-2 ... */
function latestRun(): string {
  const runs = existsSync("runs") ? readdirSync("runs").map((name) => join("runs", name, "result.json")) : [];
  const times = runs.filter((path) => existsSync(path)).map((path) => ({ path, time: statSync(path).mtimeMs }));
  return dirname(times.sort((a, b) => b.time - a.time)[0]?.path ?? "runs/mnist_lenet/result.json");
}
const next = (folder: string) => `
What next
  npm run -s espalier -- eval ${folder.padEnd(35)} test the saved sparse model again
  npm start -- --threshold 0.2                                    prune harder
  npm start -- --schedule none                                    the dense network, to compare
  npm run -s espalier -- train --data fashion-mnist --epochs 5    other images
  npm run -s espalier -- train --help                             every setting
  npm run -s espalier -- info --model lenet-bn                    this adapter, this network
`;

passOverSignals();
const flags = process.argv.slice(2);
const chosen = flags.some((flag) => flag === "--out" || flag.startsWith("--out=") || flag === "--resume");
await runProcess("train", async () => {
  try {
    await ensureAdapter(undefined, terminalAsk());
  } catch (error) {
    return report(error);
  }
  const code = await main(["train", ...flags]);
  const quiet = chosen || flags.some((flag) => flag === "--json" || flag === "--help" || flag === "--dry-run");
  if (code === 0 && !quiet) process.stdout.write(next(latestRun()));
  return code;
});
