// Kills training runs with SIGKILL at random times: starts the command on tiny data, kills it, repeats the command until the run
// is done, and compares its files with those of an uninterrupted run. `npm run -s kill-campaign -- --count 100`
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { readEvents } from "../test/support/event_file_reader.ts";
import { squaresFolder } from "../test/support/idx_folder.ts";

const root = resolve(import.meta.dirname, "..");

/** Largest number of kills per run: enough for several within an epoch. */
const KILLS_A_RUN = 3;
/** Starts after which an unfinished run counts as a finding. */
const MOST_STARTS = 12;

export interface CampaignOptions {
  /** Number of kills that must hit a living process. */
  readonly count: number;
  readonly seed?: number;
  /** Training images: 8 per step, two epochs and one of fine-tuning. */
  readonly images?: number;
  /** The command to start, before its arguments. */
  readonly command?: readonly string[];
  readonly say?: (line: string) => void;
}

export interface Trial {
  readonly run: string;
  /** Time of each kill: "at 812 ms", "after 31 rows". */
  readonly kills: readonly string[];
  /** Kills before the first checkpoint. */
  readonly early: number;
  /** Differences from the uninterrupted run. */
  readonly differences: readonly string[];
}

const fromSource = [
  process.execPath,
  "--import",
  "tsx",
  "--import",
  join(root, "tools/wgsl_node.mjs"),
  join(root, "src/cli/main.ts"),
];

/** Return a generator of numbers in [0, 1). */
function randomFrom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

interface Ended {
  readonly code: number | null;
  readonly ms: number;
  readonly rows: number;
  readonly err: string;
}

/** Time of a kill: `ms` milliseconds after the process has printed `rows` rows. */
interface KillTime {
  readonly rows: number;
  readonly ms: number;
}

/** Run the command, and kill it at the given time. */
function start(words: readonly string[], when?: KillTime): Promise<Ended> {
  return new Promise((done, failed) => {
    const began = performance.now();
    const child = spawn(words[0]!, words.slice(1), { cwd: root, stdio: ["ignore", "pipe", "pipe"] });
    let err = "";
    let rows = 0;
    let timer: NodeJS.Timeout | undefined;
    const look = () => {
      if (when && rows >= when.rows) timer ??= setTimeout(() => child.kill("SIGKILL"), when.ms);
    };
    look();
    child.stdout.on("data", (chunk: Buffer) => {
      for (const byte of chunk) rows += Number(byte === 10);
      look();
    });
    child.stderr.on("data", (chunk) => {
      err += chunk;
    });
    child.on("error", failed);
    child.on("close", (code) => {
      clearTimeout(timer);
      done({ code, ms: performance.now() - began, rows, err });
    });
  });
}

const hash = (file: string) => createHash("sha256").update(readFileSync(file)).digest("hex");

/** Read lines of JSON, without the fields that depend on time. */
function rowsOf(file: string): string[] {
  const lines = readFileSync(file, "utf8").split("\n").filter(Boolean);
  return lines.map((line) => {
    const { seconds: _s, elapsed: _e, ...row } = JSON.parse(line) as Record<string, unknown>;
    return JSON.stringify(row);
  });
}

interface ShownEvent {
  readonly step?: string;
  readonly summary?: {
    readonly value?: readonly { readonly tag: string; readonly simple_value?: number; readonly histo?: object }[];
  };
}

/** Read the points that TensorBoard shows, with the values of times left out. */
function pointsOf(run: string): string[] {
  const folder = join(run, "tensorboard");
  const events = readdirSync(folder)
    .sort()
    .flatMap((name) => readEvents(readFileSync(join(folder, name))) as unknown as ShownEvent[]);
  return events.flatMap(({ step = "0", summary }) =>
    (summary?.value ?? []).map(({ tag, simple_value, histo }) => {
      const timed = tag.startsWith("speed/") || tag.startsWith("seconds");
      return `${tag} ${step} ${timed ? "time" : (simple_value ?? JSON.stringify(histo ?? null))}`;
    }),
  );
}

const firstDifference = (what: string, got: readonly string[], want: readonly string[]): string[] => {
  const i =
    Math.max(got.length, want.length) === 0
      ? -1
      : ([...Array(Math.max(got.length, want.length)).keys()].find((k) => got[k] !== want[k]) ?? -1);
  if (i < 0) return [];
  return [
    `${what}: entry ${i + 1} is ${(got[i] ?? "missing").slice(0, 200)}, expected ${(want[i] ?? "none").slice(0, 200)}`,
  ];
};

/** Compare a run with the uninterrupted one. */
function compareRuns(run: string, want: string): string[] {
  const missing = ["model.safetensors", "result.json"].filter((name) => !existsSync(join(run, name)));
  if (missing.length > 0) return missing.map((name) => `${name} is missing`);
  const names = readdirSync(run, { recursive: true, encoding: "utf8" });
  const left = names.filter((name) => /\.tmp\.|\.overwritten|\.lock/.test(name)).map((name) => `${name} is left`);
  const same = (name: string) => (hash(join(run, name)) === hash(join(want, name)) ? [] : [`${name} differs`]);
  return [
    ...left,
    ...same("model.safetensors"),
    ...same("model.sparse.safetensors"),
    ...firstDifference("metrics.jsonl", rowsOf(join(run, "metrics.jsonl")), rowsOf(join(want, "metrics.jsonl"))),
    ...firstDifference("trail", rowsOf(join(run, "trail/trail.jsonl")), rowsOf(join(want, "trail/trail.jsonl"))),
    ...firstDifference("TensorBoard", pointsOf(run), pointsOf(want)),
    ...firstDifference("result.json", resultOf(run), resultOf(want)),
  ];
}

