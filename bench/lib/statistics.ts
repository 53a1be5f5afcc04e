// Medians and spreads of a few measurements.
import { quantile } from "../../src/train/quantile.ts";

export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** Compute half the distance between the quartiles as a share of the median: 0.03 means ± 3 %. 0 for one value. */
export function spread(values: readonly number[]): number {
  const middle = median(values);
  return middle > 0 ? (quantile(values, 0.75) - quantile(values, 0.25)) / 2 / middle : 0;
}

/** Compute the geometric mean. NaN for no values or if one is not above 0. */
export function geometricMean(values: readonly number[]): number {
  if (values.length === 0 || values.some((v) => !(v > 0))) return Number.NaN;
  return Math.exp(values.reduce((sum, v) => sum + Math.log(v), 0) / values.length);
}

/** Compute the speedup of `value` over `base` round by round (rounds of a case are interleaved), and return the median. */
export function pairedRatio(base: readonly number[], value: readonly number[]): number {
  const pairs = Math.min(base.length, value.length);
  return median(Array.from({ length: pairs }, (_, i) => base[i]! / value[i]!));
}
