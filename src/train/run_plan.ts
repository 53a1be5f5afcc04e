// What a configuration plans, step by step: learning rate, phase and threshold as functions of the step's number. And whether
// two configurations planned the same for the steps that are done, so that a run of the one may go on by the other.

import { makeLrSchedule } from "../optim/lr_scheduler.ts";
import type { RunShape } from "../prune/config.ts";
import type { PruningMethod } from "../prune/method.ts";
import { makePruningMethod } from "../prune/methods/index.ts";
import { ArgumentError } from "../text/index.ts";
import { checkConfigKeys, FINETUNE_LR, type RunConfig } from "./config.ts";

export interface RunPlan extends RunShape {
  /** Epochs with those of fine-tuning. */
  readonly epochs: number;
  readonly method: PruningMethod;
}

/** Errors: ArgumentError for settings that do not fit each other, or the length of the run. */
export function planRun(config: RunConfig, stepsPerEpoch: number): RunPlan {
  checkConfigKeys(config);
  const { finetuneEpochs = 0, lr: rate, momentum, seed } = config;
  const epochs = config.epochs + finetuneEpochs;
  const mainSteps = stepsPerEpoch * config.epochs;
  if (!Number.isSafeInteger(stepsPerEpoch * epochs)) {
    throw new ArgumentError(
      `epochs: expected fewer, got ${epochs}: ${stepsPerEpoch} steps in each are more than can be counted`,
    );
  }
  const main = makeLrSchedule(rate, { epochs: config.epochs, stepsPerEpoch });
  const lr = (step: number) => (step < mainSteps ? main(step) : rate.base * FINETUNE_LR);
  const shape = { totalSteps: stepsPerEpoch * epochs, mainSteps, stepsPerEpoch, lr, momentum, seed };
  return { ...shape, epochs, method: makePruningMethod(config.prune, shape) };
}

/** Where two plans part, among the steps that are done. */
export interface PastDifference {
  readonly what: "learning rate" | "threshold" | "phase" | "pruning";
  /** The first step looked at that differs. */
  readonly step: number;
  readonly was: number | string;
  readonly now: number | string;
}

/** Sums that are formed in another order differ by their rounding. */
const ROUNDING = 1e-9;
/** Steps looked at; of longer runs so many, evenly spread. */
const LOOKS = 20_000;

/** Numbers of a plan around step n, by what they are. */
function numbersAt({ lr, method }: RunPlan, n: number, done: number): [PastDifference["what"], number | string][] {
  // The state after the last step is of the past too; its next step is not.
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
 * The first difference between what two plans say of the steps [0, done); null where they agree, to rounding. Of a threshold
 * that the GPU decides, its phases and the share of its schedule are compared.
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
