// The plan of a configuration: learning rate, phase and threshold as functions of the step. Compares two plans over the steps
// already done, so that a run can be resumed with another configuration.

import { makeLrSchedule } from "../optim/lr_scheduler.ts";
import {
  check,
  mayHaveBlocks,
  type PruneConfig,
  type RunShape,
  TRAINING_KERNELS,
  usesKernels,
} from "../prune/config.ts";
import type { PruningMethod } from "../prune/method.ts";
import { makePruningMethod } from "../prune/methods/index.ts";
import { type PruningMethodParts, pruningMethod } from "../prune/own_method.ts";
import { softOfProgress } from "../prune/own_threshold.ts";
import { stepInTraining, trainingsOf } from "../prune/trainings.ts";
import { ArgumentError, valueText } from "../text/index.ts";
import { checkConfigKeys, checkConfigValues, FINETUNE_LR, type RunConfig } from "./config.ts";

export interface RunPlan extends RunShape {
  /** All epochs, fine-tuning included. */
  readonly epochs: number;
  readonly method: PruningMethod;
}

/** A number of each moment of a run, by its progress: 0 at the first step, 1 after the last one, fine-tuning included. */
export type ProgressFunction = (progress: number) => number;

/** Own functions of the run's progress. */
export interface RunSchedule {
  /** Learning rate of a step that begins at this progress, >= 0. In place of `config.lr`. */
  readonly lr?: ProgressFunction | undefined;
  /**
   * Soft threshold at this progress, in units of the weights, >= 0 and never falling. In place of the threshold schedule of
   * `config.prune`, of which `mode`, `gradient`, `accelerated`, `freezeEpoch` and `dense` apply.
   */
  readonly threshold?: ProgressFunction | undefined;
}

/** Own parts of a plan, in place of those of the configuration. */
export interface PlanOverrides {
  /** A pruning method, or a function that makes it for the length of the run. */
  readonly method?: PruningMethodParts | ((run: RunShape) => PruningMethodParts) | undefined;
  readonly schedule?: RunSchedule | undefined;
  /** Learning rate of step n, of an optimizer that moves its rates itself. */
  readonly rate?: ((step: number) => number) | undefined;
}

/** Return the learning rate of step n. */
function rateOf(config: RunConfig, steps: { main: number; total: number; perEpoch: number }, own: PlanOverrides) {
  const { schedule, rate } = own;
  if (rate) return rate;
  if (schedule?.lr) {
    const { lr } = schedule;
    return (step: number): number => {
      const value = lr(step / steps.total);
      if (!(Number.isFinite(value) && value >= 0))
        throw new ArgumentError(
          `schedule.lr: expected a number >= 0 at progress ${step / steps.total}, got ${valueText(value)}`,
        );
      return value;
    };
  }
  const { prune, epochs } = config;
  // Each training of `imp` repeats the schedule.
  const trainings = prune.method === "imp" && !own.method ? trainingsOf(prune, epochs, steps.perEpoch) : null;
  const main = makeLrSchedule(config.lr, { epochs: trainings?.epochs ?? epochs, stepsPerEpoch: steps.perEpoch });
  const place = (step: number) => (trainings ? stepInTraining(trainings, step) : step);
  return (step: number): number => (step < steps.main ? main(place(step)) : config.lr.base * FINETUNE_LR);
}

/** Return the method of a plan. */
function methodOf(prune: PruneConfig, run: RunShape, { method, schedule }: PlanOverrides): PruningMethod {
  if (method === undefined)
    return schedule?.threshold ? softOfProgress(schedule.threshold, prune, run) : makePruningMethod(prune, run);
  if (schedule?.threshold)
    throw new ArgumentError("schedule.threshold: expected nothing beside a custom method, which sets the thresholds");
  const { schedule: name, mode: _mode, dense: _dense, ...others } = prune;
  const beside = Object.entries({ ...others, schedule: name === "none" ? undefined : name });
  const idle = beside.find(([, value]) => value !== undefined);
  if (idle) throw new ArgumentError(`pruning: ${idle[0]}: expected nothing beside a custom method, got ${idle[1]}`);
  return pruningMethod(typeof method === "function" ? method(run) : method);
}

