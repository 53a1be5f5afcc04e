// Threshold schedules: d(n), the threshold in force after n optimiser steps. Pure functions of n, so a resumed run gets the
// same thresholds.

import { ArgumentError, checksOf, expectKeys, type KeysOf } from "../text/index.ts";
import { checkBeta, cubic, latsEpoch, latsEpochIncrement, linear, pgh, sine, slats } from "./schedules/closed_forms.ts";
import {
  cubicIncrement,
  type Increment,
  linearIncrement,
  pghIncrement,
  sineIncrement,
  slatsIncrement,
} from "./schedules/increments.ts";
import { prefixSum } from "./schedules/prefix_sum.ts";

const check = checksOf("threshold schedule");

/**
 * The schedules, by the pressure λ = Δd / learning rate that they put on every weight:
 *
 * - `lats`         follows a learning rate of any shape: λ is constant. The default.
 * - `lats-epoch`   the published formula for a per-epoch cosine learning rate
 * - `slats`        its smooth limit, for a per-step cosine learning rate
 * - `pgh`          λ changes by the factor beta over the window, under a cosine learning rate
 * - `pgh-general`  the same for a learning rate of any shape
 * - `linear`, `sine`, `cubic`   fixed shapes; λ follows from them
 * - `constant`     the whole threshold from the start; the latent weights are shifted first
 * - `none`         dense training
 */
export const THRESHOLD_SCHEDULES = [
  "lats",
  "lats-epoch",
  "slats",
  "pgh",
  "pgh-general",
  "linear",
  "sine",
  "cubic",
  "constant",
  "none",
] as const;
/** Name of a threshold schedule; see THRESHOLD_SCHEDULES. */
export type ThresholdScheduleName = (typeof THRESHOLD_SCHEDULES)[number];

/** Settings of a threshold schedule, in steps. */
export interface ThresholdConfig {
  readonly schedule: ThresholdScheduleName;
  /** Final threshold D >= 0, in units of the weights. Set this or `lambda`. */
  readonly threshold?: number | undefined;
  /** L1 coefficient >= 0 instead of D: D = lambda · (sum of the learning rates of the window). */
  readonly lambda?: number | undefined;
  /** pgh, pgh-general: pressure at the end over pressure at the start, > 0. */
  readonly beta?: number | undefined;
  /** Steps before pruning begins, during which d = 0; default 0. */
  readonly pruningStartStep?: number | undefined;
  /** Steps in which the threshold rises from 0 to D; default: until the end of the run. */
  readonly windowSteps?: number | undefined;
}

const CONFIG_KEYS: KeysOf<ThresholdConfig> = {
  schedule: true,
  threshold: true,
  lambda: true,
  beta: true,
  pruningStartStep: true,
  windowSteps: true,
};

/** Lengths and learning rates of the run of a threshold schedule. */
export interface ThresholdRun {
  readonly totalSteps: number;
  readonly stepsPerEpoch: number;
  readonly epochs: number;
  /** Learning rate of step n, see makeLrSchedule. */
  readonly lr: (step: number) => number;
}

/** A threshold as a function of the step. */
export interface ThresholdSchedule {
  /** D: the threshold after the last step of the window. */
  readonly final: number;
  /** Threshold d in force after n optimiser steps (n = 0: the first forward pass). */
  at(n: number): number;
  /** f(n) = d / D, in [0, 1]. */
  fraction(n: number): number;
  /**
   * τ(n) = d(n+1) - d(n), the increment of step n, in float64. It has its own formula and is not a difference, so τ / lr keeps
   * its digits where the schedule is flat.
   */
  increment(n: number): number;
}

/**
 * Make a threshold schedule. f(0) = 0 (except `constant`), f rises, f(n) = 1 after the window.
 *
 *     lats          f(n) = Σ_{i<n} lr(i) / Σ_{i<N} lr(i)
 *                   the threshold moves in proportion to the learning rate, so λ is constant
 *     pgh-general   f(n) = Σ_{i<n} β^(i/N) lr(i) / Σ_{i<N} β^(i/N) lr(i)
 *                   the same with a pressure that changes from 1 to β along the window
 *     the others    closed forms of x = n/N, see schedules/closed_forms.ts
 *
 * Here i and n count from `pruningStartStep`, N = `windowSteps`. With `lambda`, D = lambda Σ lr over the window, so the
 * same coefficient carries over when epochs, batch size or learning rate change.
 *
 * Order in a step: forward with d(n), backward, optimiser step, then the threshold becomes d(n + 1).
 *
 * Units    n in optimiser steps, d in units of the weights, float64.
 * Errors   ArgumentError naming the option, the expected and the actual value.
 * Source   Chen et al. 2023 (A Unified Framework for Soft Threshold Pruning); the two sums generalise its LATS and PGH
 *          to learning rates other than a plain cosine.
 * @example
 * const lr = () => 0.1;
 * const run = { totalSteps: 100, stepsPerEpoch: 50, epochs: 2, lr };
 * const schedule = makeThresholdSchedule({ schedule: "lats", threshold: 0.2 }, run);
 * console.log(schedule.at(50)); // 0.1
 */
