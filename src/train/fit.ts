// Options and records of the training loop.
import type { Optimizer } from "../optim/optimizer.ts";
import type { PruningMethod } from "../prune/method.ts";
import type { HostBatches } from "./batch_step.ts";
import type { EpochLayer } from "./epoch_layers.ts";
import type { Evaluation } from "./evaluate.ts";
import type { CounterState } from "./fit_counters.ts";
import type { TrainStep } from "./train_step.ts";

/** A point of the training curve: means over the steps since the last point. */
export interface StepRecord {
  readonly kind: "step";
  /** Steps done. */
  readonly step: number;
  /** Epochs done, with the fraction of the current one. */
  readonly epoch: number;
  readonly loss: number;
  /** Training accuracy in train mode, 0 to 1; NaN if the targets are not class numbers. */
  readonly accuracy: number;
  /** Means of the metrics in train mode; absent if there are none. */
  readonly metrics?: Readonly<Record<string, number>>;
  readonly lr: number;
  /** Threshold in force after these steps. */
  readonly threshold: number;
  /** Zeros among prunable weights, 0 to 1. */
  readonly sparsity: number;
  /** Share of zero groups, if the update has thresholds on groups of weights; absent once weights were removed. */
  readonly groupSparsity?: number;
  /**
   * Implied L1 coefficient (d_next - d) / lr, the same times (1 - momentum), decay's share wd · d, and the sum of the last two.
   * While the GPU decides the threshold, the mean since the last record. 0 for methods whose threshold is no L1 penalty. With an adaptive
   * optimizer and latent weights, they are in units of the normalised gradient; decay's share is 0 unless decay is decoupled (AdamW).
   */
  readonly lambda: number;
  readonly lambdaEffective: number;
  readonly lambdaDecay: number;
  readonly lambdaTotal: number;
  /** Precision f16: the loss scale after these steps, and the steps skipped since the start. */
  readonly lossScale?: number;
  readonly skippedSteps?: number;
}

/** The end of an epoch. */
export interface EpochRecord {
  readonly kind: "epoch";
  readonly epoch: number;
  readonly step: number;
  readonly loss: number;
  readonly accuracy: number;
  /** NaN without a test set. */
  readonly testLoss: number;
  /** 0 to 1; NaN without a test set, or if the targets are not class numbers. */
  readonly testAccuracy: number;
  /** The same two with the running statistics of training, if those of the test were re-estimated; see RunConfig.recalibrate. */
  readonly rawTestLoss?: number;
  readonly rawTestAccuracy?: number;
  /** `metrics` with those statistics. */
  readonly rawMetrics?: Readonly<Record<string, number>>;
  /** Means of the metrics over the test set; absent without metrics or without a test set. */
  readonly metrics?: Readonly<Record<string, number>>;
  /**
   * LTP while it prunes: the accuracy with its soft gates and the running statistics of training; `testAccuracy` is with hard masks.
   */
  readonly softAccuracy?: number;
  readonly sparsity: number;
  /** Share of zero groups, if groups of weights are pruned together. */
  readonly groupSparsity?: number;
  readonly threshold: number;
  /** Multiply-adds of the network in this epoch, as a share of those of the original one. Absent without `prune.compact`. */
  readonly multiplyAdds?: number;
  /** Number of layers that trained by sparse kernels in this epoch. Absent without `prune.kernels`. */
  readonly sparseLayers?: number;
  /** Weights that became zero since the end of the last epoch, and those that became non-zero. */
  readonly pruned: number;
  readonly regrown: number;
  /** Changes between zero and non-zero in all steps of the epoch; there and back counts as two. */
  readonly changes: number;
  /** Masks per layer, and the threshold on |w| if each layer has its own. */
  readonly layers: readonly EpochLayer[];
  readonly seconds: number;
}

/** Record of some steps or of an epoch, as `onRecord` gets it. */
export type RunRecord = StepRecord | EpochRecord;

/** Result of the test at the end of an epoch. */
export interface EpochTest extends Evaluation {
  /** With the running statistics of training; absent if they were not re-estimated. */
  readonly raw?: Pick<Evaluation, "loss" | "accuracy" | "metrics">;
  readonly softAccuracy?: number;
}

