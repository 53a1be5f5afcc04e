// A threshold schedule from an own function of the run's progress.
import { ArgumentError } from "../text/index.ts";
import { check, type PruneConfig, type RunShape } from "./config.ts";
import type { PruningMethod } from "./method.ts";
import { softAlong } from "./methods/soft.ts";
import type { ThresholdSchedule } from "./threshold_schedule.ts";

/** Most steps at which the function is checked before the run. */
const LOOKS = 20_000;

/**
 * Make a threshold schedule of d(progress), the threshold in units of the weights. In mode `latent` it may fall: pruned weights
 * regrow then, and the implied L1 coefficient is negative. In mode `inplace` it may not, since zeros have no value to return to.
 *
 * Units    progress = n / totalSteps after n steps, from 0 to 1.
 * Errors   ArgumentError for a threshold that is not a number >= 0, or that falls in mode `inplace`.
 */
export function thresholdOfProgress(
  d: (progress: number) => number,
  totalSteps: number,
  mode: PruneConfig["mode"] = "latent",
): ThresholdSchedule {
  const at = (n: number): number => {
    const progress = Math.min(1, n / totalSteps);
    const value = d(progress);
    check("schedule.threshold", `a number >= 0 at progress ${progress}`, value, Number.isFinite(value) && value >= 0);
    return value;
  };
  const looks = Math.min(totalSteps, LOOKS);
  let before = 0;
  for (let i = 0; i <= looks; i++) {
    const value = at(Math.floor((i * totalSteps) / looks));
    const expected = `a function that does not fall in mode ${mode}, up to progress ${i / looks}`;
    check("schedule.threshold", expected, value, mode === "latent" || value >= before);
    before = value;
  }
  const final = at(totalSteps);
  // The share of D, which a threshold that falls exceeds before.
  const fraction = (n: number) => (final === 0 ? 0 : at(n) / final);
  return { final, at, fraction, increment: (n) => at(n + 1) - at(n) };
}

/** Settings that a threshold function leaves open. */
const OPEN: readonly (keyof PruneConfig)[] = [
  "method",
  "schedule",
  "mode",
  "gradient",
  "decayTarget",
  "accelerated",
  "freezeEpoch",
  "group",
  "groupShare",
  "compact",
  "kernels",
  "dense",
];

/**
 * Make soft-threshold pruning along an own function.
 *
 * Errors   ArgumentError for another method, or a setting that the function takes the place of.
 */
export function softOfProgress(d: (progress: number) => number, config: PruneConfig, run: RunShape): PruningMethod {
  const { method = "soft", schedule } = config;
  check("method", "soft beside schedule.threshold", method, method === "soft");
  check("schedule", "nothing beside schedule.threshold", schedule, schedule === "none");
  for (const [key, value] of Object.entries(config)) {
    if (value !== undefined && !OPEN.includes(key as keyof PruneConfig))
      throw new ArgumentError(`pruning: ${key}: expected nothing beside schedule.threshold, got ${String(value)}`);
  }
  return { ...softAlong(config, run, thresholdOfProgress(d, run.totalSteps, config.mode)), name: "own schedule" };
}
