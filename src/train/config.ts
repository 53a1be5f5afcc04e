// One typed object for everything that decides a run's numbers; it is saved with the run.
import type { LrConfig } from "../optim/lr_scheduler.ts";
import type { ThresholdConfig, ThresholdScheduleName } from "../prune/threshold_schedule.ts";

export interface RunConfig {
  readonly epochs: number;
  readonly batchSize: number;
  readonly lr: LrConfig;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  readonly labelSmoothing: number;
  readonly prune: {
    readonly schedule: ThresholdScheduleName;
    /** Final threshold D; give this or lambda. */
    readonly threshold?: number | undefined;
    readonly lambda?: number | undefined;
    readonly mode: "latent" | "inplace";
    /** Dense epochs before pruning begins. */
    readonly startEpoch: number;
    readonly beta?: number | undefined;
    /** Epochs in which the threshold rises; absent: until the end. */
    readonly window?: number | undefined;
    readonly firstLayerDense: boolean;
    readonly lastLayerDense: boolean;
  };
  readonly augment: { readonly crop: number; readonly flip: boolean };
  readonly seed: number;
  readonly logEvery: number;
}

/** The threshold schedule's settings in steps, out of a run's in epochs. */
export function thresholdConfig({ prune, epochs }: RunConfig, stepsPerEpoch: number): ThresholdConfig {
  const { schedule, threshold, lambda, beta, startEpoch, window } = prune;
  const pruningStartStep = Math.round(startEpoch * stepsPerEpoch);
  const left = epochs * stepsPerEpoch - pruningStartStep;
  const windowSteps =
    window === undefined ? undefined : Math.min(Math.max(1, Math.round(window * stepsPerEpoch)), left);
  return { schedule, threshold, lambda, beta, pruningStartStep, windowSteps };
}
