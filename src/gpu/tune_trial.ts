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
export async function measure(
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
