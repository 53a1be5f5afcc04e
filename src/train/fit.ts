// Training: what the loop is given, and what it tells of a run.
import type { SGD } from "../optim/sgd.ts";
import type { PruningMethod } from "../prune/method.ts";
import { ArgumentError, expectKeys, type KeysOf } from "../text/index.ts";
import type { HostBatches } from "./batch_step.ts";
import type { EpochLayer } from "./epoch_layers.ts";
import type { Evaluation } from "./evaluate.ts";
import type { CounterState } from "./fit_counters.ts";
import { FitLoop } from "./fit_loop.ts";
import type { TrainStep } from "./train_step.ts";

/** A point of the training curve: means over the steps since the last one. */
export interface StepRecord {
  readonly kind: "step";
  /** Steps done. */
  readonly step: number;
  /** Epochs done, with fraction. */
  readonly epoch: number;
  readonly loss: number;
  /** Training accuracy in train mode, 0 to 1. */
  readonly accuracy: number;
  readonly lr: number;
  /** Threshold in force after these steps. */
  readonly threshold: number;
  /** Zeros among prunable weights, 0 to 1. */
  readonly sparsity: number;
  /**
   * Implied L1 coefficient (d_next - d) / lr, the same times (1 - momentum), decay's share wd · d, and the sum of the last two.
   * Where the GPU decides the threshold, the mean since the last record. 0 for methods whose threshold is no L1 penalty.
   */
  readonly lambda: number;
  readonly lambdaEffective: number;
  readonly lambdaDecay: number;
  readonly lambdaTotal: number;
}

/** The end of an epoch. */
export interface EpochRecord {
  readonly kind: "epoch";
  readonly epoch: number;
  readonly step: number;
  readonly loss: number;
  readonly accuracy: number;
  readonly testLoss: number;
  readonly testAccuracy: number;
  /** LTP while it prunes: the accuracy with its soft gates, which the hard masks of `testAccuracy` replace. */
  readonly softAccuracy?: number;
  readonly sparsity: number;
  readonly threshold: number;
  /** Weights that are zero and were not at the end of the epoch before, and the other way round. */
  readonly pruned: number;
  readonly regrown: number;
  /** Changes between zero and not that the update made in all steps of the epoch, there and back counted as two. */
  readonly changes: number;
  /** The masks layer by layer, and the threshold on |w| where each layer has its own. */
  readonly layers: readonly EpochLayer[];
  readonly seconds: number;
}

export type RunRecord = StepRecord | EpochRecord;

export interface Position {
  readonly step: number;
  readonly epoch: number;
  /** Batches of the epoch already used; all of them where the epoch's test is still to come. */
  readonly batch: number;
}

/**
 * Why there may be a checkpoint: its interval, an epoch whose test is done, one whose test is due (all batches used; the next
 * one of the same step takes its place), a host that asked for it, or an abort.
 */
export type CheckpointReason = "interval" | "epoch" | "test due" | "asked" | "abort";

export interface FitOptions {
  readonly train: TrainStep;
  readonly optimizer: SGD;
  readonly epochs: number;
  readonly stepsPerEpoch: number;
  /** Learning rate of step n. */
  readonly lr: (step: number) => number;
  readonly method: PruningMethod;
  /** Masks of the epoch that just ended. */
  readonly layers: () => Promise<readonly EpochLayer[]>;
  readonly momentum?: number;
  readonly weightDecay?: number;
  /** Batches of an epoch from the given one on: a pure function of its arguments. Each is given back when it is enqueued. */
  readonly batches: (epoch: number, startBatch: number) => HostBatches;
  /** Null when the signal came meanwhile: the epoch is then tested anew by the run that goes on. */
  readonly evaluate: (signal?: AbortSignal) => Promise<(Evaluation & { readonly softAccuracy?: number }) | null>;
  readonly start?: Position;
  /** What was counted up to `start` since the last records; without it records are of the steps from there on. */
  readonly counters?: CounterState;
  /** Seconds that the epoch in progress has taken before `start`. */
  readonly epochSeconds?: number;
  /** Steps between step records; default 10. */
  readonly logEvery?: number;
  readonly onRecord?: (record: RunRecord) => void | Promise<void>;
  /**
   * Awaited before each step: a host may hold the run here, let another have its turn, or hear its own messages. After an
   * abort meanwhile, the step is not taken.
   */
  readonly beforeStep?: (position: Position) => void | Promise<void>;
  /** Called after each step that was enqueued. */
  readonly onStep?: (position: Position) => void;
  /** Steps between calls of `onCheckpoint`; it is also called at the end of each epoch and on abort. */
  readonly checkpointEvery?: number;
  readonly onCheckpoint?: (position: Position, reason: CheckpointReason) => Promise<void>;
  /** Asked after each step: true asks for a checkpoint there. */
  readonly saveAsked?: () => boolean;
  readonly signal?: AbortSignal;
}

const KEYS: KeysOf<FitOptions> = {
  ...{ train: true, optimizer: true, epochs: true, stepsPerEpoch: true, lr: true, method: true },
  ...{ layers: true, momentum: true, weightDecay: true, batches: true, evaluate: true, start: true },
  ...{ counters: true, epochSeconds: true, logEvery: true, onRecord: true, beforeStep: true, onStep: true },
  ...{ checkpointEvery: true, onCheckpoint: true, saveAsked: true, signal: true },
};

export interface FitResult {
  readonly position: Position;
  readonly finished: boolean;
  readonly last: EpochRecord | null;
  /** Mean loss of the last step record; NaN before the first. */
  readonly loss: number;
}

/**
 * Trains. Threshold order as published: forward and backward under d(n), the SGD step, then the threshold moves to d(n+1).
 * Throws NonFiniteLossError on a NaN or infinite loss; the weights are then those of before that step.
 * What reading a batch throws is passed on. However it ends, the reading of batches has ended too.
 */
export async function fit(options: FitOptions): Promise<FitResult> {
  expectKeys(options, KEYS, (problem) => new ArgumentError(`fit: ${problem}`));
  return new FitLoop(options).run();
}
