// A histogram of non-zero weights over magnitudes, on a logarithmic axis.
import { checksOf } from "../text/index.ts";

const check = checksOf("weight histogram");

/** Counts of the weights of a layer by value. */
export interface WeightHistogram {
  /** Rising edges of the bins, one more than there are bins; in units of the weights. */
  readonly edges: readonly number[];
  /** Weights in each bin; the first also counts all smaller ones, the last all larger ones. */
  readonly counts: readonly number[];
  /** Weights that are exactly 0, in no bin. */
  readonly zeros: number;
}

/**
 * Count the non-zero weights by magnitude, in bins of equal width on a logarithmic axis: magnitudes span decades, and equal bins
 * would put most of them into one.
 *
 * Arguments  `values` of any number of tensors; `range` = lowest and highest edge, both > 0.
 * Errors     ArgumentError if `bins` is not an integer >= 1, the range is empty, or a weight is NaN.
 */
export function weightHistogram(
  values: Iterable<ArrayLike<number>>,
  bins: number,
  [low, high]: readonly [number, number],
): WeightHistogram {
  check("bins", "an integer >= 1", bins, Number.isInteger(bins) && bins >= 1);
  check("range", "0 < lowest < highest edge", `${low} to ${high}`, low > 0 && high > low && Number.isFinite(high));
  const from = Math.log(low);
  const width = (Math.log(high) - from) / bins;
  const counts = new Array<number>(bins).fill(0);
  let zeros = 0;
  for (const array of values) {
    for (let i = 0; i < array.length; i++) {
      const size = Math.abs(array[i]!);
      check(`weight ${i}`, "a number", size, !Number.isNaN(size));
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
