// The trainings of a run of iterative magnitude pruning, and the position of each step in its training.
import { check, type PruneConfig } from "./config.ts";

/** Equal trainings of a run: the first begins at its step 0, each later one at the step to which weights are rewound. */
export interface Trainings {
  /** Epochs of one training. */
  readonly epochs: number;
  /** Steps of one training. */
  readonly steps: number;
  /** Step of a training at which the later ones begin. */
  readonly rewind: number;
  /** Cuts between the trainings. */
  readonly cuts: number;
}

/** Cuts, and epochs before the point to which weights return, of a run without these settings. */
const CUTS = 5;
const REWIND = 1;

/** Return the epochs of each training, rounded up: epochs = n + cuts (n - rewind). */
const epochsOf = (epochs: number, cuts: number, rewind: number) => Math.ceil((epochs + cuts * rewind) / (cuts + 1));

/** Return the length of a run that is wrong for `imp`: the problem, or null. */
export function trainingsProblem(config: PruneConfig, epochs: number): string | null {
  const { rounds: cuts = CUTS, rewindEpoch: rewind = REWIND } = config;
  const each = Math.max(rewind + 1, epochsOf(epochs, cuts, rewind));
  const whole = each + cuts * (each - rewind);
  if (whole === epochs) return null;
  const later = rewind === 0 ? "" : `, the later ones without their first ${rewind}`;
  return `a number that divides into ${cuts + 1} equal trainings${later}, such as ${whole}`;
}

/** Divide a run of method `imp` into trainings. Errors: ArgumentError for settings that do not fit the epochs. */
export function trainingsOf(config: PruneConfig, epochs: number, stepsPerEpoch: number): Trainings {
  const { rounds: cuts = CUTS, rewindEpoch: rewind = REWIND } = config;
  check("rounds", "an integer >= 1", cuts, Number.isInteger(cuts) && cuts >= 1);
  check("rewindEpoch", "an integer >= 0, for method imp", rewind, Number.isInteger(rewind) && rewind >= 0);
  const problem = trainingsProblem(config, epochs);
  check("epochs", problem ?? "", epochs, problem === null);
  const each = epochsOf(epochs, cuts, rewind);
  return { epochs: each, steps: each * stepsPerEpoch, rewind: rewind * stepsPerEpoch, cuts };
}

/** Return the number of the training of step n, from 0. */
export const trainingAt = ({ steps, rewind }: Trainings, n: number): number =>
  n < steps ? 0 : 1 + Math.floor((n - steps) / (steps - rewind));

/** Return the step of its training that step n of the run repeats. */
export const stepInTraining = ({ steps, rewind }: Trainings, n: number): number =>
  n < steps ? n : rewind + ((n - steps) % (steps - rewind));
