// The configuration of a run: everything that decides its numbers. It is saved with the run.
import type { LrConfig } from "../optim/lr_scheduler.ts";
import type { PruneConfig } from "../prune/config.ts";
import { ArgumentError, expectKeys, type KeysOf } from "../text/index.ts";

export interface RunConfig {
  /** Epochs over which the learning rate and the pruning are scheduled. */
  readonly epochs: number;
  /** Epochs of fine-tuning after that: masks fixed, a hundredth of the base learning rate. Default 0. */
  readonly finetuneEpochs?: number | undefined;
  readonly batchSize: number;
  /**
   * Images of a micro-batch; divides batchSize. Default: the whole batch. A step then goes forward and backward
   * over micro-batches in order, adds up their gradients, weighted by their share of the batch, and updates the weights once: the
   * gradient of the mean loss over the batch, up to rounding. Learning rate, thresholds, steps and logs count
   * whole batches. Two things differ: batch norm computes its statistics over a micro-batch, and updates its running statistics once
   * per micro-batch; random layers draw once per micro-batch. The same config gives the same bits.
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

/** Check the names of the settings. Those of `lr` and `prune` are checked where they are read. Errors: ArgumentError. */
export function checkConfigKeys(config: RunConfig): void {
  expectKeys(config, CONFIG_KEYS, (problem) => new ArgumentError(`run configuration: ${problem}`));
  expectKeys(config.augment, AUGMENT_KEYS, (problem) => new ArgumentError(`run configuration: augment: ${problem}`));
}

/** Learning rate of the fine-tuning epochs, as a share of the base learning rate. */
export const FINETUNE_LR = 0.01;