/** Position in a run: the next step, and its epoch and batch, all from 0. */
export interface RunPosition {
  readonly step: number;
  readonly epoch: number;
  /** Batches of the epoch already used; all of them while the epoch's test is due. */
  readonly batch: number;
}

/**
 * Reason for a checkpoint: the interval, the end of an epoch, an epoch whose test is due (the checkpoint after the test, of the
 * same step, replaces it), a request of the host, or an abort: by the signal, or since the network is dead.
 */
export type CheckpointReason = "interval" | "epoch" | "test due" | "asked" | "abort";

/** Parts of a training loop. */
export interface FitOptions {
  readonly train: TrainStep;
  readonly optimizer: Optimizer;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** Learning rate of step n. */
  readonly lr: (step: number) => number;
  /** True if the optimizer moves its learning rates itself; `lr` is for records then. Default false. */
  readonly ownRates?: boolean;
  readonly method: PruningMethod;
  /** Masks of the epoch that just ended. */
  readonly layers: () => Promise<readonly EpochLayer[]>;
  /** Returns the share of the original network's multiply-adds that is left. */
  readonly multiplyAdds?: () => number;
  /** Returns the number of layers with sparse kernels. */
  readonly sparseLayers?: () => number;
  /** Prunable weights, of which records give the share of zeros. Default: those of the model. */
  readonly weights?: number;
  /** Returns the layers among those without live weights that cut all paths to the output; if there are any, the run ends. */
  readonly dead?: (empty: readonly string[]) => readonly string[];
  readonly momentum?: number;
  readonly weightDecay?: number;
  /** Returns the batches of an epoch from `startBatch` on: a pure function. Each is recycled once it is enqueued. */
  readonly batches: (epoch: number, startBatch: number) => HostBatches;
  /**
   * Called after the record of each epoch but the last, when all of its steps are read, with the steps done. It may change the model.
   * Awaited before the checkpoint of the epoch.
   */
  readonly betweenEpochs?: (step: number) => Promise<void>;
  /** Returns null if the signal came first; the resumed run then repeats the test. Absent: no test. */
  readonly evaluate?: (signal?: AbortSignal) => Promise<EpochTest | null>;
  readonly start?: RunPosition;
  /** Counters at `start` since the last records; without them, records cover the steps from there on. */
  readonly counters?: CounterState;
  /** Seconds of the epoch in progress before `start`. */
  readonly epochSeconds?: number;
  /** Steps between step records; default 10. */
  readonly logEvery?: number;
  readonly onRecord?: (record: RunRecord) => void | Promise<void>;
  /**
   * Awaited before each step: a host may pause the run here, run another one, or process its messages. If the signal came
   * meanwhile, the step is not taken.
   */
  readonly beforeStep?: (position: RunPosition) => void | Promise<void>;
  /** Called after each enqueued step. A promise is awaited. */
  readonly onStep?: (position: RunPosition) => unknown;
  /** Steps between calls of `onCheckpoint`; it is also called at the end of each epoch and on abort. */
  readonly checkpointEvery?: number;
  readonly onCheckpoint?: (position: RunPosition, reason: CheckpointReason) => Promise<void>;
  /** Called at the end of the call, after the last checkpoint. A promise is awaited. */
  readonly onEnd?: (result: FitResult) => unknown;
  /** Called after each step; returns true to request a checkpoint. */
  readonly saveAsked?: () => boolean;
  readonly signal?: AbortSignal;
}

/**
 * Reason for the end of a run: all epochs are done, the signal, or a dead network: the weights of a layer that every path from the
 * input to the output leads through are all zero.
 */
export type EndReason = "done" | "signal" | "dead";

/** Result of `Session.fit`. */
export interface FitResult {
  readonly position: RunPosition;
  /** True if all epochs are done. */
  readonly finished: boolean;
  readonly reason: EndReason;
  /** Layers that cut all paths of a dead network; else empty. */
  readonly deadLayers: readonly string[];
  readonly last: EpochRecord | null;
  /** Mean loss of the last step record; NaN before the first. */
  readonly loss: number;
}
