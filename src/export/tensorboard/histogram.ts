// Values counted by size, in buckets that grow from next to nothing by a tenth at a time: as TensorBoard's own writers do.

/** A histogram as an event file holds it. */
export interface Histogram {
  readonly min: number;
  readonly max: number;
  /** How many values. */
  readonly count: number;
  readonly sum: number;
  readonly sumOfSquares: number;
  /** Upper ends, ascending: bucket i holds limits[i - 1] <= value < limits[i]. At least one. */
  readonly limits: readonly number[];
  readonly counts: readonly number[];
}

const SMALLEST = 1e-12;
const LARGEST = 1e20;
const GROWTH = 1.1;

const positive: readonly number[] = (() => {
  const limits: number[] = [];
  for (let limit = SMALLEST; limit < LARGEST; limit *= GROWTH) limits.push(limit);
  return [...limits, Number.MAX_VALUE];
})();
/** -huge ... -1e-12, 0, 1e-12 ... huge. Zero is the lower end of a bucket of its own width: pruned weights stay visible. */
const limits: readonly number[] = [...positive.map((v) => -v).reverse(), 0, ...positive];

/** Place of the first limit above the value. */
function bucketOf(value: number): number {
  let [low, high] = [0, limits.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((limits[middle] as number) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * The histogram of a list of numbers. NaN and infinite ones are left out: a bucket cannot hold them. Runs of empty buckets
 * become one, so that a layer takes some hundred bytes.
 */
export function histogram(values: ArrayLike<number>): Histogram {
  const filled = new Map<number, number>();
  let [min, max, sum, sumOfSquares, count] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0, 0];
  let zeros = 0;
  for (let i = 0; i < values.length; i++) {
    const value = values[i] as number;
    if (!Number.isFinite(value)) continue;
    count++;
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    sumOfSquares += value * value;
    if (value === 0) zeros++;
    else {
      const at = bucketOf(value);
      filled.set(at, (filled.get(at) ?? 0) + 1);
    }
  }
  if (count === 0) return { min: 0, max: 0, count, sum, sumOfSquares, limits: [Number.MAX_VALUE], counts: [0] };
  if (zeros > 0) filled.set(bucketOf(0), (filled.get(bucketOf(0)) ?? 0) + zeros);
  const ends: number[] = [];
  const counts: number[] = [];
  let last = -1;
  for (const at of [...filled.keys()].sort((a, b) => a - b)) {
    // What lies between two filled buckets is one empty bucket.
    if (at > last + 1 && at > 0) {
      ends.push(limits[at - 1] as number);
      counts.push(0);
    }
    ends.push(limits[at] as number);
    counts.push(filled.get(at) as number);
    last = at;
  }
  return { min, max, count, sum, sumOfSquares, limits: ends, counts };
}
