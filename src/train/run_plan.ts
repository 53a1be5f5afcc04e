// The plan of a configuration: learning rate, phase and threshold as functions of the step. Compares two plans over the steps
// already done, so that a run can be resumed with another configuration.

import { makeLrSchedule } from "../optim/lr_scheduler.ts";
import type { RunShape } from "../prune/config.ts";
import type { PruningMethod } from "../prune/method.ts";
import { makePruningMethod } from "../prune/methods/index.ts";
import { ArgumentError } from "../text/index.ts";
import { checkConfigKeys, FINETUNE_LR, type RunConfig } from "./config.ts";

export interface RunPlan extends RunShape {
  /** All epochs, fine-tuning included. */
  readonly epochs: number;
  readonly method: PruningMethod;
}

/** Return the plan of a configuration. Errors: ArgumentError for settings that contradict each other or the length of the run. */
export function planRun(config: RunConfig, stepsPerEpoch: number): RunPlan {
  checkConfigKeys(config);
  const { finetuneEpochs = 0, lr: rate, momentum, seed } = config;
  const epochs = config.epochs + finetuneEpochs;
  const mainSteps = stepsPerEpoch * config.epochs;
  if (!Number.isSafeInteger(stepsPerEpoch * epochs)) {
    const problem = `epochs: expected fewer, got ${epochs}: with ${stepsPerEpoch} steps each, the step count exceeds 2^53`;
    throw new ArgumentError(problem);
  }
  const main = makeLrSchedule(rate, { epochs: config.epochs, stepsPerEpoch });
  const lr = (step: number) => (step < mainSteps ? main(step) : rate.base * FINETUNE_LR);
  const shape = { totalSteps: stepsPerEpoch * epochs, mainSteps, stepsPerEpoch, lr, momentum, seed };
  return { ...shape, epochs, method: makePruningMethod(config.prune, shape) };
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
