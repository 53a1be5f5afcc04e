// `npm run bench`: measures the cases on this machine's adapter, prints a table, and writes JSON and a roofline picture.
import { readFile } from "node:fs/promises";
import { Command, InvalidArgumentError } from "commander";
import { requestGpu } from "../src/gpu/index.ts";
import { installGpu, runEnvironment, writeAtomic } from "../src/node_internal.ts";
import { cases, largeCases } from "./cases/index.ts";
import { nodeCases } from "./cold/cases.ts";
import { dataCases } from "./data/cases.ts";
import type { BenchCase } from "./lib/case.ts";
import type { Clock } from "./lib/clock.ts";
import { compareResults } from "./lib/compare.ts";
import { betterGauge, measureGauge } from "./lib/gauge.ts";
import { renderMarkdown } from "./lib/markdown.ts";
import { type CaseResult, FORMAT, formatResults, parseResults, type Results, ResultsError } from "./lib/results.ts";
import { rooflinePoints } from "./lib/roofline.ts";
import { renderRooflineText } from "./lib/roofline_node.ts";
import { adapterName, formatMs, formatRatio, gaugeLine, hostLine } from "./lib/rows.ts";
import { describeAdapter, pickClock, runCases, selectCases, titleOf } from "./lib/run.ts";
import { renderComparison, renderTable } from "./lib/terminal.ts";
import { sparseCases } from "./sparse/cases.ts";

interface Flags {
  readonly list?: boolean;
  readonly json?: string;
  readonly svg?: string;
  readonly rounds: number;
  readonly budget: number;
  readonly large?: boolean;
  readonly sparse?: boolean;
  readonly variants?: readonly string[];
  readonly clock: Clock | "auto";
  readonly check?: boolean;
}

const say = (line: string) => process.stdout.write(`${line}\n`);
const note = (line: string) => process.stderr.write(`${line}\n`);

function wholeNumber(text: string): number {
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1)) throw new InvalidArgumentError("expected an integer >= 1");
  return value;
}

function seconds(text: string): number {
  const value = Number(text);
  if (!(value > 0 && Number.isFinite(value))) throw new InvalidArgumentError("expected seconds > 0");
  return value;
}

function clockName(text: string): Flags["clock"] {
  if (text !== "auto" && text !== "queue" && text !== "timestamp") {
    throw new InvalidArgumentError("expected auto, queue or timestamp");
  }
  return text;
}

/** Return a signal that the first interrupt aborts. The second interrupt ends the process at once. */
function listenForInterrupt(): AbortSignal {
  const controller = new AbortController();
  process.on("SIGINT", () => {
    if (controller.signal.aborted) process.exit(130);
    note("bench: stopping after this round; once more to stop at once");
    controller.abort();
  });
  return controller.signal;
}

function oneLine(result: CaseResult): string {
  if (result.kind === "failure") return `FAILED: ${result.error}`;
  if (result.kind === "host") return hostLine(result);
  const last = result.variants.at(-1);
  return last ? `${last.name} ${formatMs(last.ms)}, ${formatRatio(last.ratio)} ${result.variants[0]?.name}` : "";
}

/** Run the chosen cases and save the results after each of them, so that an aborted run keeps what it measured. */
async function measure(
  chosen: readonly BenchCase[],
  filters: readonly string[],
  flags: Flags,
  signal: AbortSignal,
): Promise<Results> {
  await installGpu();
  await requestGpu();
  const adapter = describeAdapter();
  const clock = flags.clock === "auto" ? await pickClock() : flags.clock;
  note(`bench: ${adapterName(adapter)}, clock: ${clock}`);
  const gauge = await measureGauge({ clock });
  note(`bench: ${gaugeLine(gauge)}`);
  const { started, commit, ...versions } = runEnvironment();
  const { rounds, budget } = flags;
  const roundMs = 30;
  const shaderCache = process.env["MESA_SHADER_CACHE_DISABLE"] !== "true";
  const settings = { rounds, budget, roundMs, clock, filter: [...filters], large: flags.large ?? false, shaderCache };
  let results: Results = {
    format: FORMAT,
    complete: false,
    started,
    commit,
    versions: { ...versions },
    adapter,
    settings,
    gauge,
    cases: [],
  };
  const save = async (changed: Partial<Results>) => {
    results = { ...results, ...changed };
    if (flags.json) await writeAtomic(flags.json, new TextEncoder().encode(formatResults(results)));
  };
  await save({}); // fails before the work if the file cannot be written
  await runCases(chosen, {
    rounds,
    budget,
    roundMs,
    clock,
    signal,
    ...(flags.variants ? { variants: flags.variants } : {}),
    onStart: (c, i, count) => note(`[${i + 1}/${count}] ${titleOf(c)}`),
    onResult: async (result) => {
      note(`    ${oneLine(result)}`);
      await save({ cases: [...results.cases, result] });
    },
  });
  if (!signal.aborted) await save({ complete: true, gauge: betterGauge(gauge, await measureGauge({ clock })) });
  return results;
}

