// How large the weights are that survived: a histogram over magnitudes, on a logarithmic axis.
import { ArgumentError } from "../text/index.ts";

export interface WeightHistogram {
  /** Edges of the bins, one more than bins, rising; magnitudes in the units of the weights. */
  readonly edges: readonly number[];
  /** Weights in each bin; the first takes all smaller ones too, the last all larger ones. */
  readonly counts: readonly number[];
  /** Weights that are exactly 0, in no bin. */
  readonly zeros: number;
}

/**
 * Counts the non-zero weights by magnitude, in bins of equal width on a logarithmic axis. Signs are left out: pruning
 * treats both alike. Magnitudes span decades, from layer to layer and down to the threshold; equal bins would put most
 * of them into one.
 *
 * Arguments  `values` of any number of tensors; `range` = lowest and highest edge, both > 0.
 * Errors     ArgumentError when `bins` is not a whole number >= 1, the range is empty, or a weight is not a number.
 */
export function weightHistogram(
  values: Iterable<ArrayLike<number>>,
  bins: number,
  [low, high]: readonly [number, number],
): WeightHistogram {
  if (!Number.isInteger(bins) || bins < 1) {
    throw new ArgumentError(`weight histogram: wants a whole number >= 1 of bins, was given ${bins}`);
  }
  if (!(low > 0 && high > low && Number.isFinite(high))) {
    throw new ArgumentError(`weight histogram: wants a range from > 0 upwards, was given ${low} to ${high}`);
  }
  const from = Math.log(low);
  const width = (Math.log(high) - from) / bins;
  const counts = new Array<number>(bins).fill(0);
  let zeros = 0;
  for (const array of values) {
    for (let i = 0; i < array.length; i++) {
      const size = Math.abs(array[i]!);
      if (Number.isNaN(size)) throw new ArgumentError(`weight histogram: weight ${i} is not a number`);
      if (size === 0) {
        zeros++;
        continue;
      }
      const bin = Math.min(bins - 1, Math.max(0, Math.floor((Math.log(size) - from) / width)));
      counts[bin] = counts[bin]! + 1;
    }
  }
  return { edges: Array.from({ length: bins + 1 }, (_, i) => Math.exp(from + i * width)), counts, zeros };
}
