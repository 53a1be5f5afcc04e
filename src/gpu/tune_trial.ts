// Times the candidates of a choice against each other.
import { debugLevel, debugLog } from "./debug.ts";
import { hasAdapterClock, type TimedGpu, timeRuns } from "./tune_clock.ts";

/** One way to compute something. The label identifies it in the store, so it must tell candidates apart. */
export interface Candidate {
  readonly label: string;
}

/** Memory for trials, of the size of the real operands. */
export interface Trial<C extends Candidate> {
  /** Enqueue the work by this candidate. */
  run(candidate: C): void;
  dispose(): void;
}

export interface Wanted {
  readonly work: number;
  readonly candidates: readonly Candidate[];
  trial(): Trial<Candidate>;
}

/** Storage of winners between processes or page loads: a file (`fileTuneStore` of @espalier/node), or for example localStorage in a page. */
export interface TuneStore {
  /** Return the winners of an adapter by key, as `save` got them; empty if there are none. */
  load(adapter: string): Promise<Readonly<Record<string, string>>>;
  save(adapter: string, winners: Readonly<Record<string, string>>): Promise<void>;
}

/** A choice that came up. */
export interface Entry {
  chosen: Candidate;
  wanted: Wanted | null;
}

/** The part of a device that the tuner needs. */
export interface TunedGpu extends TimedGpu {
  readonly adapter: Readonly<Record<"vendor" | "architecture" | "device" | "description", string>> & {
    readonly software: boolean;
    readonly subgroupSize: number;
  };
  readonly pool: { trim(): void };
}

/** Another candidate replaces the rule's only if it is faster by more than the scatter of measurements. */
const WORTHWHILE = 0.97;
const ROUNDS = 3;
/** A candidate that took this many times the best in its first run is not tried again. */
const HOPELESS = 3;
/** Milliseconds of one sample: timestamps may be rounded to 0.1 ms, and the end of the queue is noticed with the same delay or more. */
const SAMPLE_MS = { adapter: 3, host: 15 };
/** Dispatches of one sample, which are one submit. */
const MOST_DISPATCHES = 96;

/** Return the fastest candidate of one choice; null when `goOn` reports that the time is up. */
async function measure(
  gpu: TimedGpu,
  key: string,
  { candidates, trial }: Wanted,
  goOn: () => boolean,
): Promise<Candidate | null> {
  const operands = trial();
  try {
    const rows: { candidate: Candidate; dispatches: number; first: number; best: number }[] = [];
    for (const candidate of candidates) {
      const before = gpu.stream.stats.dispatches;
      operands.run(candidate); // compiles
      const dispatches = gpu.stream.stats.dispatches - before;
      const first = await timeRuns(gpu, () => operands.run(candidate), dispatches, 1);
      rows.push({ candidate, dispatches, first, best: Number.POSITIVE_INFINITY });
      if (!goOn()) return null;
    }
    const least = Math.min(...rows.map((r) => r.first));
    const [rule, ...others] = rows as [(typeof rows)[number], ...typeof rows];
    const field = [rule, ...others.filter((r) => r.first <= HOPELESS * least)];
    const wanted = SAMPLE_MS[hasAdapterClock(gpu) ? "adapter" : "host"] / least;
    for (let round = 0; round < ROUNDS; round++) {
      for (const row of field) {
        const repeats = Math.max(1, Math.min(Math.ceil(wanted), Math.floor(MOST_DISPATCHES / row.dispatches)));
        row.best = Math.min(row.best, await timeRuns(gpu, () => operands.run(row.candidate), row.dispatches, repeats));
        if (!goOn()) return null;
      }
    }
    const fastest = field.reduce((a, b) => (b.best < a.best ? b : a));
    const winner = fastest.best < WORTHWHILE * rule.best ? fastest : rule;
    if (debugLevel() >= 1) {
      const times = rows.map((r) => `${r.candidate.label} ${Math.min(r.first, r.best).toFixed(3)} ms`);
      debugLog(`tune ${key}: ${times.join(", ")} -> ${winner.candidate.label}`);
    }
    return winner.candidate;
  } finally {
    operands.dispose();
  }
}

interface Measurement {
  readonly gpu: TunedGpu;
  /** Choices by key that have alternatives. */
  readonly open: (readonly [key: string, entry: Entry])[];
  readonly store: TuneStore | null;
  readonly adapterKey: string;
  /** Receives the labels of the winners. */
  readonly winners: Record<string, string>;
  /** Reports whether time is left. */
  goOn(): boolean;
}

/** Time the candidates of choices, largest first, and store the winners. Returns how many were decided. */
export async function measureEntries({ gpu, open, store, adapterKey, winners, goOn }: Measurement): Promise<number> {
  let measured = 0;
  for (const [key, entry] of [...open].sort(([, a], [, b]) => (b.wanted?.work ?? 0) - (a.wanted?.work ?? 0))) {
    const winner = measured > 0 && !goOn() ? null : await measure(gpu, key, entry.wanted!, goOn);
    if (!winner) break;
    entry.chosen = winner;
    entry.wanted = null;
    winners[key] = winner.label;
    measured++;
  }
  if (measured === 0) return 0;
  // The steps that follow do not use the operands of trials: free their memory.
  gpu.pool.trim();
  try {
    await store?.save(adapterKey, winners);
  } catch (cause) {
    debugLog(`tune: the winners were not stored: ${cause instanceof Error ? cause.message : cause}`);
  }
  return measured;
}