async function bench(filters: readonly string[], flags: Flags): Promise<number> {
  const all = flags.sparse ? sparseCases : flags.large ? largeCases : [...cases, ...nodeCases, ...dataCases];
  const chosen = selectCases(all, filters);
  if (chosen.length === 0) {
    note(`bench: no case matches ${filters.map((f) => JSON.stringify(f)).join(" or ")}; --list names them all`);
    return 2;
  }
  if (flags.list) {
    for (const c of chosen) say(titleOf(c));
    return 0;
  }
  const signal = listenForInterrupt();
  const results = await measure(chosen, filters, flags, signal);
  const variants = results.cases.flatMap((c) => (c.kind === "kernel" ? c.variants.map((v) => v.name) : []));
  for (const name of flags.variants ?? []) {
    if (!variants.includes(name)) note(`bench: no variant of these cases is named ${JSON.stringify(name)}`);
  }
  say(renderTable(results.cases, results.gauge));
  say(`${adapterName(results.adapter)}; ${gaugeLine(results.gauge)}`);
  if (flags.svg) await writePicture(flags.svg, results);
  if (signal.aborted) return 130;
  return results.cases.some((c) => c.kind === "failure") ? 1 : 0;
}

async function writePicture(file: string, results: Results): Promise<void> {
  if (rooflinePoints(results).length === 0) note(`bench: ${file} not written: no case with floating-point operations`);
  else await writeAtomic(file, new TextEncoder().encode(renderRooflineText(results)));
}

async function read(file: string): Promise<Results> {
  const text = await readFile(file, "utf8").catch((cause: NodeJS.ErrnoException) => {
    throw new ResultsError(`${file}: cannot be read (${cause.code ?? cause.message})`);
  });
  return parseResults(text, file);
}

async function table(file: string): Promise<number> {
  say(renderMarkdown(await read(file)));
  return 0;
}

async function compare(fileA: string, fileB: string): Promise<number> {
  const comparison = compareResults(await read(fileA), await read(fileB));
  for (const warning of comparison.warnings) note(`warning: ${warning}`);
  if (comparison.rows.length === 0) {
    note(`bench: ${fileA} and ${fileB} have no case in common`);
    return 1;
  }
  say(renderComparison(comparison));
  const { rows, onlyA, onlyB, mean } = comparison;
  const count = (speedup: (s: number) => boolean) => rows.filter((r) => r.beyondNoise && speedup(r.speedup)).length;
  say(
    `B is ${formatRatio(mean)} as fast as A (geometric mean of ${rows.length}); ` +
      `${count((s) => s > 1)} faster and ${count((s) => s < 1)} slower beyond noise`,
  );
  if (onlyA.length + onlyB.length > 0) say(`only in A: ${onlyA.length}, only in B: ${onlyB.length}`);
  return 0;
}

async function check(): Promise<number> {
  // By URL, because the figures are a separate program.
  const address = new URL("./check.ts", import.meta.url).href;
  const { check: run } = (await import(address)) as { check(): Promise<boolean> };
  return (await run()) ? 0 : 1;
}

function makeProgram(done: (code: number) => void): Command {
  const program = new Command("bench")
    .description("Measures kernels on this machine's adapter against their naive twins and against what it can do.")
    .argument("[filter...]", "run cases whose name contains one of these; several words in one: all of them")
    .option("--list", "print the names of the cases and stop")
    .option("--json <file>", "write the results, after each case")
    .option("--svg <file>", "write the roofline picture")
    .option("--rounds <n>", "interleaved rounds of a case", wholeNumber, 7)
    .option("--budget <seconds>", "for the rounds of one case; at least 3 rounds run", seconds, 10)
    .option("--large", "the cases that keep a hardware adapter busy, instead of the usual ones")
    .option("--sparse", "pruned layers and networks by dense and by sparse kernels, instead of the usual cases")
    .option("--variants <names>", "only these, by commas, and the first of each case", (text) => text.split(","))
    .option("--clock <name>", "auto, queue or timestamp", clockName, "auto")
    .option("--check", "measure the project's figures and say which are short")
    .action(async (filters: string[], flags: Flags) => done(await (flags.check ? check() : bench(filters, flags))));
  program
    .command("compare")
    .description("two results beside each other")
    .argument("<A.json>")
    .argument("<B.json>")
    .action(async (a: string, b: string) => done(await compare(a, b)));
  program
    .command("table")
    .description("a result as Markdown, each case's fastest variant beside its first")
    .argument("<results.json>")
    .action(async (file: string) => done(await table(file)));
  return program;
}

let code = 0;
try {
  await makeProgram((c) => {
    code = c;
  }).parseAsync();
} catch (error) {
  const known = error instanceof Error && ["ResultsError", "FileError", "AdapterError"].includes(error.name);
  note(`bench: ${known ? (error as Error).message : ((error as Error).stack ?? String(error))}`);
  code = 1;
}
// Dawn keeps the process alive.
process.exit(code);
