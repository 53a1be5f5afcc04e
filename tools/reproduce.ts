// `npm run reproduce`: runs the experiments of tools/reproduce/experiments and writes a page and a figure for each. It can be
// stopped at any time and continues where it stopped.
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { adapterName } from "../src/node/adapter.ts";
import { versions } from "../src/node_internal.ts";
import { Interrupted, report, UsageError } from "../src/terminal/fail.ts";
import { plural } from "../src/text/index.ts";
import { aboutTime, planLines, secondsOf } from "./reproduce/estimate.ts";
import { ResultFile } from "./reproduce/lines.ts";
import { runPlan } from "./reproduce/loop.ts";
import { startOnNewestDriver } from "./reproduce/newest_driver.ts";
import { type Cell, cellId, cellsOf, type Experiment, filesOf, readExperiments } from "./reproduce/plan.ts";
import { openPool } from "./reproduce/pool.ts";
import { progressOf, Tries } from "./reproduce/runs.ts";
import { openTrainer } from "./reproduce/train.ts";
import { resultsPath, writePages } from "./reproduce/write.ts";

interface Flags {
  readonly only?: RegExp;
  readonly budget?: number;
  readonly jobs: number;
  readonly file: Readonly<Record<string, string>>;
  readonly out: string;
  readonly list?: boolean;
  readonly report?: boolean;
  readonly merge?: readonly string[];
  readonly adapter?: string;
}

const say = (line: string) => void process.stdout.write(`${line}\n`);

function expression(text: string): RegExp {
  try {
    return new RegExp(text, "u");
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function hours(text: string): number {
  const value = Number(text);
  if (!(Number.isFinite(value) && value > 0)) throw new InvalidArgumentError("expected a number of hours > 0");
  return value;
}

function count(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1 && value <= 64)) throw new InvalidArgumentError("expected 1 to 64");
  return value;
}

function named(text: string, before: Readonly<Record<string, string>>): Record<string, string> {
  const [, name, path] = /^([a-z0-9-]+)=(.+)$/.exec(text) ?? [];
  if (!name || !path) throw new InvalidArgumentError("expected NAME=PATH, as in cifar10=/data/cifar10");
  return { ...before, [name]: path };
}

async function reproduce(flags: Flags): Promise<void> {
  const experiments = readExperiments();
  const results = new ResultFile(resultsPath(flags.out));
  for (const path of flags.merge ?? []) {
    const { added, of } = results.merge(path);
    say(`${path}: added ${added} of ${plural(of, "run")}`);
  }
  const tries = new Tries(results.lines);
  const unknown = Object.keys(flags.file).filter((name) => !experiments.some((one) => filesOf(one).includes(name)));
  if (unknown.length > 0) {
    const names = [...new Set(experiments.flatMap(filesOf))];
    throw new UsageError(`--file ${unknown[0]}: expected one of ${names.join(", ")}`);
  }
  const all = cellsOf(experiments);
  const chosen = all.filter((cell) => flags.only?.test(cellId(cell)) ?? true);
  if (chosen.length === 0)
    throw new UsageError(
      `--only ${flags.only?.source}: no cell has such a name; the experiments are ${experiments.map(({ name }) => name).join(", ")}`,
    );
  const lacksFiles = (experiment: Experiment) => filesOf(experiment).some((name) => !Object.hasOwn(flags.file, name));
  const missing = [...new Set(chosen.map(({ experiment }) => experiment))].filter(lacksFiles);
  const cells = chosen.filter(({ experiment }) => !missing.includes(experiment));
  const onlyPages = flags.report || flags.merge;
  if (!onlyPages) for (const line of planLines(cells, tries, missing)) say(line);
  if (!flags.list && !onlyPages && progressOf(cells, tries).open.length > 0) {
    await runCells(cells, results, flags).finally(() => savePages(experiments, results, flags));
  } else if (!flags.list) await savePages(experiments, results, flags);
}

async function savePages(experiments: readonly Experiment[], results: ResultFile, flags: Flags): Promise<void> {
  for (const path of await writePages(experiments, new Tries(results.lines), flags.out)) say(`wrote ${path}`);
}

interface Stopper {
  /** True after a signal. */
  readonly signalled: () => boolean;
  readonly stop: (cell: Cell) => boolean;
}

/** Say when to stop: after a signal, or before a run that the budget has no time for. */
function stopper(cells: readonly Cell[], results: ResultFile, budget: number | undefined): Stopper {
  const end = budget === undefined ? Number.POSITIVE_INFINITY : performance.now() + 3_600_000 * budget;
  let stopping = false;
  const onSignal = () => {
    if (stopping) process.exit(130);
    stopping = true;
    say("stopping after the runs in progress; once more to stop at once");
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  const stop = (cell: Cell): boolean => {
    if (stopping) return true;
    if (budget === undefined) return false;
    const needed = secondsOf(cell, cells, new Tries(results.lines));
    if (performance.now() + 1000 * needed <= end) return false;
    say(`the budget has no time for the next run, which takes ${aboutTime(needed)}`);
    return true;
  };
  return { stop, signalled: () => stopping };
}

/** Open the GPU in this process, or in worker processes for several jobs. */
async function openTrainers({ jobs, adapter, file: files }: Flags) {
  if (jobs > 1) return openPool({ jobs, adapter, files });
  const { gpu, train, close } = await openTrainer({ adapter, files });
  return { adapter: adapterName(gpu.adapter), train, close };
}

async function runCells(cells: readonly Cell[], results: ResultFile, flags: Flags): Promise<void> {
  const { adapter, train, close } = await openTrainers(flags);
  say(`adapter: ${adapter}`);
  try {
    const { stop, signalled } = stopper(cells, results, flags.budget);
    const { jobs } = flags;
    const end = await runPlan({ cells, results, train, jobs, adapter, version: versions().espalier, say, stop });
    if (end === "stopped" && signalled()) throw new Interrupted("stopped; continue with the same command");
  } finally {
    await close();
  }
}

const command = new Command("npm run reproduce --")
  .description(
    "Runs the experiments of tools/reproduce/experiments: pruning methods at matched shares of zeros, and what explains them. Each finished run adds a line to runs.jsonl; a page and a figure of each experiment are made from those lines. Stop it at any time; the same command continues.",
  )
  .option("--only <regex>", "only cells whose name matches: spiking, or comparison_lenet/wd0/lats/0.95/s1", expression)
  .option("--budget <hours>", "stop before a run that would end after this time", hours)
  .option("--jobs <n>", "runs at a time; on a software adapter the number of cores", count, 1)
  .option("--file <name=path>", "file or folder that an experiment needs; repeat for several", named, {})
  .option("--out <folder>", "folder of the results", "docs/results")
  .option("--list", "show the plan and an estimate of the time left")
  .option("--report", "only write the pages and figures again")
  .option("--merge <file...>", "add the runs of other runs.jsonl, each once; then write the pages")
  .option("--adapter <name>", "part of the adapter's name")
  .allowExcessArguments(false)
  .exitOverride();

let code = 0;
try {
  command.parse();
  const flags = command.opts<Flags>();
  const elsewhere = flags.list || flags.report || flags.merge || flags.adapter ? null : await startOnNewestDriver();
  if (elsewhere === null) await reproduce(flags);
  else code = elsewhere;
} catch (error) {
  code = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : report(error);
}
process.exit(code);