/** Read the entries of a result, without times, the folder and the memory of the process. */
function resultOf(run: string): string[] {
  const result = JSON.parse(readFileSync(join(run, "result.json"), "utf8")) as Record<string, unknown>;
  const ofProcess = new Set(["seconds", "out", "peakBytes"]);
  return Object.entries(result).flatMap(([key, value]) =>
    ofProcess.has(key) ? [] : [`${key} ${JSON.stringify(value)}`],
  );
}

const checkpoints = (run: string) =>
  existsSync(join(run, "checkpoints"))
    ? readdirSync(join(run, "checkpoints")).filter((n) => /^step_\d+\.safetensors$/.test(n)).length
    : 0;

/** Kill runs until `count` kills have hit, each run at most three times, and finish each run. */
export async function killCampaign(options: CampaignOptions): Promise<Trial[]> {
  const { count, seed = 1, images = 160, command = fromSource, say = () => {} } = options;
  const scratch = mkdtempSync(join(tmpdir(), "espalier-kills-"));
  try {
    const data = squaresFolder(join(scratch, "data"), images, 40);
    const settings = ["--data", "idx", "--data-dir", data, "--epochs", "2", "--finetune", "1", "--batch-size", "8"];
    const more = [
      "--threshold",
      "0.05",
      "--log-every",
      "3",
      "--checkpoint-every",
      "1",
      "--trail",
      "--seed",
      String(seed),
    ];
    const words = (out: string) => [
      ...command,
      "train",
      ...settings,
      ...more,
      "--out",
      out,
      "--resume",
      "auto",
      "--json",
    ];
    const want = join(scratch, "whole");
    const whole = await start(words(want));
    if (whole.code !== 0) throw new Error(`the uninterrupted run ended with ${whole.code}: ${whole.err}`);
    say(`a run takes ${(whole.ms / 1000).toFixed(1)}s and prints ${whole.rows} rows`);

    const random = randomFrom(seed);
    const trials: Trial[] = [];
    for (let hits = 0; hits < count; ) {
      const run = join(scratch, `run_${trials.length + 1}`);
      const most = Math.min(count - hits, 1 + Math.floor(random() * KILLS_A_RUN));
      const trial = await killed(run, { words: words(run), most, whole, random });
      const differences = trial.problem ? [trial.problem] : compareRuns(run, want);
      hits += trial.kills.length;
      trials.push({ run: `run ${trials.length + 1}`, kills: trial.kills, early: trial.early, differences });
      say(trialLine(trials.at(-1)!, hits));
      if (differences.length === 0) rmSync(run, { recursive: true, force: true });
    }
    return trials;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

interface KillOptions {
  readonly words: readonly string[];
  readonly most: number;
  /** An uninterrupted run. */
  readonly whole: Ended;
  readonly random: () => number;
}

/** Choose the time of a kill: one third at any time, start-up included; the others during training, up to 40 ms after a row. */
function killTime({ whole, random }: KillOptions): KillTime {
  if (random() < 1 / 3) return { rows: 0, ms: random() * whole.ms };
  return { rows: 1 + Math.floor(random() * whole.rows), ms: random() < 0.5 ? 0 : 40 * random() };
}

/** Start a run repeatedly until it is done, and kill it at most `most` times. */
async function killed(run: string, options: KillOptions) {
  const { words, most } = options;
  const kills: string[] = [];
  let early = 0;
  for (let starts = 0; starts < MOST_STARTS; starts++) {
    const when = kills.length < most ? killTime(options) : undefined;
    const { code, rows, err } = await start(words, when);
    if (code === 0) return { kills, early, problem: null };
    if (code !== null)
      return { kills, early, problem: `start ${starts + 1} ended with ${code}: ${err.trim().slice(0, 300)}` };
    kills.push(when?.rows === 0 ? `at ${when.ms.toFixed(0)} ms` : `after ${rows} rows`);
    if (checkpoints(run) === 0) early++;
  }
  return { kills, early, problem: `not done after ${MOST_STARTS} starts` };
}

const trialLine = ({ run, kills, early, differences }: Trial, hits: number): string =>
  `${run}: killed ${kills.join(", ") || "never"}${early > 0 ? ` (${early} before the first checkpoint)` : ""}: ` +
  `${differences.length === 0 ? "the same" : differences.join("; ")}  [${hits} kills]`;

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      count: { type: "string", default: "20" },
      seed: { type: "string", default: "1" },
      built: { type: "boolean", default: false },
    },
  });
  const [count, seed] = [Number(values.count), Number(values.seed)];
  if (!(Number.isSafeInteger(count) && count >= 1))
    throw new RangeError(`--count: expected an integer >= 1, got ${values.count}`);
  if (!(Number.isSafeInteger(seed) && seed >= 0))
    throw new RangeError(`--seed: expected an integer >= 0, got ${values.seed}`);
  const command = values.built ? [process.execPath, join(root, "dist/cli.js")] : fromSource;
  const trials = await killCampaign({ count, seed, command, say: (line) => console.log(line) });
  const kills = trials.reduce((n, t) => n + t.kills.length, 0);
  const early = trials.reduce((n, t) => n + t.early, 0);
  const bad = trials.filter((t) => t.differences.length > 0).length;
  console.log(
    `${kills} kills of ${trials.length} runs, ${early} before the first checkpoint: ${trials.length - bad} the same, ${bad} not`,
  );
  return bad === 0 ? 0 : 1;
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? "").href) process.exitCode = await main();
