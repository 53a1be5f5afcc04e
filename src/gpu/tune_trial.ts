// Times the candidates of a choice against each other.
import { debugLevel, debugLog } from "./debug.ts";
import { hasAdapterClock, type TimedGpu, timeRuns } from "./tune_clock.ts";
import { measurePeak, type Peak, peakText, readPeak } from "./tune_peak.ts";

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
  /** Multiply-adds, and bytes that any candidate must move. */
  readonly work: number;
  readonly bytes: number;
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
  /** Label of the rule's candidate for the first shape of the key. */
  readonly rule: string;
  /** Label of the winner; null until it is decided. */
  chosen: string | null;
  wanted: Wanted | null;
}

/** Measures times. Tests replace it. */
export interface TuneClock {
  /** Return the milliseconds of one `run`, the mean of `repeats` in a row. */
  time(gpu: TimedGpu, run: () => void, dispatches: number, repeats: number): Promise<number>;
  /** Return the adapter's peak; null if it cannot be measured. */
  peak(device: GPUDevice): Promise<Peak | null>;
}

const CLOCK: TuneClock = { time: timeRuns, peak: measurePeak };
/** Key of the adapter's peak among the stored winners. */
const PEAK = "peak";
/** A candidate this close to the adapter's limits ends the trials of its choice. */
const NEAR_PEAK = 1.15;

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

interface Row {
  readonly candidate: Candidate;
  readonly dispatches: number;
  readonly first: number;
  best: number;
}

interface Rules {
  readonly gpu: TunedGpu;
  readonly clock: TuneClock;
  readonly peak: Peak | null;
  /** Reports whether time is left. */
  goOn(): boolean;
}

/** Return the milliseconds that the adapter's limits allow at best. */
function boundOf(peak: Peak | null, { work, bytes }: Wanted): number {
  return peak ? Math.max(work / peak.multiplyAdds, bytes / peak.bytes) : 0;
}

/** Run each candidate twice, the first time to compile it. Stops after one that is near the bound; null: the time is up. */
async function firstRuns({ gpu, clock, peak, goOn }: Rules, wanted: Wanted, trial: Trial<Candidate>) {
  const rows: Row[] = [];
  const enough = NEAR_PEAK * boundOf(peak, wanted);
  for (const candidate of wanted.candidates) {
    const before = gpu.stream.stats.dispatches;
    trial.run(candidate);
    const dispatches = gpu.stream.stats.dispatches - before;
    const first = await clock.time(gpu, () => trial.run(candidate), dispatches, 1);
    rows.push({ candidate, dispatches, first, best: Number.POSITIVE_INFINITY });
    if (!goOn()) return null;
    if (first <= enough) break;
  }
  return rows;
}

/** Return the fastest candidate of one choice; null when the time is up. */
async function measure(rules: Rules, key: string, wanted: Wanted): Promise<Candidate | null> {
  const { gpu, clock, goOn } = rules;
  const operands = wanted.trial();
  try {
    const rows = await firstRuns(rules, wanted, operands);
    if (!rows) return null;
    const least = Math.min(...rows.map((r) => r.first));
    const [rule, ...others] = rows as [Row, ...Row[]];
    const field = [rule, ...others.filter((r) => r.first <= HOPELESS * least)];
    const perSample = SAMPLE_MS[hasAdapterClock(gpu) ? "adapter" : "host"] / least;
    for (let round = 0; round < ROUNDS && field.length > 1; round++) {
      for (const row of field) {
        const repeats = Math.max(1, Math.min(Math.ceil(perSample), Math.floor(MOST_DISPATCHES / row.dispatches)));
        const ms = await clock.time(gpu, () => operands.run(row.candidate), row.dispatches, repeats);
        row.best = Math.min(row.best, ms);
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
  readonly clock?: TuneClock | undefined;
  /** Reports whether time is left. */
  goOn(): boolean;
}

/** Return the adapter's peak: the stored one, else measure it. */
async function peakOf(gpu: TunedGpu, clock: TuneClock, winners: Record<string, string>): Promise<Peak | null> {
  const stored = readPeak(winners[PEAK]);
  if (stored) return stored;
  await gpu.wait();
  const peak = await clock.peak(gpu.device);
  if (peak) winners[PEAK] = peakText(peak);
  return peak;
}

/** Time the candidates of choices, largest first, and store the winners. Returns how many were decided. */
export async function measureEntries(about: Measurement): Promise<number> {
  const { gpu, open, store, adapterKey, winners, clock = CLOCK, goOn } = about;
  const rules: Rules = { gpu, clock, peak: await peakOf(gpu, clock, winners), goOn };
  let measured = 0;
  for (const [key, entry] of [...open].sort(([, a], [, b]) => (b.wanted?.work ?? 0) - (a.wanted?.work ?? 0))) {
    const winner = measured > 0 && !goOn() ? null : await measure(rules, key, entry.wanted!);
    if (!winner) break;
    entry.chosen = winner.label;
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
