// The Pareto front of pruned models: those that no other model beats.
import { ArgumentError } from "../text/index.ts";

/** A model as two numbers, each better when larger. */
export interface SparsityPoint {
  /** Share of weights that are zero, 0 to 1. */
  readonly sparsity: number;
  /** Share of samples classified correctly, 0 to 1. */
  readonly accuracy: number;
}

/**
 * Return the indices of the points on the Pareto front, by rising sparsity. Accuracy falls strictly along them.
 *
 * A point is beaten by one that is at least as sparse and at least as accurate, and better in one of the two. Of equal
 * points the first stays.
 *
 * Errors   ArgumentError naming a point whose numbers are not finite.
 * Cost     one sort, n log n.
 */
export function paretoFront(points: readonly SparsityPoint[]): number[] {
  for (const [i, { sparsity, accuracy }] of points.entries()) {
    if (!Number.isFinite(sparsity) || !Number.isFinite(accuracy))
      throw new ArgumentError(`paretoFront: point ${i}: expected finite numbers, got ${sparsity} and ${accuracy}`);
  }
  const at = (i: number) => points[i]!;
  // Sparsest first, then most accurate, then earliest: a point that beats another one is before it.
  const order = points
    .map((_, i) => i)
    .sort((a, b) => at(b).sparsity - at(a).sparsity || at(b).accuracy - at(a).accuracy || a - b);
  let best = Number.NEGATIVE_INFINITY;
  const front: number[] = [];
  for (const i of order) {
    if (at(i).accuracy <= best) continue;
    best = at(i).accuracy;
    front.push(i);
  }
  return front.reverse();
}
