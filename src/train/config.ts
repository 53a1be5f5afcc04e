// One typed object for everything that decides a run's numbers; it is saved with the run.
import type { LrConfig } from "../optim/lr_scheduler.ts";
import type { PruneConfig } from "../prune/config.ts";

export interface RunConfig {
  /** Epochs that the learning rate and the pruning are planned over. */
  readonly epochs: number;
  /** Epochs after those, with the zeros kept, at a hundredth of the base learning rate. Default 0. */
  readonly finetuneEpochs?: number | undefined;
  readonly batchSize: number;
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

/** Share of the base learning rate in the epochs of fine-tuning. */
export const FINETUNE_LR = 0.01;
