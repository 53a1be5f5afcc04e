// Threshold schedules that are formulas of progress x = n/N, where n of N pruning steps are done.
// Each returns f in [0, 1], f(0) = 0 and f(1) = 1; the threshold in force is d = D · f. The slope of f divided by the
// learning rate is the pressure on a weight towards zero (see implied_lambda.ts).
//
// Where f is flat, 1 - f is tiny and a sum near 1 would jitter in its last bit. So the second half of each curve is 1 minus a
// function of y = 1 - x, which keeps f monotone in float64.
import { checksOf } from "../../text/index.ts";

/** linear: f = x. The threshold rises evenly; with a falling learning rate the pressure grows without bound. */
export const linear = (x: number): number => x;

/**
 * sine: f = sin²(πx/2) = (1 - cos πx)/2. Flat at both ends, steep in the middle.
 * Under a constant learning rate the pressure is proportional to sin πx.
 * Source: Chen et al. 2022 (STDS, spiking networks).
 */
export function sine(x: number): number {
  if (x > 0.5) return 1 - Math.sin((Math.PI / 2) * (1 - x)) ** 2;
  return Math.sin((Math.PI / 2) * x) ** 2;
}

/**
 * cubic: f = 1 - (1 - x)³. Steep at first, then flat.
 * Source: the sparsity curve of Zhu & Gupta 2017 (gradual magnitude pruning), here applied to the threshold.
 */
export const cubic = (x: number): number => 1 - (1 - x) ** 3;

/**
 * S-LATS: f = x + sin(πx)/π, slope 1 + cos πx. Steep at first, flat at the end.
 * Its slope is the shape of a cosine learning rate that moves every step, so the pressure is constant.
 * Source: Chen et al. 2023 (A Unified Framework for Soft Threshold Pruning).
 */
export function slats(x: number): number {
  if (x > 0.5) {
    const y = 1 - x;
    return 1 - (y - Math.sin(Math.PI * y) / Math.PI);
  }
  return x + Math.sin(Math.PI * x) / Math.PI;
}

/** Distance from 1 below which beta counts as 1, where PGH is S-LATS. */
const BETA_ONE = 1e-6;

/**
 * PGH (homotopy continuation): slope proportional to beta^x (1 + cos πx). With L = ln beta and B = beta^x,
 *
 *     f = [π²(B-1) + (B-2) L² + B L (L cos πx + π sin πx)] / [π²(beta-1) - 2L²]
 *
 * Under a cosine learning rate the pressure at the end is beta times that at the start: beta < 1 prunes hard early,
 * beta > 1 late. For |beta - 1| < 1e-6 the formula is 0/0 and its limit, S-LATS, is used.
 *
 * The code computes the same fraction as a ratio of areas under the slope, which stays exact for beta near 1.
 * Errors   ArgumentError unless beta is a finite number > 0.
 * Source   Chen et al. 2023 (PGH); the tests compare the closed form with quadrature.
 */
export function pgh(x: number, beta: number): number {
  checkBeta(beta);
  if (Math.abs(beta - 1) < BETA_ONE) return slats(x);
  const rate = Math.log(beta);
  const firstHalf = area(0.5, rate, 1);
  const total = firstHalf + beta * area(0.5, -rate, -1);
  return x > 0.5 ? 1 - (beta * area(1 - x, -rate, -1)) / total : area(x, rate, 1) / total;
}

/** Compute the integral from 0 to x of e^(rate s) (1 + sign · cos πs) ds; expm1 stays exact if rate · x is small. */
function area(x: number, rate: number, sign: 1 | -1): number {
  const growth = Math.expm1(rate * x);
  const c = Math.cos(Math.PI * x);
  const s = Math.PI * Math.sin(Math.PI * x);
  const wave = (growth * (rate * c + s) + rate * (c - 1) + s) / (rate * rate + Math.PI * Math.PI);
  return growth / rate + sign * wave;
}

/** Check beta of PGH. */
export function checkBeta(beta: number | undefined): asserts beta is number {
  const valid = beta !== undefined && Number.isFinite(beta) && beta > 0;
  checksOf("threshold schedule")("beta", "a number > 0", beta, valid);
}

/**
 * LATS, the published form for a cosine learning rate that is constant within an epoch (no warm-up). At the start of
 * epoch e of E
 *
 *     f = (1 + 2e + sin(π(e - 1/2)/E) / sin(π/(2E))) / (2(E + 1))
 *
 * and after b of B steps of that epoch, b (1 + cos(πe/E)) / (B (E + 1)) more: straight lines, each as steep as
 * the learning rate of its epoch. With that learning rate the pressure is exactly constant.
 * For many epochs it approaches S-LATS, with a difference of order 1/E.
 *
 * Shapes   step n of `steps`, of which `stepsPerEpoch` make an epoch.
 * Source   Chen et al. 2023 (LATS).
 */
export function latsEpoch(n: number, steps: number, stepsPerEpoch: number): number {
  if (n >= steps) return 1;
  const epochs = steps / stepsPerEpoch;
  const e = Math.floor(n / stepsPerEpoch);
  const done = (n % stepsPerEpoch) / stepsPerEpoch;
  const start = (1 + 2 * e + Math.sin((Math.PI * (e - 0.5)) / epochs) / Math.sin(Math.PI / (2 * epochs))) / 2;
  const f = (start + done * (1 + Math.cos((Math.PI * e) / epochs))) / (epochs + 1);
  return Math.min(1, f);
}

/**
 * Return f(n + 1) - f(n) of `latsEpoch`, which within an epoch is (1 + cos(πe/E)) / (B (E + 1)). A difference of two numbers
 * near 1 would lose digits.
 */
export function latsEpochIncrement(n: number, steps: number, stepsPerEpoch: number): number {
  const epochs = steps / stepsPerEpoch;
  const e = Math.floor(n / stepsPerEpoch);
  return (1 + Math.cos((Math.PI * e) / epochs)) / (stepsPerEpoch * (epochs + 1));
}