export function makeThresholdSchedule(config: ThresholdConfig, run: ThresholdRun): ThresholdSchedule {
  expectKeys(config, CONFIG_KEYS, (problem) => new ArgumentError(`threshold schedule: ${problem}`));
  const { schedule, pruningStartStep: start = 0 } = config;
  const { totalSteps, stepsPerEpoch, epochs, lr } = run;
  const isInteger = (value: number, least: number) => Number.isInteger(value) && value >= least;
  check("totalSteps", "an integer >= 1", totalSteps, isInteger(totalSteps, 1));
  check("stepsPerEpoch", "an integer >= 1", stepsPerEpoch, isInteger(stepsPerEpoch, 1));
  check("epochs", "a number > 0", epochs, epochs > 0);
  check("schedule", `one of ${THRESHOLD_SCHEDULES.join(", ")}`, schedule, THRESHOLD_SCHEDULES.includes(schedule));
  const bent = schedule === "pgh" || schedule === "pgh-general";
  check(
    "beta",
    `nothing with schedule ${schedule}, since it is for pgh and pgh-general`,
    config.beta,
    bent || config.beta === undefined,
  );
  check("pruningStartStep", `an integer in [0, ${totalSteps - 1}]`, start, isInteger(start, 0) && start < totalSteps);
  const steps = config.windowSteps ?? totalSteps - start;
  check(
    "windowSteps",
    `an integer in [1, ${totalSteps - start}]`,
    steps,
    isInteger(steps, 1) && start + steps <= totalSteps,
  );
  const windowLr = (i: number) => lr(start + i);
  const final = finalThreshold(config, steps, windowLr);
  const shape = shapeOf(config, steps, stepsPerEpoch, windowLr);

  const fraction = (n: number): number => {
    check("n", "an integer >= 0", n, isInteger(n, 0));
    if (n < start || schedule === "none") return 0;
    return n >= start + steps ? 1 : shape.fraction(n - start);
  };
  const at = (n: number) => final * fraction(n);
  const increment = (n: number): number => {
    const inside = n >= start && n < start + steps;
    return inside ? final * shape.increment(n - start) : at(n + 1) - at(n);
  };
  return { final, at, fraction, increment };
}

interface Shape {
  /** Return f after n steps of the window, 0 <= n < N. */
  fraction(n: number): number;
  /** Return f(n+1) - f(n). */
  increment(n: number): number;
}

function shapeOf(config: ThresholdConfig, steps: number, perEpoch: number, lr: (i: number) => number): Shape {
  const { schedule, beta } = config;
  const closed = (f: (x: number) => number, increment: Increment): Shape => ({
    fraction: (n) => f(n / steps),
    increment: (n) => increment(n, steps),
  });
  const summed = (weight: (i: number) => number): Shape => {
    const { fraction, increment } = prefixSum(steps, weight);
    return { fraction, increment };
  };
  switch (schedule) {
    case "lats":
      return summed(lr);
    case "pgh-general": {
      checkBeta(beta);
      return summed((i) => beta ** (i / steps) * lr(i));
    }
    case "pgh": {
      checkBeta(beta);
      return closed(
        (x) => pgh(x, beta),
        (n) => pghIncrement(n, steps, beta),
      );
    }
    case "lats-epoch":
      check("windowSteps", `whole epochs (a multiple of ${perEpoch}) for lats-epoch`, steps, steps % perEpoch === 0);
      return {
        fraction: (n) => latsEpoch(n, steps, perEpoch),
        increment: (n) => latsEpochIncrement(n, steps, perEpoch),
      };
    case "slats":
      return closed(slats, slatsIncrement);
    case "linear":
      return closed(linear, linearIncrement);
    case "sine":
      return closed(sine, sineIncrement);
    case "cubic":
      return closed(cubic, cubicIncrement);
    case "constant":
      return closed(
        () => 1,
        () => 0,
      );
    case "none":
      return closed(
        () => 0,
        () => 0,
      );
  }
}

/** Check that exactly one of the keys is set. Throws ArgumentError in the name of `who`. */
export function expectOneAim(who: string, aims: Readonly<Record<string, number | undefined>>): void {
  const set = Object.keys(aims).filter((key) => aims[key] !== undefined);
  if (set.length === 1) return;
  const keys = Object.keys(aims).join(", ");
  throw new ArgumentError(`${who}: expected exactly one of ${keys}, got ${set.join(" and ") || "none"}`);
}

function finalThreshold(config: ThresholdConfig, steps: number, lr: (i: number) => number): number {
  const { schedule, threshold, lambda } = config;
  if (schedule === "none") return 0;
  expectOneAim("threshold schedule", { threshold, lambda });
  if (lambda !== undefined) return thresholdFromLambda(lambda, steps, lr);
  check("threshold", "a finite number >= 0", threshold, Number.isFinite(threshold) && (threshold ?? -1) >= 0);
  return threshold!;
}

/**
 * Convert a constant L1 coefficient to the final threshold: D = lambda · Σ_{i < steps} lr(i).
 *
 * A weight of constant sign loses D if every step shrinks it by lr · lambda. To compare runs of different lengths, use the
 * inverse, lambda = D / Σ lr: D alone is not comparable.
 *
 * Units    lambda in loss per weight, D in units of the weights.
 * Errors   ArgumentError unless lambda is finite and >= 0.
 */
export function thresholdFromLambda(lambda: number, steps: number, lr: (i: number) => number): number {
  check("lambda", "a finite number >= 0", lambda, Number.isFinite(lambda) && lambda >= 0);
  return lambda === 0 ? 0 : lambda * prefixSum(steps, lr).total;
}
