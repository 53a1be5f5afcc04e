// The points of one lane: all of them for files, and thinned ones that keep the plots fast in long runs.
import type { Point } from "../shared/protocol.ts";

export const SERIES = ["loss", "trainAccuracy", "testAccuracy", "sparsity", "threshold", "lambda"] as const;
export type Series = (typeof SERIES)[number];

/** Columns of equal length: steps and, for each series, values or null. */
export interface Columns {
  readonly steps: number[];
  readonly values: Readonly<Record<Series, (number | null)[]>>;
}

/** A test of a network during training. */
export interface Test {
  readonly sparsity: number;
  readonly accuracy: number;
  /** Number of test images; unknown for the whole test set. */
  readonly images?: number;
}

const empty = (): Columns => ({
  steps: [],
  values: { loss: [], trainAccuracy: [], testAccuracy: [], sparsity: [], threshold: [], lambda: [] },
});

/** Compute the mean of the finite values; null if there are none. */
function mean(values: readonly (number | null)[]): number | null {
  const known = values.filter((value): value is number => value !== null && Number.isFinite(value));
  return known.length === 0 ? null : known.reduce((a, b) => a + b, 0) / known.length;
}

export class History {
  /** All points, ordered by step. */
  readonly points: Point[] = [];
  private readonly measured: Test[] = [];
  private columns = empty();
  /** Number of points per thinned point. */
  private stride = 1;
  private waiting: Point[] = [];
  private readonly limit: number;

  /** `limit`: greatest number of thinned points. */
  constructor(limit = 1200) {
    // An even number can be halved.
    this.limit = Math.max(2, limit - (limit % 2));
  }

  get last(): Point | undefined {
    return this.points.at(-1);
  }

  /** Return the latest value of a series that is not null. */
  latest(series: Series | "imagesPerSecond"): number | null {
    for (let i = this.points.length - 1; i >= Math.max(0, this.points.length - 20000); i--) {
      const value = this.points[i]?.[series];
      if (value !== null && value !== undefined) return value;
    }
    return null;
  }

  /** Return all test accuracies with their sparsities. */
  tests(): readonly Test[] {
    return this.measured;
  }

  add(points: readonly Point[]): void {
    for (const point of points) {
      this.points.push(point);
      const { sparsity, testAccuracy } = point;
      if (testAccuracy !== null) this.measured.push({ sparsity, accuracy: testAccuracy });
      this.thin(point);
    }
  }

  /** Add a test between two steps. */
  addTest(test: Test): void {
    this.measured.push(test);
  }

  /** Remove all points after a step, when a run returns to its last snapshot. */
  rewind(step: number): void {
    const kept = this.points.filter((point) => point.step <= step);
    if (kept.length === this.points.length) return;
    this.points.length = 0;
    this.measured.length = 0;
    this.columns = empty();
    this.stride = 1;
    this.waiting = [];
    this.add(kept);
  }

  /** Return at most `limit` points for plots, the last one included. */
  thinned(): Columns {
    if (this.waiting.length === 0) return this.columns;
    const { steps, values } = this.columns;
    const rest = this.waiting;
    const joined = empty();
    joined.steps.push(...steps, rest.at(-1)!.step);
    for (const series of SERIES)
      joined.values[series].push(...values[series], mean(rest.map((point) => point[series])));
    return joined;
  }

  private thin(point: Point): void {
    this.waiting.push(point);
    if (this.waiting.length < this.stride) return;
    this.columns.steps.push(point.step);
    for (const series of SERIES) this.columns.values[series].push(mean(this.waiting.map((p) => p[series])));
    this.waiting = [];
    if (this.columns.steps.length >= this.limit) this.halve();
  }

  /** Merge pairs of points. */
  private halve(): void {
    const old = this.columns;
    const next = empty();
    for (let i = 1; i < old.steps.length; i += 2) {
      next.steps.push(old.steps[i]!);
      for (const series of SERIES)
        next.values[series].push(mean([old.values[series][i - 1] ?? null, old.values[series][i] ?? null]));
    }
    this.columns = next;
    this.stride *= 2;
  }
}

/** Align the columns of several lanes on one axis of steps: [steps, values of lane 0, values of lane 1 ...]. */
export function alignLanes(
  lanes: readonly Columns[],
  series: readonly Series[],
): [number[], ...(number | null | undefined)[][]] {
  const steps = [...new Set(lanes.flatMap((lane) => lane.steps))].sort((a, b) => a - b);
  const at = new Map(steps.map((step, i) => [step, i]));
  const rows = lanes.flatMap((lane) =>
    series.map((name) => {
      const row: (number | null | undefined)[] = new Array(steps.length).fill(null);
      lane.steps.forEach((step, i) => {
        const value = lane.values[name][i] ?? null;
        // Two points of a step, such as that of a step and that of the test after it, complete each other.
        if (value !== null) row[at.get(step)!] = value;
      });
      return row;
    }),
  );
  return [steps, ...rows];
}
