// `npm run reproduce`: compares all pruning methods and writes a table and a figure of the finished runs. It can be
// stopped at any time and continues where it stopped.
import { Command, CommanderError, InvalidArgumentError } from "commander";
import { adapterName } from "../src/node/adapter.ts";
import { versions } from "../src/node_internal.ts";
import { Interrupted, report, UsageError } from "../src/terminal/fail.ts";
import { available } from "./reproduce/available.ts";
import { aboutTime, listLines, secondsLeft } from "./reproduce/estimate.ts";
import { checkPlan, runExperiment, workOf } from "./reproduce/experiment.ts";
import { ResultFile } from "./reproduce/lines.ts";
import { type CountedRun, PLAN, withoutData, withSeeds } from "./reproduce/plan.ts";
import { openTrainer } from "./reproduce/train.ts";
import { resultsPath, writeReport } from "./reproduce/write.ts";

interface Flags {
  readonly only?: RegExp;
  readonly out: string;
  readonly list?: boolean;
  readonly report?: boolean;
  readonly fresh?: boolean;
  readonly adapter?: string;
  readonly seeds?: number;
  readonly dataDir?: string;
}

const say = (line: string) => void process.stdout.write(`${line}\n`);

function expression(text: string): RegExp {
  try {
    return new RegExp(text, "u");
  } catch (error) {
    throw new InvalidArgumentError((error as Error).message);
  }
}

function count(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1 && value <= 100)) {
    throw new InvalidArgumentError("expected an integer from 1 to 100");
  }
  return value;
}

async function reproduce(flags: Flags): Promise<void> {
  const plan = flags.seeds === undefined ? PLAN : withSeeds(PLAN, flags.seeds);
  const chosen = ({ id }: CountedRun) => flags.only?.test(id) ?? true;
  if (flags.fresh && (flags.list || flags.report)) {
    throw new UsageError("--fresh: drops results before a run; it does not go with --list or --report");
  }
  const results = new ResultFile(resultsPath(flags.out));
  if (flags.fresh) {
    const dropped = await results.keep((line) => flags.only !== undefined && !flags.only.test(line.id));
    say(`${dropped} lines dropped, ${results.lines.length} kept`);
  }
  checkPlan(plan, results.lines, results.path);
  if (flags.list) {
    for (const line of listLines(plan, results.lines, chosen)) say(line);
  } else if (flags.report) {
    await saveReport(plan, results, flags);
  } else {
    await runMissing(plan, results, flags, chosen);
  }
}

/** Write the table and the figure of the results so far. */
async function saveReport(plan: typeof PLAN, results: ResultFile, flags: Flags): Promise<void> {
  for (const path of await writeReport(plan, results.lines, flags.out)) say(`wrote ${path}`);
}

/** Run what is missing, as far as the machine has the data, then write the report. */
async function runMissing(
  plan: typeof PLAN,
  results: ResultFile,
  flags: Flags,
  chosen: (run: CountedRun) => boolean,
): Promise<void> {
  const folders = flags.dataDir === undefined ? {} : { "fashion-mnist": flags.dataDir };
  const { missing, notes } = await available(plan, folders);
  const runnable = withoutData(plan, missing);
  const work = workOf(runnable, results.lines, chosen);
  if (work.total === 0 && missing.length === 0) {
    throw new UsageError(`--only ${flags.only?.source}: no run of the plan has such an id; --list shows them all`);
  }
  for (const note of notes) say(note);
  if (work.todo.length > 0) {
    const left = secondsLeft(runnable, results.lines, chosen);
    say(`${work.total} runs, ${work.done} of them done${left.seconds > 0 ? `; ${aboutTime(left.seconds)} left` : ""}`);
    await runAll(runnable, results, flags, folders, chosen).finally(() => saveReport(plan, results, flags));
  } else if (work.total > 0) {
    say("all runs are done");
    await saveReport(plan, results, flags);
  }
  for (const note of notes) say(note);
}

async function runAll(
  plan: typeof PLAN,
  results: ResultFile,
  flags: Flags,
  folders: Readonly<Record<string, string>>,
  wanted: (run: CountedRun) => boolean,
): Promise<void> {
  const { gpu, train } = await openTrainer({ adapter: flags.adapter, folders });
  const adapter = adapterName(gpu.adapter);
  say(`adapter: ${adapter}`);
  let stopping = false;
  const onSignal = () => {
    if (stopping) process.exit(130);
    stopping = true;
    say("stopping after this run; once more to stop at once");
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  try {
    const version = versions().espalier;
    const stop = () => stopping;
    const end = await runExperiment({ plan, results, train, adapter, version, say, wanted, stop });
    if (end === "stopped") throw new Interrupted("stopped; continue with the same command");
  } finally {
    process.off("SIGINT", onSignal);
    process.off("SIGTERM", onSignal);
  }
}

const command = new Command("npm run reproduce --")
  .description(
    "Compares all pruning methods at matched sparsities on MNIST and Fashion-MNIST. Each finished run adds a line to pruning_methods.jsonl; the table and the figure beside it are made from those lines. Stop it at any time; the same command continues.",
  )
  .option("--only <regex>", "only runs whose id matches, as in mnist/lenet-bn/lats/0.90/s1", expression)
  .option("--out <folder>", "folder of the results", "docs/results")
  .option("--list", "show the plan, finished runs, and an estimate of the time left")
  .option("--report", "only write the table and the figure again")
  .option("--fresh", "drop existing results first (with --only: those that match)")
  .option("--adapter <name>", "part of the adapter's name")
  .option("--seeds <n>", "seeds 0 to n - 1 for all methods", count)
  .option("--data-dir <folder>", "folder of the four files of Fashion-MNIST")
  .allowExcessArguments(false)
  .exitOverride();

let code = 0;
try {
  command.parse();
  await reproduce(command.opts<Flags>());
} catch (error) {
  code = error instanceof CommanderError ? (error.exitCode === 0 ? 0 : 2) : report(error);
}
process.exit(code);
