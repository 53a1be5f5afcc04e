// Histograms with the buckets of TensorBoard's writers: limits from 1e-12, each 10 % larger than the one before.

/** Histogram in the form of an event file. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  /** Number of values. */
  readonly count: number;
  readonly sum: number;
  readonly sumOfSquares: number;
  /** Upper limits, ascending: bucket i holds limits[i - 1] <= value < limits[i]. At least one. */
  readonly limits: readonly number[];
  readonly counts: readonly number[];
}

const SMALLEST = 1e-12;
const LARGEST = 1e20;
const GROWTH = 1.1;
const LOG_SMALLEST = Math.log(SMALLEST);

const positive: readonly number[] = (() => {
  const limits: number[] = [];
  for (let limit = SMALLEST; limit < LARGEST; limit *= GROWTH) limits.push(limit);
  return [...limits, Number.MAX_VALUE];
})();
/** -huge ... -1e-12, 0, 1e-12 ... huge. Zero is the lower limit of a separate bucket, so that pruned weights are visible. */
const limits: readonly number[] = [...positive.map((v) => -v).reverse(), 0, ...positive];

const ZERO = positive.length;
const PER_LOG = 1 / Math.log(GROWTH);

/** Find the index of the first limit above a value other than 0: estimated by its logarithm, then corrected by the limits. */
function bucketOf(value: number): number {
  const size = Math.abs(value);
  const guess = Math.ceil((Math.log(size) - LOG_SMALLEST) * PER_LOG);
  const about = Math.min(Math.max(guess, 0), positive.length - 1);
  let at = value > 0 ? ZERO + 1 + about : ZERO - 1 - about;
  while (at > 0 && limits[at - 1]! > value) at--;
  while (at < limits.length - 1 && limits[at]! <= value) at++;
  return at;
}

/**
 * Compute the histogram of a list of numbers, without NaN and infinite values. Runs of empty buckets are merged, so that a layer
 * takes a few hundred bytes.
 */
export function histogram(values: ArrayLike<number>): Histogram {
  const filled = new Float64Array(limits.length);
  let [min, max, sum, sumOfSquares, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  let zeros = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    if (!Number.isFinite(value)) continue;
    count++;
    if (value < min) min = value;
    if (value > max) max = value;
    if (value === 0) {
      zeros++;
      continue;
    }
    sum += value;
    sumOfSquares += value * value;
    filled[bucketOf(value)]!++;
  }
  if (count === 0) return { min: 0, max: 0, count, sum, sumOfSquares, limits: [Number.MAX_VALUE], counts: [0] };
  filled[ZERO + 1]! += zeros;
  const ends: number[] = [];
  const counts: number[] = [];
  let last = -1;
  for (const [at, n] of filled.entries()) {
    if (n === 0) continue;
    // One empty bucket between two filled ones.
    if (at > last + 1 && at > 0) {
      ends.push(limits[at - 1]!);
      counts.push(0);
    }
    ends.push(limits[at]!);
    counts.push(n);
    last = at;
  }
  // -0 + 0 is 0: avoids a negative zero.
  return { min: min + 0, max: max + 0, count, sum, sumOfSquares, limits: ends, counts };
}
