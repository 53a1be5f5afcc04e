// `npm run bench:peers`: times the same workloads in this engine, in TensorFlow.js and jax-js on the same adapter, and in PyTorch on the CPU.
import { parseArgs } from "node:util";
import Table from "cli-table3";
import { runEnvironment, writeAtomic } from "../../src/node_internal.ts";
import {
  availableSides,
  compareSides,
  POLLING,
  type Polling,
  peersInstalled,
  SIDES,
  type SideName,
} from "./compare.ts";
import { PEER_COLUMNS, PEERS_FORMAT, type PeersResults, peersMarkdown, rowsOf } from "./report.ts";
import { selectWorkloads } from "./workloads.ts";

const USAGE = `usage: npm run -s bench:peers -- [FILTER...] [options]

  FILTER          workloads whose name contains its words; none: all
  --list          print the names of the workloads and stop
  --rounds N      interleaved rounds (5)
  --round-ms N    least length of a side's part of a round (300)
  --sides a,b     of ${SIDES.join(", ")}; espalier is always there
  --warm          keep shader caches: first runs are those of a second start
  --polling MODE  shipped (default): each library as its users run it; calm: espalier's polling for all; spin: for none
  --json FILE     results, written after each workload
  --md FILE       the table as Markdown

The other libraries are installed by: npm ci --prefix bench/peers`;

const say = (line: string) => process.stdout.write(`${line}\n`);
const note = (line: string) => process.stderr.write(`${line}\n`);

class UsageError extends Error {}

function whole(name: string, text: string | undefined, usual: number): number {
  if (text === undefined) return usual;
  const value = Number(text);
  if (!(Number.isInteger(value) && value >= 1))
    throw new UsageError(`--${name}: expected an integer >= 1, got ${text}`);
  return value;
}

function sidesOf(text: string | undefined): SideName[] {
  if (text === undefined) return availableSides();
  const wanted = text.split(",");
  const unknown = wanted.find((name) => !(SIDES as readonly string[]).includes(name));
  if (unknown !== undefined) throw new UsageError(`--sides: expected some of ${SIDES.join(", ")}, got ${unknown}`);
  return SIDES.filter((side) => side === "espalier" || wanted.includes(side));
}

function pollingOf(text = "shipped"): Polling {
  const known = POLLING.find((mode) => mode === text);
  if (!known) throw new UsageError(`--polling: expected one of ${POLLING.join(", ")}, got ${text}`);
  return known;
}

function printTable({ workloads }: PeersResults): void {
  const table = new Table({
    head: [...PEER_COLUMNS],
    colAligns: PEER_COLUMNS.map((_, i) => (i < 2 ? "left" : "right")),
    style: { head: [], border: [], compact: true },
  });
  for (const row of workloads.flatMap(rowsOf)) table.push(row);
  say(table.toString());
}

async function main(): Promise<number> {
  const { values: flags, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      list: { type: "boolean" },
      rounds: { type: "string" },
      "round-ms": { type: "string" },
      sides: { type: "string" },
      warm: { type: "boolean" },
      polling: { type: "string" },
      json: { type: "string" },
      md: { type: "string" },
      help: { type: "boolean" },
    },
  });
  if (flags.help) {
    say(USAGE);
    return 0;
  }
  const chosen = selectWorkloads(positionals);
  if (chosen.length === 0)
    throw new UsageError(`no workload matches ${positionals.join(" or ")}; --list names them all`);
  if (flags.list) {
    say(chosen.map(({ name }) => name).join("\n"));
    return 0;
  }
  const options = {
    rounds: whole("rounds", flags.rounds, 5),
    roundMs: whole("round-ms", flags["round-ms"], 300),
    coldShaders: !flags.warm,
    polling: pollingOf(flags.polling),
  };
  const sides = sidesOf(flags.sides);
  if (!peersInstalled() && (flags.sides === undefined || sides.some((s) => s === "tfjs" || s === "jax-js"))) {
    note("bench:peers: the other libraries are not installed; run: npm ci --prefix bench/peers");
    return 1;
  }
  const { started, commit, ...versions } = runEnvironment();
  let results: PeersResults = {
    format: PEERS_FORMAT,
    complete: false,
    started,
    commit,
    versions: { ...versions },
    settings: options,
    workloads: [],
  };
  const save = async () => {
    if (flags.json) await writeAtomic(flags.json, new TextEncoder().encode(`${JSON.stringify(results, null, 1)}\n`));
    if (flags.md) await writeAtomic(flags.md, new TextEncoder().encode(peersMarkdown(results)));
  };
  await save(); // a place that cannot be written to is known before the work
  for (const work of chosen) {
    const result = await compareSides(work, { ...options, sides, onNote: note });
    results = { ...results, workloads: [...results.workloads, result] };
    await save();
  }
  results = { ...results, complete: true };
  await save();
  printTable(results);
  return results.workloads.every((w) => w.sides.every((s) => s.error === null)) ? 0 : 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  const { code } = error as { code?: string };
  const isUsage = error instanceof UsageError || code?.startsWith("ERR_PARSE_ARGS");
  note(isUsage ? `bench:peers: ${(error as Error).message}\n${USAGE}` : `bench:peers: ${(error as Error).stack}`);
  process.exitCode = isUsage ? 2 : 1;
}
