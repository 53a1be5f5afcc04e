// What a run has counted since its last records. Kept in checkpoints, so that the records of a resumed run are those of a
// run that never stopped.
import { ArgumentError } from "../text/index.ts";
import type { StepMetrics } from "./meter.ts";

/** Sums over the steps since the last step record. */
interface Stretch {
  loss: number;
  correct: number;
  samples: number;
}

/** Sums over the step records of the epoch in progress. */
interface RunningEpoch {
  loss: number;
  accuracy: number;
  records: number;
}

/** The counters as a checkpoint holds them. */
export interface CounterState {
  /** Steps done at the last step record; the sums of `stretch` are of the steps since. */
  readonly logged: number;
  readonly stretch: Readonly<Stretch>;
  /** Threshold at the last step record. */
  readonly thresholdBefore: number;
  readonly epoch: Readonly<RunningEpoch>;
  /** The optimiser's count of mask changes when the epoch began. */
  readonly changes: number;
  /** Mean loss of the last step record; null before the first. */
  readonly lastLoss: number | null;
}

const isNumber = (n: unknown): n is number => typeof n === "number" && Number.isFinite(n);
const isCount = (n: unknown): n is number => Number.isSafeInteger(n) && (n as number) >= 0;

/** Each number of the state: where it stands, and what it has to be. */
const RULES: readonly (readonly [path: readonly string[], holds: (n: unknown) => boolean, wanted: string])[] = [
  [["logged"], isCount, "a whole number >= 0"],
  [["stretch", "loss"], isNumber, "a number"],
  [["stretch", "correct"], isCount, "a whole number >= 0"],
  [["stretch", "samples"], isCount, "a whole number >= 0"],
  [["thresholdBefore"], isNumber, "a number"],
  [["epoch", "loss"], isNumber, "a number"],
  [["epoch", "accuracy"], isNumber, "a number"],
  [["epoch", "records"], isCount, "a whole number >= 0"],
  [["changes"], isNumber, "a number"],
  [["lastLoss"], (n) => n === null || isNumber(n), "a number or null"],
];

const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>(
    (part, key) => (typeof part === "object" && part !== null ? (part as Record<string, unknown>)[key] : undefined),
    value,
  );

/** Counters out of a file. Errors: ArgumentError naming the number that is missing or cannot be. */
export function checkedCounters(value: unknown): CounterState {
  for (const [path, holds, wanted] of RULES) {
    const given = at(value, path);
    if (!holds(given)) {
      throw new ArgumentError(
        `counters: ${path.join(".")}: expected ${wanted}, got ${JSON.stringify(given) ?? "nothing"}`,
      );
    }
  }
  return value as CounterState;
}

export class FitCounters {
  logged: number;
  thresholdBefore: number;
  changes: number;
  lastLoss: number | null;
  private stretch: Stretch;
  private readonly epoch: RunningEpoch;
  /** Steps whose metrics are in the sums. */
  private read: number;

  /** Counters at the given number of steps: those of a checkpoint, or ones that begin here. */
  constructor(step: number, state: CounterState | null, begin: Pick<CounterState, "thresholdBefore" | "changes">) {
    this.logged = state?.logged ?? step;
    this.thresholdBefore = state?.thresholdBefore ?? begin.thresholdBefore;
    this.changes = state?.changes ?? begin.changes;
    this.lastLoss = state?.lastLoss ?? null;
    this.stretch = { loss: 0, correct: 0, samples: 0, ...state?.stretch };
    this.epoch = { loss: 0, accuracy: 0, records: 0, ...state?.epoch };
    this.read = step;
  }

  /** The first step that the sums do not know yet. */
  get unread(): number {
    return this.read;
  }

  /** Adds steps in order: the sums are the same bits wherever they were interrupted. */
  add(steps: readonly StepMetrics[], end: number): void {
    for (const { loss, correct, samples } of steps) {
      this.stretch.loss += loss * samples;
      this.stretch.correct += correct;
      this.stretch.samples += samples;
    }
    this.read = end;
  }

  /** Ends the stretch at a step record: its means, which the epoch takes in. */
  closeStretch(end: number): { readonly loss: number; readonly accuracy: number } {
    const { loss, correct, samples } = this.stretch;
    const means = { loss: loss / samples, accuracy: correct / samples };
    this.stretch = { loss: 0, correct: 0, samples: 0 };
    this.logged = end;
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

  /** Begins the next epoch. */
  closeEpoch(changes: number): void {
    Object.assign(this.epoch, { loss: 0, accuracy: 0, records: 0 });
    this.changes = changes;
  }

  /** A copy for a checkpoint. */
  state(): CounterState {
    const { logged, thresholdBefore, changes, lastLoss, stretch, epoch } = this;
    return { logged, stretch: { ...stretch }, thresholdBefore, epoch: { ...epoch }, changes, lastLoss };
  }
}
