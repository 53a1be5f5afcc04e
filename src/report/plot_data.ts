// Turns rows of metrics into curves: picks the numbers, smooths them, and thins them to the resolution of a figure.
import { isRecord } from "../text/index.ts";

/** A point of a curve; x is in optimiser steps. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A row of a metrics log. Values that are not finite numbers count as missing. */
export interface PlotRow {
  /** "epoch" for a row at the end of an epoch; all other rows are points of the training curve. */
  readonly kind?: unknown;
  /** Optimiser steps done. */
  readonly step?: unknown;
  readonly loss?: unknown;
  /** Training accuracy, 0 to 1. */
  readonly accuracy?: unknown;
  readonly testLoss?: unknown;
  /** Test accuracy, 0 to 1. */
  readonly testAccuracy?: unknown;
  /** Share of zeros, 0 to 1. */
  readonly sparsity?: unknown;
  readonly threshold?: unknown;
  /** Implied L1 coefficient. */
  readonly lambda?: unknown;
  /** Metrics by name. */
  readonly metrics?: unknown;
}

/** Pick the points of a metric. */
export const pickMetric = (rows: readonly PlotRow[], metric: string): Point[] =>
  pick(
    rows.map(({ step, metrics }) => ({ step, loss: isRecord(metrics) ? metrics[metric] : undefined })),
    "loss",
  );

/** Pick the points of one quantity, by rising step. If a step occurs twice (a resumed run), the later row counts. */
export function pick(rows: readonly PlotRow[], key: Exclude<keyof PlotRow, "kind" | "step" | "metrics">): Point[] {
  const points = new Map<number, number>();
  for (const row of rows) {
    const y = row[key];
    if (typeof row.step === "number" && Number.isFinite(row.step) && typeof y === "number" && Number.isFinite(y)) {
      points.set(row.step, y);
    }
  }
  return [...points].map(([x, y]) => ({ x, y })).sort((a, b) => a.x - b.x);
}

/**
 * Compute a centred running mean over up to `width` points (odd), which has no lag, unlike an exponential mean. The window
 * grows from the start, where training is fastest; at the end its later half is cut, so that the last value is a mean too.
 */
export function smooth(points: readonly Point[], width: number): Point[] {
  const sums = new Float64Array(points.length + 1);
  for (const [i, { y }] of points.entries()) sums[i + 1] = sums[i]! + y;
  return points.map(({ x }, i) => {
    const reach = Math.min((width - 1) / 2, Math.ceil(i / 4));
    const from = Math.max(0, i - reach);
    const to = Math.min(points.length, i + reach + 1);
    return { x, y: (sums[to]! - sums[from]!) / (to - from) };
  });
}

/** Choose the width for smooth(): about a thirtieth of the curve, odd; 1 for short curves, which stay as they are. */
export function smoothingWidth(count: number): number {
  return count < 30 ? 1 : 2 * Math.round(count / 60) + 1;
}

/** Thin a curve to about `most` points: the lowest and highest of each section, so that spikes stay, and both ends. */
export function thin(points: readonly Point[], most: number): readonly Point[] {
  if (points.length <= most) return points;
  const section = Math.ceil((2 * points.length) / most);
  const kept = new Set<number>([0, points.length - 1]);
  for (let from = 0; from < points.length; from += section) {
    let low = from;
    let high = from;
    for (let i = from; i < Math.min(from + section, points.length); i++) {
      if (points[i]!.y < points[low]!.y) low = i;
      if (points[i]!.y > points[high]!.y) high = i;
    }
    kept.add(low).add(high);
  }
  return [...kept].sort((a, b) => a - b).map((i) => points[i]!);
}

/** Return the value below which a share q of the points is. */
export function quantile(points: readonly Point[], q: number): number {
  const sorted = points.map((p) => p.y).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}
