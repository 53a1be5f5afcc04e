// Cross entropy with label smoothing, in float64: one loss per row.
import { softmaxReference } from "./axes.ts";

export function crossEntropyReference(
  logits: ArrayLike<number>,
  target: ArrayLike<number>,
  classes: number,
  smoothing: number,
): number[] {
  const logs = softmaxReference(logits, [target.length, classes], 1, true);
  return Array.from(target, (label, row) => {
    const own = logs.slice(row * classes, (row + 1) * classes);
    const mean = own.reduce((a, b) => a + b, 0) / classes;
    return -(1 - smoothing) * own[label]! - smoothing * mean;
  });
}
