// Threshold schedules that follow a learning rate of any shape: f(n) is the share of the (weighted) learning rate spent before
// step n. The sum over the window is computed once, in float64; a window of many millions of steps is sampled.
import { ArgumentError } from "../../text/index.ts";

/** f(n) for n = 0..N, and the increments f(n+1) - f(n), which are exact shares, not differences of rounded sums. */
interface PrefixSum {
  readonly fraction: (n: number) => number;
  readonly increment: (n: number) => number;
  /** Sum of the weights over the window. */
  readonly total: number;
}

/** Longest window that is summed step by step: 32 MiB of sums, eight times the longest run of the recipes. */
export const EXACT_STEPS = 2 ** 22;
/** Number of samples of a longer window. */
const SAMPLES = 2 ** 18;

/**
 * Compute the running sum of `weight(0..steps-1)`, scaled to end at 1.
 *
 * The sum is compensated (Neumaier 1974), so half a million steps lose no digits. It never falls and ends at exactly 1. Windows
 * of more than EXACT_STEPS use sampledSum.
 *
 * Units    weight >= 0, any unit.
 * Errors   ArgumentError if a weight is negative or not finite, or all are 0.
 */
export function prefixSum(steps: number, weight: (n: number) => number): PrefixSum {
  if (steps > EXACT_STEPS) return sampledSum(steps, weight, SAMPLES);
  const sums = runningSum(steps, (n) => checked(n, weight(n)));
  const total = sums[steps]!;
  for (let n = 1; n <= steps; n++) sums[n] = sums[n]! / total;
  sums[steps] = 1;
  return { fraction: (n) => sums[n]!, total, increment: (n) => weight(n) / total };
}

/**
 * Approximate the sum for a longer window. Each of `samples` equal intervals takes the value of its middle step, and f is linear
 * within it. A rate without jumps is off by samples^-2, a jump by its height / samples.
 */
export function sampledSum(steps: number, weight: (n: number) => number, samples: number): PrefixSum {
  const length = steps / samples;
  const edge = (k: number) => (k === samples ? steps : Math.floor(k * length));
  const sums = runningSum(samples, (k) => {
    const [from, until] = [edge(k), edge(k + 1)];
    const middle = from + Math.floor((until - 1 - from) / 2);
    return checked(middle, weight(middle)) * (until - from);
  });
  const total = sums[samples]!;
  const fraction = (n: number): number => {
    if (n >= steps) return 1;
    // Rounding may put the quotient on the wrong side of an edge.
    let k = Math.min(samples - 1, Math.floor(n / length));
    while (k > 0 && edge(k) > n) k--;
    while (edge(k + 1) <= n) k++;
    const [from, until] = [edge(k), edge(k + 1)];
    const [below, above] = [sums[k]!, sums[k + 1]!];
    return Math.min(1, (below + ((n - from) / (until - from)) * (above - below)) / total);
  };
  return { fraction, total, increment: (n) => weight(n) / total };
}

function checked(n: number, w: number): number {
  if (Number.isFinite(w) && w >= 0) return w;
  throw new ArgumentError(`threshold schedule: learning rate of step ${n}: expected a finite number >= 0, got ${w}`);
}

/** Return the sums of the first 0, 1, ..., `count` values; the last is above 0. */
function runningSum(count: number, value: (n: number) => number): Float64Array {
  const sums = new Float64Array(count + 1);
  let sum = 0;
  let lost = 0;
  for (let n = 0; n < count; n++) {
    const w = value(n);
    const next = sum + w;
    lost += sum >= w ? sum - next + w : w - next + sum;
    sum = next;
    sums[n + 1] = Math.max(sums[n]!, sum + lost);
  }
  const total = sums[count]!;
  if (!(total > 0))
    throw new ArgumentError(`threshold schedule: learning rates of the window: expected a sum > 0, got ${total}`);
  return sums;
}

/** Return the highest of `weight(0..steps-1)`; of a long window, of its start and samples. */
export function peakOf(steps: number, weight: (n: number) => number): number {
  let peak = Number.NEGATIVE_INFINITY;
  const stride = steps > EXACT_STEPS ? Math.floor(steps / SAMPLES) : 1;
  for (let n = 0; n < steps; n += stride) peak = Math.max(peak, weight(n));
  return peak;
}
