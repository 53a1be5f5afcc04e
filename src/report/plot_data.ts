// From rows of metrics to curves: picks the numbers out, smooths them, and thins them to what a figure can show.

/** A point of a curve: x in optimiser steps. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

/** A row of metrics as it stands in a log. Anything that is not a finite number counts as missing. */
export interface PlotRow {
  /** "epoch" marks the rows made at the end of an epoch; all others are points of the training curve. */
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
}

/** The points of one quantity, by rising step; where a step occurs twice (a resumed run) the later row counts. */
export function pick(rows: readonly PlotRow[], key: Exclude<keyof PlotRow, "kind" | "step">): Point[] {
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
 * Centred running mean over up to `width` points (odd): no lag, unlike an exponential mean. At the start the window
 * grows with the distance from it, since training is fastest there; at the end its later half runs out, so that the
 * last value is a mean too.
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

/** Width for smooth(): about a thirtieth of the curve, odd; 1 (nothing) for short curves. */
export function smoothingWidth(count: number): number {
  return count < 30 ? 1 : 2 * Math.round(count / 60) + 1;
}

/** At most about `most` points: the lowest and highest of each stretch, so that spikes stay. First and last stay too. */
export function thin(points: readonly Point[], most: number): readonly Point[] {
  if (points.length <= most) return points;
  const stretch = Math.ceil((2 * points.length) / most);
  const kept = new Set<number>([0, points.length - 1]);
  for (let from = 0; from < points.length; from += stretch) {
    let low = from;
    let high = from;
    for (let i = from; i < Math.min(from + stretch, points.length); i++) {
      if (points[i]!.y < points[low]!.y) low = i;
      if (points[i]!.y > points[high]!.y) high = i;
    }
    kept.add(low).add(high);
  }
  return [...kept].sort((a, b) => a - b).map((i) => points[i]!);
}

/** The value below which the share q of the points lies. */
export function quantile(points: readonly Point[], q: number): number {
  const sorted = points.map((p) => p.y).sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(q * sorted.length))] ?? Number.NaN;
}