/** Refuse settings for final zeros in a run that has none at the start of its last epoch, `last` in steps. */
function expectFinalZeros(prune: PruneConfig, method: PruningMethod, last: number): void {
  const expected = "zeros that are final an epoch before the end, such as with freezeEpoch";
  const { kernels = "dense" } = prune;
  check("kernels", `one of ${TRAINING_KERNELS.join(", ")}`, kernels, TRAINING_KERNELS.includes(kernels));
  check("compact", expected, `method ${method.name}`, !prune.compact || method.isFrozen?.(last) === true);
  if (!usesKernels(prune)) return;
  check("kernels", "dense without groups block8 and block4", kernels, mayHaveBlocks(prune));
  check("kernels", expected, `method ${method.name}`, method.phase(last) === "mask");
}

/**
 * Return the plan of a configuration. `own`: parts that take the place of the configuration's. Errors: ArgumentError for settings that
 * contradict each other or the length of the run.
 */
export function planRun(config: RunConfig, stepsPerEpoch: number, own: PlanOverrides = {}): RunPlan {
  checkConfigKeys(config);
  checkConfigValues(config);
  const { finetuneEpochs = 0, momentum, seed } = config;
  const epochs = config.epochs + finetuneEpochs;
  const mainSteps = stepsPerEpoch * config.epochs;
  if (!Number.isSafeInteger(stepsPerEpoch * epochs)) {
    const problem = `epochs: expected fewer, got ${epochs}: with ${stepsPerEpoch} steps each, the step count exceeds 2^53`;
    throw new ArgumentError(problem);
  }
  const totalSteps = stepsPerEpoch * epochs;
  const lr = rateOf(config, { main: mainSteps, total: totalSteps, perEpoch: stepsPerEpoch }, own);
  const shape = { totalSteps, mainSteps, stepsPerEpoch, lr, momentum, seed };
  const method = methodOf(config.prune, shape, own);
  expectFinalZeros(config.prune, method, totalSteps - stepsPerEpoch);
  return { ...shape, epochs, method };
}

/** A difference between two plans, among the steps already done. */
export interface PastDifference {
  readonly what: "learning rate" | "threshold" | "phase" | "pruning";
  /** First compared step that differs. */
  readonly step: number;
  readonly was: number | string;
  readonly now: number | string;
}

/** Relative tolerance: sums formed in another order differ by their rounding. */
const ROUNDING = 1e-9;
/** Most steps compared; spread evenly over a longer run. */
const LOOKS = 20_000;

/** Return the numbers of a plan around step n, by name. */
function numbersAt({ lr, method }: RunPlan, n: number, done: number): [PastDifference["what"], number | string][] {
  // The state after the last step belongs to the past; the next step does not.
  const past: [PastDifference["what"], number | string][] = [
    ["phase", method.phase(n)],
    ["threshold", method.thresholdAt(n) ?? 0],
    ["pruning", method.progressAt?.(n) ?? 0],
  ];
  if (n === done) return past;
  const { thresholdNext = 0, tau = 0, momentum = 0 } = method.values(n);
  return [["learning rate", lr(n)], ...past, ["threshold", thresholdNext], ["threshold", tau], ["pruning", momentum]];
}

const same = (a: number | string, b: number | string) =>
  typeof a === "number" && typeof b === "number"
    ? Math.abs(a - b) <= ROUNDING * Math.max(Math.abs(a), Math.abs(b))
    : a === b;

/**
 * Return the first difference of two plans over the steps [0, done); null if they agree up to rounding. For a threshold decided
 * on the GPU, its phases and the progress of its schedule are compared.
 */
export function pastDifference(was: RunPlan, now: RunPlan, done: number): PastDifference | null {
  const looks = Math.min(done, LOOKS);
  for (let i = 0; i <= looks; i++) {
    const step = looks === 0 ? 0 : Math.floor((i * done) / looks);
    const theirs = numbersAt(now, step, done);
    for (const [k, [what, value]] of numbersAt(was, step, done).entries()) {
      const other = theirs[k]?.[1] as number | string;
      if (!same(value, other)) return { what, step, was: value, now: other };
    }
  }
  return null;
}
