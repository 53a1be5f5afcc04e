// Counters of a run since its last records. Saved in checkpoints, so that a resumed run has the records of an uninterrupted one.
import { ArgumentError, isRecord } from "../text/index.ts";
import type { StepMetrics } from "./meter.ts";
import type { MeasuredStep } from "./objective.ts";

/** Sums over the steps since the last step record. */
export interface StepSums {
  loss: number;
  correct: number;
  samples: number;
  /** Sum of each metric; absent if there are none. */
  metrics?: Readonly<Record<string, number>>;
}

/** Means over the steps since the last step record. */
interface StepMeans {
  readonly loss: number;
  readonly accuracy: number;
  metrics?: Readonly<Record<string, number>>;
}

/** Sums over the step records of the epoch in progress. */
export interface RunningEpoch {
  loss: number;
  accuracy: number;
  records: number;
}

/** Counters as saved in a checkpoint. */
export interface CounterState {
  /** Steps done at the last step record; `stretch` sums over the steps since. */
  readonly logged: number;
  readonly stretch: Readonly<StepSums>;
  /** Threshold at the last step record. */
  readonly thresholdBefore: number;
  readonly epoch: Readonly<RunningEpoch>;
  /** The optimiser's count of mask changes when the epoch began. */
  readonly changes: number;
  /** Mean loss of the last step record; null before the first. */
  readonly lastLoss: number | null;
}

const isNumber = (n: unknown): n is number => typeof n === "number" && Number.isFinite(n);
// A sum that is not finite is null in JSON.
const isMetric = (n: unknown): boolean => n === null || typeof n === "number";
const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;

/** Path and rule of each number of the state. */
const RULES: readonly (readonly [path: readonly string[], holds: (n: unknown) => boolean, expected: string])[] = [
  [["logged"], isCount, "an integer >= 0"],
  [["stretch", "loss"], isNumber, "a number"],
  [["stretch", "correct"], isCount, "an integer >= 0"],
  [["stretch", "samples"], isCount, "an integer >= 0"],
  [["thresholdBefore"], isNumber, "a number"],
  [["epoch", "loss"], isNumber, "a number"],
  [["epoch", "accuracy"], isNumber, "a number"],
  [["epoch", "records"], isCount, "an integer >= 0"],
  [["changes"], isNumber, "a number"],
  [
    ["stretch", "metrics"],
    (n) => n === undefined || (isRecord(n) && Object.values(n).every(isMetric)),
    "numbers by name",
  ],
  [["lastLoss"], (n) => n === null || isNumber(n), "a number or null"],
];

const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (part, key) => (typeof part === "object" && part !== null ? (part as Record<string, unknown>)[key] : undefined),
    value,
  );

/** Check counters read from a file. Errors: ArgumentError naming the missing or invalid number. */
export function checkedCounters(value: unknown): CounterState {
  for (const [path, holds, expected] of RULES) {
    const given = at(value, path);
    if (!holds(given)) {
      const problem = `counters: ${path.join(".")}: expected ${expected}, got ${JSON.stringify(given) ?? "nothing"}`;
      throw new ArgumentError(problem);
    }
  }
  return value as CounterState;
}

export class FitCounters {
  logged: number;
  thresholdBefore: number;
  changes: number;
  lastLoss: number | null;
  private stretch: StepSums;
  private readonly epoch: RunningEpoch;
  /** Steps whose metrics are in the sums. */
  private read: number;

  /** Counters after `step` steps: those of a checkpoint, or new ones. */
  constructor(step: number, state: CounterState | null, begin: Pick<CounterState, "thresholdBefore" | "changes">) {
    this.logged = state?.logged ?? step;
    this.thresholdBefore = state?.thresholdBefore ?? begin.thresholdBefore;
    this.changes = state?.changes ?? begin.changes;
    this.lastLoss = state?.lastLoss ?? null;
    this.stretch = { loss: 0, correct: 0, samples: 0, ...state?.stretch };
    this.epoch = { loss: 0, accuracy: 0, records: 0, ...state?.epoch };
    this.read = step;
  }

  /** First step that is not in the sums yet. */
  get unread(): number {
    return this.read;
  }

  /** Add steps in order: the sums have the same bits wherever a run was interrupted. */
  add(steps: readonly (StepMetrics & Partial<MeasuredStep>)[], end: number): void {
    for (const { loss, correct, samples, metrics = {} } of steps) {
      // A step that the loss scale skipped. Without one, a bad loss has ended the run.
      if (!Number.isFinite(loss)) continue;
      const names = Object.keys(metrics);
      if (names.length > 0) {
        const sums = this.stretch.metrics ?? {};
        this.stretch.metrics = Object.fromEntries(
          names.map((key) => [key, (key in sums ? (sums[key] ?? Number.NaN) : 0) + metrics[key]! * samples]),
        );
      }
      this.stretch.loss += loss * samples;
      this.stretch.correct += correct;
      this.stretch.samples += samples;
    }
    this.read = end;
  }

  /** Return the means since the last step record, add loss and accuracy to the epoch, and reset the sums. */
  closeRecord(end: number): StepMeans {
    const { loss, correct, samples, metrics } = this.stretch;
    const means: StepMeans = { loss: loss / samples, accuracy: correct / samples };
    if (metrics) means.metrics = Object.fromEntries(Object.entries(metrics).map(([key, sum]) => [key, sum / samples]));
    this.stretch = { loss: 0, correct: 0, samples: 0 };
    this.logged = end;
    if (samples === 0) return means; // all steps were skipped
    this.lastLoss = means.loss;
    this.epoch.loss += means.loss;
    this.epoch.accuracy += means.accuracy;
    this.epoch.records++;
    return means;
  }

  /** Means over the records of the epoch. */
  get epochMeans(): { readonly loss: number; readonly accuracy: number } {
    const { loss, accuracy, records } = this.epoch;
    return { loss: loss / Math.max(records, 1), accuracy: accuracy / Math.max(records, 1) };
  }

  /** Start the next epoch. */
  closeEpoch(changes: number): void {
    Object.assign(this.epoch, { loss: 0, accuracy: 0, records: 0 });
    this.changes = changes;
  }

  /** Return a copy for a checkpoint. */
  state(): CounterState {
    const { logged, thresholdBefore, changes, lastLoss, stretch, epoch } = this;
    return { logged, stretch: { ...stretch }, thresholdBefore, epoch: { ...epoch }, changes, lastLoss };
  }
}
