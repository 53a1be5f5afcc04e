// The training loop: batches in, steps enqueued, metrics read a few steps late so that the GPU never waits for the host.

import type { LayerCounts, SGD } from "../optim/sgd.ts";
import { type ImpliedLambda, impliedLambda } from "../prune/implied_lambda.ts";
import type { PruningMethod } from "../prune/method.ts";
import type { EpochLayer } from "./epoch_layers.ts";
import type { Evaluation } from "./evaluate.ts";
import { NonFiniteLossError, type TrainBatches, type TrainStep } from "./train_step.ts";

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
  /** Batches of the epoch already used. */
  readonly batch: number;
}

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
  readonly batches: (epoch: number, startBatch: number) => TrainBatches;
  readonly evaluate: () => Promise<Evaluation & { readonly softAccuracy?: number }>;
  readonly start?: Position;
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
  readonly onCheckpoint?: (position: Position, reason: "interval" | "epoch" | "abort") => Promise<void>;
  readonly signal?: AbortSignal;
}

export interface FitResult {
  readonly position: Position;
  readonly finished: boolean;
  readonly last: EpochRecord | null;
  /** Mean loss of the last step record. */
  readonly loss: number;
}

/** Threshold in force after the last step enqueued. */
async function thresholdAfter(method: PruningMethod, step: number): Promise<number> {
  return method.thresholdAt(step) ?? (await method.readThreshold?.(step)) ?? 0;
}

/** What the update does next, where that changes after `done` steps. Masked training begins with a bake. */
function enterPhase(method: PruningMethod, optimizer: SGD, done: number): void {
  const phase = method.phase(done);
  if (phase === method.phase(done - 1)) return;
  if (phase === "mask") optimizer.bake();
  else optimizer.setPhase(phase);
}

interface Stretch {
  readonly from: number;
  readonly end: number;
  /** Thresholds at both ends. */
  readonly before: number;
  readonly after: number;
}

/** The L1 coefficients of the last step of a stretch, or where the GPU decides the threshold, of the whole stretch. */
function l1Of(options: FitOptions, { from, end, before, after }: Stretch): ImpliedLambda {
  const { method, lr, momentum, weightDecay } = options;
  if (!method.isL1 || method.phase(end - 1) === "mask") return { lambda: 0, effective: 0, decay: 0, total: 0 };
  const { mode } = method.group;
  // Decay adds an L1 term only where it acts on a stored weight that is larger than the one in use.
  const decayTarget = mode === "inplace" || mode === "fista" ? "effective" : "latent";
  const common = { momentum: method.l1Momentum ?? momentum, weightDecay, decayTarget } as const;
  const threshold = method.thresholdAt(end - 1);
  if (threshold !== null)
    return impliedLambda({ ...common, threshold, increment: method.increment(end - 1), lr: lr(end - 1) });
  let rates = 0;
  for (let n = from; n < end; n++) rates += lr(n);
  // A learned threshold may fall, which an L1 penalty cannot: its pressure is then negative.
  const fell = after < before;
  const l1 = impliedLambda({ ...common, threshold: after, increment: Math.abs(after - before), lr: rates });
  if (!fell) return l1;
  return { lambda: -l1.lambda, effective: -l1.effective, decay: l1.decay, total: l1.decay - l1.effective };
}

/** Zeros over weights, among layers that a threshold acts on. */
export function sparsityOf(counts: readonly LayerCounts[]): number {
  const prunable = counts.filter((c) => c.param.prunable);
  const total = prunable.reduce((sum, c) => sum + c.param.numel, 0);
  return total === 0 ? 0 : 1 - prunable.reduce((sum, c) => sum + c.nonzero, 0) / total;
}

const changesOf = (counts: readonly LayerCounts[]) =>
  counts.reduce((n, c) => (c.param.prunable ? n + c.pruned + c.regrown : n), 0);

/**
 * Trains. Threshold order as published: forward and backward under d(n), the SGD step, then the threshold moves to d(n+1).
 * Throws NonFiniteLossError on a NaN or infinite loss; the weights are then those of before that step.
 * What reading a batch throws is passed on. However it ends, the reading of batches has ended too.
 */
