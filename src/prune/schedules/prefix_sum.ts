// Threshold schedules that follow a learning rate of any shape: f(n) is the share of the (weighted) learning rate
// spent before step n. One sum over the window, in float64, when the schedule is made.

/** f(n) for n = 0..N, and the increments f(n+1) - f(n), which are exact shares and not differences of rounded sums. */
export interface PrefixSum {
  readonly fraction: Float64Array;
  readonly increment: (n: number) => number;
  /** Sum of the weights over the window. */
  readonly total: number;
}

/**
 * Running sum of `weight(0..steps-1)`, scaled to end at 1.
 *
 * Compensated (Neumaier 1974: what one addition rounds off is carried along), so that half a million steps
 * lose no digits; never falls, ends at exactly 1.
 *
 * Units    weight >= 0, any unit.
 * Errors   RangeError when a weight is negative or not finite, or all are 0.
 */
export function prefixSum(steps: number, weight: (n: number) => number): PrefixSum {
  const fraction = new Float64Array(steps + 1);
  let sum = 0;
  let lost = 0;
  for (let n = 0; n < steps; n++) {
    const w = weight(n);
    if (!Number.isFinite(w) || w < 0) {
      throw new RangeError(`threshold schedule: learning rate of step ${n} wants a finite number >= 0, got ${w}`);
    }
    const next = sum + w;
    lost += sum >= w ? sum - next + w : w - next + sum;
    sum = next;
    fraction[n + 1] = Math.max(fraction[n] as number, sum + lost);
  }
  const total = fraction[steps] as number;
  if (!(total > 0)) {
    throw new RangeError(`threshold schedule: the learning rates of the window want a sum > 0, got ${total}`);
  }
  for (let n = 1; n <= steps; n++) fraction[n] = (fraction[n] as number) / total;
  fraction[steps] = 1;
  return { fraction, total, increment: (n) => weight(n) / total };
}
