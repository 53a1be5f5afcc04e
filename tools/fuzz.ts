// `npm run fuzz -- --count 10000 [--parser parquet] [--seed 1]`: damaged files by the thousand for every parser, each parser in a
// process of its own, so that one which never comes back is found, named and passed over. Exit code 1 where anything is found.
import { fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { type FuzzReport, fuzz } from "../test/support/fuzz.ts";
import { fuzzTargets } from "../test/support/fuzz_targets.ts";

const { values } = parseArgs({
  options: {
    count: { type: "string", default: "10000" },
    seed: { type: "string", default: "1" },
    parser: { type: "string", multiple: true, default: [] },
    /** Of a child: the parser it runs, and its first input. */
    run: { type: "string" },
    first: { type: "string", default: "0" },
  },
});
const [count, seed, first] = [values.count, values.seed, values.first].map(Number) as [number, number, number];
if (![count, seed, first].every((n) => Number.isSafeInteger(n) && n >= 0)) {
  throw new Error("--count and --seed: expected whole numbers of at least 0");
}

/** No input of a parser takes so long, in ms, but for one that never ends. */
const HANG_MS = 30_000;

type Message = { readonly at: number } | { readonly report: FuzzReport };

/** The child: one parser, from input `first` on. Says where it is before each input. */
async function run(name: string): Promise<void> {
  const { targets, remove } = await fuzzTargets();
  const target = targets.find((t) => t.name === name);
  const send = (message: Message) => process.send?.(message);
  try {
    if (!target) throw new Error(`no parser ${name}`);
    let last = 0;
    const before = (at: number) => {
      if (performance.now() - last < 1000 && at !== first) return;
      last = performance.now();
      send({ at });
    };
    // In parts: a message leaves only when the event loop turns.
    for (let at = first; at < count; at += 100) {
      const report = await fuzz(target, { count: Math.min(100, count - at), seed, first: at, before });
      send({ report });
      await new Promise((turn) => setImmediate(turn));
    }
  } finally {
    remove();
  }
}

function added(a: FuzzReport, b: FuzzReport): FuzzReport {
  return {
    count: a.count + b.count,
    read: a.read + b.read,
    refused: a.refused + b.refused,
    slowestMs: Math.max(a.slowestMs, b.slowestMs),
    mostBytes: Math.max(a.mostBytes, b.mostBytes),
    findings: [...a.findings, ...b.findings],
  };
}

const NOTHING: FuzzReport = { count: 0, read: 0, refused: 0, slowestMs: 0, mostBytes: 0, findings: [] };

/** All inputs of one parser; a process that ends or hangs is a finding, and another one goes on behind that part. */
async function campaign(name: string): Promise<FuzzReport> {
  let total = NOTHING;
  while (total.count < count) {
    const args = ["--run", name, "--first", String(total.count), "--count", String(count), "--seed", String(seed)];
    const child = fork(fileURLToPath(import.meta.url), args, { execArgv: process.execArgv });
    let heard = performance.now();
    child.on("message", (message: Message) => {
      heard = performance.now();
      if ("report" in message) total = added(total, message.report);
    });
    const watch = setInterval(() => {
      if (performance.now() - heard > HANG_MS) child.kill("SIGKILL");
    }, 1000);
    const code = await new Promise((done) => child.on("exit", (exit, signal) => done(exit ?? signal)));
    clearInterval(watch);
    if (total.count >= count) break;
    const words = code === "SIGKILL" ? "never came back" : `the process ended with ${code}`;
    const input = total.count;
    const left = Math.min(100, count - input);
    total = added(total, {
      ...NOTHING,
      count: left,
      findings: [{ kind: "slow", input, words: `${words} (of ${left})` }],
    });
  }
  return total;
}

async function all(): Promise<number> {
  const { targets, remove } = await fuzzTargets();
  remove();
  const names = targets
    .map(({ name }) => name)
    .filter((name) => values.parser.length === 0 || values.parser.includes(name));
  const unknown = values.parser.find((name) => !targets.some((t) => t.name === name));
  if (unknown !== undefined)
    throw new Error(`--parser ${unknown}: expected one of ${targets.map((t) => t.name).join(", ")}`);
  const cells = (row: readonly (string | number)[]) =>
    process.stdout.write(
      `${row.map((cell, i) => (i === 0 ? String(cell).padEnd(15) : String(cell).padStart(11))).join("")}\n`,
    );
  cells(["parser", "inputs", "read", "refused", "slowest ms", "most MB", "findings"]);
  let found = 0;
  for (const name of names) {
    const { findings, ...r } = await campaign(name);
    cells([name, r.count, r.read, r.refused, r.slowestMs.toFixed(0), (r.mostBytes / 1e6).toFixed(0), findings.length]);
    for (const { kind, input, words } of findings.slice(0, 5))
      process.stdout.write(`  ${kind}, input ${input}: ${words}\n`);
    found += findings.length;
  }
  return found > 0 ? 1 : 0;
}

if (values.run === undefined) process.exitCode = await all();
else {
  await run(values.run);
  process.disconnect();
}
