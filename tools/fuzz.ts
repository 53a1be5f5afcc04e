// `npm run fuzz -- --count 10000 [--parser parquet] [--seed 1]`: feeds thousands of corrupt files to every parser. Each parser
// runs in its own process, so that a hang is reported and skipped. Exit code 1 if there is any finding.
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
    /** For child processes: the parser to run, and its first input. */
    run: { type: "string" },
    first: { type: "string", default: "0" },
  },
});
const [count, seed, first] = [values.count, values.seed, values.first].map(Number) as [number, number, number];
if (![count, seed, first].every((n) => Number.isSafeInteger(n) && n >= 0)) {
  throw new Error("--count and --seed: expected whole numbers of at least 0");
}

/** Milliseconds without a message after which a parser counts as hanging. */
const HANG_MS = 30_000;

type Message = { readonly at: number } | { readonly report: FuzzReport };

/** Run one parser in a child process, from input `first` on. Reports its position before each input. */
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
    // In parts, because messages are sent only when the event loop turns.
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

/** Run all inputs of one parser. A process that ends or hangs is a finding; a new process continues after that part. */
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