export async function fit(options: FitOptions): Promise<FitResult> {
  const { train, optimizer, epochs, stepsPerEpoch, lr, method, signal } = options;
  const logEvery = Math.min(options.logEvery ?? 10, train.readEvery);
  let { step, epoch, batch } = options.start ?? { step: 0, epoch: 0, batch: 0 };
  let logged = step;
  let last: EpochRecord | null = null;
  let loss = Number.NaN;
  let changes = changesOf(await optimizer.counts());
  let thresholdBefore = await thresholdAfter(method, step);
  const position = (): Position => ({ step, epoch, batch });

  const log = async (): Promise<StepRecord | null> => {
    if (step === logged) return null;
    const from = logged;
    const end = step;
    const at = epoch + batch / stepsPerEpoch;
    logged = end;
    const [{ steps, badStep }, counts, threshold] = await Promise.all([
      train.read(from, end),
      optimizer.counts(),
      thresholdAfter(method, end),
    ]);
    if (badStep !== null) throw await explain(badStep);
    const samples = steps.reduce((n, s) => n + s.samples, 0);
    loss = steps.reduce((sum, s) => sum + s.loss * s.samples, 0) / samples;
    const eta = lr(end - 1);
    const l1 = l1Of(options, { from, end, before: thresholdBefore, after: threshold });
    thresholdBefore = threshold;
    const record: StepRecord = {
      kind: "step",
      step: end,
      epoch: at,
      loss,
      accuracy: steps.reduce((n, s) => n + s.correct, 0) / samples,
      lr: eta,
      threshold,
      sparsity: sparsityOf(counts),
      lambda: l1.lambda,
      lambdaEffective: l1.effective,
      lambdaDecay: l1.decay,
      lambdaTotal: l1.total,
    };
    await options.onRecord?.(record);
    return record;
  };

  /** Finds the batch of a step again and asks which op went wrong. */
  const explain = async (bad: number): Promise<Error> => {
    const e = Math.floor(bad / stepsPerEpoch);
    for await (const b of options.batches(e, bad % stepsPerEpoch)) return train.diagnose(b, bad);
    return new NonFiniteLossError(bad, "its batch could not be read again");
  };

  while (epoch < epochs) {
    const started = performance.now();
    let pending: Promise<StepRecord | null> = Promise.resolve(null);
    let epochLoss = 0;
    let epochCorrect = 0;
    let weight = 0;
    const absorb = (r: StepRecord | null) => {
      if (!r) return;
      epochLoss += r.loss;
      epochCorrect += r.accuracy;
      weight++;
    };
    const batches = options.batches(epoch, batch);
    for await (const data of batches) {
      if (options.beforeStep) {
        await options.beforeStep(position());
        if (signal?.aborted) break;
      }
      const now = step;
      const before = () => method.beforeStep?.(now);
      train.run(data, { step, lr: lr(step), values: method.values(step), before });
      batches.recycle?.(data);
      step++;
      batch++;
      method.afterStep?.(step);
      enterPhase(method, optimizer, step);
      options.onStep?.(position());
      if (step - logged >= logEvery) {
        // Wait for the previous reading only: this one arrives while the next steps run.
        absorb(await pending);
        pending = log();
        pending.catch(() => {}); // rethrown when awaited
      }
      const every = options.checkpointEvery;
      if (every && step % every === 0 && batch < stepsPerEpoch) {
        absorb(await pending);
        absorb(await log());
        pending = Promise.resolve(null);
        await options.onCheckpoint?.(position(), "interval");
      }
      if (signal?.aborted) break;
    }
    absorb(await pending);
    absorb(await log());
    if (signal?.aborted && batch < stepsPerEpoch) {
      await options.onCheckpoint?.(position(), "abort");
      return { position: position(), finished: false, last, loss };
    }
    if (batch < stepsPerEpoch)
      throw new RangeError(`epoch ${epoch + 1} ended after ${batch} of ${stepsPerEpoch} batches`);
    const test = await options.evaluate();
    const now = changesOf(await optimizer.counts());
    const layers = await options.layers();
    const sum = (key: "weights" | "zeros" | "pruned" | "regrown") => layers.reduce((n, l) => n + l[key], 0);
    epoch++;
    batch = 0;
    last = {
      kind: "epoch",
      epoch,
      step,
      loss: epochLoss / Math.max(weight, 1),
      accuracy: epochCorrect / Math.max(weight, 1),
      testLoss: test.loss,
      testAccuracy: test.accuracy,
      ...(test.softAccuracy === undefined ? {} : { softAccuracy: test.softAccuracy }),
      sparsity: sum("weights") === 0 ? 0 : sum("zeros") / sum("weights"),
      threshold: await thresholdAfter(method, step),
      pruned: sum("pruned"),
      regrown: sum("regrown"),
      changes: now - changes,
      layers,
      seconds: (performance.now() - started) / 1000,
    };
    changes = now;
    await options.onRecord?.(last);
    await options.onCheckpoint?.(position(), signal?.aborted ? "abort" : "epoch");
    if (signal?.aborted && epoch < epochs) return { position: position(), finished: false, last, loss };
  }
  return { position: position(), finished: true, last, loss };
}
