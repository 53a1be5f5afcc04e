// Increments f((n + 1)/N) - f(n/N) of the closed forms. Where f is flat, a difference of two numbers near 1 loses its digits (all of
// them in a long run: S-LATS rises by 1e-17 in the last of half a million steps), and with them lambda = D · increment / lr.
// These forms only add positive terms. With h = 1/(2N) and the middle m = (n + 1/2)/N of the step:
import { checkBeta, pgh } from "./closed_forms.ts";

/** Increment of step n of N, 0 <= n < N. */
export type Increment = (n: number, steps: number) => number;

/** 1/N. */
export const linearIncrement: Increment = (_, steps) => 1 / steps;

/** sin(πm) sin(πh). */
export const sineIncrement: Increment = (n, steps) =>
  Math.sin(Math.PI * nearer(n, steps)) * Math.sin(Math.PI / (2 * steps));

/** With a = 1 - n/N and b = 1 - (n+1)/N: a³ - b³ = (a² + ab + b²)/N. */
export const cubicIncrement: Increment = (n, steps) => {
  const a = (steps - n) / steps;
  const b = (steps - n - 1) / steps;
  return (a * a + a * b + b * b) / steps;
};

/** [(1 + cos πm) s + 1 - s]/N with s = sin(πh)/(πh), the mean of 1 + cos πx over the step. */
export const slatsIncrement: Increment = (n, steps) => {
  const angle = Math.PI / (2 * steps);
  return (slope(n, steps) * sinc(angle) + oneMinusSinc(angle)) / steps;
};

/**
 * The mean of beta^x (1 + cos πx) over the step, by Gauss's rule of eight points, over its mean over the window. The rule is exact
 * to rounding for N >= 64 and a change of pressure per step below e^(1/2); for others the difference keeps its digits.
 */
export function pghIncrement(n: number, steps: number, beta: number): number {
  checkBeta(beta);
  if (Math.abs(beta - 1) < 1e-6) return slatsIncrement(n, steps);
  const rate = Math.log(beta);
  if (steps < 64 || Math.abs(rate) > steps / 2) return pgh((n + 1) / steps, beta) - pgh(n / steps, beta);
  let sum = 0;
  for (const [at, weight] of GAUSS) {
    for (const side of [-1, 1]) {
      const k = n + (side * at) / 2;
      sum += weight * slope(k, steps) * Math.exp((rate * (k + 0.5)) / steps);
    }
  }
  return sum / (2 * steps * meanSlope(rate));
}

/** Middle m of step n, or its distance from 1 if that is less: both have the same sine, and this one keeps its digits. */
const nearer = (n: number, steps: number): number => Math.min(n + 0.5, steps - n - 0.5) / steps;

/** 1 + cos πm = 2 cos²(πm/2). */
function slope(n: number, steps: number): number {
  return n + 0.5 > steps / 2
    ? 2 * Math.sin((Math.PI / 2) * ((steps - n - 0.5) / steps)) ** 2
    : 2 * Math.cos((Math.PI / 2) * ((n + 0.5) / steps)) ** 2;
}

const sinc = (x: number): number => Math.sin(x) / x;

/** 1 - sin(x)/x; a series where the difference would lose digits. */
function oneMinusSinc(x: number): number {
  if (x > 0.5) return 1 - sinc(x);
  let [sum, term] = [0, 1];
  for (let k = 1; k < 10; k++) {
    term *= -(x * x) / (2 * k * (2 * k + 1));
    sum -= term;
  }
  return sum;
}

/** Integral of e^(rate x) (1 + cos πx) from 0 to 1: g/r + r (-g - 2)/(r² + π²) with g = e^r - 1. */
function meanSlope(rate: number): number {
  const growth = Math.expm1(rate);
  return growth / rate - (rate * (growth + 2)) / (rate * rate + Math.PI * Math.PI);
}

/** Nodes and weights of Gauss's rule of eight points on [-1, 1], one of each pair. */
const GAUSS = [
  [0.1834346424956498, 0.362683783378362],
  [0.525532409916329, 0.3137066458778873],
  [0.7966664774136267, 0.2223810344533745],
  [0.9602898564975363, 0.1012285362903763],
] as const;
