// Statistics of a few paired runs: Student's t for whole degrees of freedom, confidence intervals, the paired test, and Holm's
// correction. The closed forms are exact, so that no table and no package is needed.
import { ArgumentError } from "../../src/text/index.ts";

/**
 * Compute P(|T| > |t|) for Student's t of `df` degrees of freedom, an integer >= 1.
 *
 * Source: Abramowitz and Stegun 1964, 26.7.3 (odd) and 26.7.4 (even). With θ = atan(t / √df):
 *     odd    P(|T| <= t) = 2/π (θ + sin θ (cos θ + 2/3 cos³θ + 2·4/(3·5) cos⁵θ + ... up to cos^(df-2)))
 *     even   P(|T| <= t) = sin θ (1 + 1/2 cos²θ + 1·3/(2·4) cos⁴θ + ... up to cos^(df-2))
 */
export function twoSided(t: number, df: number): number {
  if (!(Number.isInteger(df) && df >= 1))
    throw new ArgumentError(`Student's t: df: expected an integer >= 1, got ${df}`);
  const theta = Math.atan(Math.abs(t) / Math.sqrt(df));
  const [sin, cos] = [Math.sin(theta), Math.cos(theta)];
  const odd = df % 2 === 1;
  let sum = 0;
  let term = odd ? cos : 1;
  for (let power = odd ? 1 : 0; power <= df - 2; power += 2) {
    sum += term;
    term *= (cos * cos * (power + 1)) / (power + 2);
  }
  const inside = odd ? (2 / Math.PI) * (theta + sin * sum) : sin * sum;
  return Math.min(1, Math.max(0, 1 - inside));
}

/** Compute q with P(|T| <= q) = `inside`, by bisection: 2.776 for 0.95 and df = 4. */
export function quantile(inside: number, df: number): number {
  if (!(inside > 0 && inside < 1))
    throw new ArgumentError(`Student's t: share inside: expected a number in (0, 1), got ${inside}`);
  let low = 0;
  let high = 1;
  while (1 - twoSided(high, df) < inside) high *= 2;
  for (let i = 0; i < 200 && high - low > 1e-12 * high; i++) {
    const mid = (low + high) / 2;
    if (1 - twoSided(mid, df) < inside) low = mid;
    else high = mid;
  }
  return (low + high) / 2;
}

/** Level of the tests: a probability below it is called significant. */
export const ALPHA = 0.05;

/** Mean of some values, with its confidence interval. */
export interface Interval {
  readonly mean: number;
  /** Half the width of the 95 % confidence interval of the mean, by Student's t; null for one value. */
  readonly half: number | null;
  readonly n: number;
}

/** Compute mean and 95 % confidence interval. Throws ArgumentError for no values. */
export function intervalOf(values: readonly number[]): Interval {
  const n = values.length;
  if (n === 0) throw new ArgumentError("interval: expected at least one value, got none");
  const mean = values.reduce((a, b) => a + b, 0) / n;
  if (n === 1) return { mean, half: null, n };
  const variance = values.reduce((sum, v) => sum + (v - mean) ** 2, 0) / (n - 1);
  return { mean, half: quantile(0.95, n - 1) * Math.sqrt(variance / n), n };
}

/** Result of a paired test. */
export interface PairedTest extends Interval {
  /** Probability of a mean difference at least this far from 0 if the true one is 0; null for fewer than two pairs. */
  readonly p: number | null;
}

/** Test paired differences against 0 by Student's t, two-sided. Returns null without pairs. */
export function pairedTest(differences: readonly number[]): PairedTest | null {
  if (differences.length === 0) return null;
  const interval = intervalOf(differences);
  const { mean, half, n } = interval;
  if (half === null) return { ...interval, p: null };
  if (half === 0) return { ...interval, p: mean === 0 ? 1 : 0 };
  return { ...interval, p: twoSided((mean / half) * quantile(0.95, n - 1), n - 1) };
}

/**
 * Adjust the p values of a family of tests, so that the chance of any false rejection stays below the level of a test.
 *
 * Source: Holm 1979. In ascending order, p(i) becomes the largest of p(j) (m - j + 1) for j <= i, at most 1.
 */
export function holm(ps: readonly number[]): number[] {
  const order = [...ps.keys()].sort((a, b) => ps[a]! - ps[b]!);
  const adjusted = new Array<number>(ps.length);
  let most = 0;
  for (const [rank, i] of order.entries()) {
    most = Math.max(most, Math.min(1, ps[i]! * (ps.length - rank)));
    adjusted[i] = most;
  }
  return adjusted;
}
