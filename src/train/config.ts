// One typed object for everything that decides a run's numbers; it is saved with the run.
import type { LrConfig } from "../optim/lr_scheduler.ts";
import type { PruneConfig } from "../prune/config.ts";
import { ArgumentError, expectKeys, type KeysOf } from "../text/index.ts";

export interface RunConfig {
  /** Epochs that the learning rate and the pruning are planned over. */
  readonly epochs: number;
  /** Epochs after those, with the zeros kept, at a hundredth of the base learning rate. Default 0. */
  readonly finetuneEpochs?: number | undefined;
  readonly batchSize: number;
  /**
   * Images that the GPU holds at once; it divides batchSize. Absent: all of a batch. A step then goes forward and backward
   * over micro-batches in order, adds up their gradients, each by its share of the batch, and updates the weights once: the
   * gradient of the mean loss over the batch, to the rounding of its sums. Learning rate, thresholds, steps and logs count
   * whole batches. Two things see micro-batches: batch norm takes its statistics over each, and moves its running ones once
   * for each; layers that draw at random draw anew for each. The same config gives the same bits.
   */
  readonly microBatch?: number | undefined;
  readonly lr: LrConfig;
  readonly momentum: number;
  readonly nesterov: boolean;
  readonly weightDecay: number;
  readonly labelSmoothing: number;
  readonly prune: PruneConfig;
  readonly augment: { readonly crop: number; readonly flip: boolean };
  readonly seed: number;
  readonly logEvery: number;
}

const CONFIG_KEYS: KeysOf<RunConfig> = {
  epochs: true,
  finetuneEpochs: true,
  batchSize: true,
  microBatch: true,
  lr: true,
  momentum: true,
  nesterov: true,
  weightDecay: true,
  labelSmoothing: true,
  prune: true,
  augment: true,
  seed: true,
  logEvery: true,
};
const AUGMENT_KEYS: KeysOf<RunConfig["augment"]> = { crop: true, flip: true };

/** Errors: ArgumentError for a setting that no run knows; those of `lr` and `prune` are looked at where they are read. */
export function checkConfigKeys(config: RunConfig): void {
  expectKeys(config, CONFIG_KEYS, (problem) => new ArgumentError(`run configuration: ${problem}`));
  expectKeys(config.augment, AUGMENT_KEYS, (problem) => new ArgumentError(`run configuration: augment: ${problem}`));
}

/** Share of the base learning rate in the epochs of fine-tuning. */
export const FINETUNE_LR = 0.01;
