// The loop of `fit`. Steps are enqueued; metrics are read a few steps late, so that the GPU never waits for the host. Counters
// since the last records are available at any step, for checkpoints.

import type { LossScaleState } from "../optim/loss_scale.ts";
import type { ParameterCounts } from "../optim/parameter_counts.ts";
import { type ImpliedLambda, impliedLambda } from "../prune/implied_lambda.ts";
import type { PruningMethod } from "../prune/method.ts";
import { ArgumentError, defined, expectKeys, type KeysOf } from "../text/index.ts";
import { emptyLayers } from "./dead_layers.ts";
import type { EpochRecord, EpochTest, FitOptions, FitResult, RunPosition, StepRecord } from "./fit.ts";
import { type CounterState, FitCounters } from "./fit_counters.ts";
import { groupSparsityOf, groupSparsityOfCounts } from "./group_sparsity.ts";
import { warnOfLearned } from "./learned_warnings.ts";
import { Pace } from "./pace.ts";
import { NonFiniteLossError } from "./train_step.ts";

/** Return the threshold in force after the last enqueued step. */
async function thresholdAfter(method: PruningMethod, step: number): Promise<number> {
  return method.thresholdAt(step) ?? (await method.readThreshold?.(step)) ?? 0;
}

/** The steps of one step record. */
interface RecordedSteps {
  readonly from: number;
  readonly end: number;
  /** Thresholds at both ends. */
  readonly before: number;
  readonly after: number;
}

/** Return the L1 coefficients of the last recorded step; if the GPU decides the threshold, the mean of all recorded steps. */
function l1Of(options: FitOptions, { from, end, before, after }: RecordedSteps): ImpliedLambda {
  const { method, lr, optimizer } = options;
  const { rule, options: own } = optimizer.groups[0]!;
  // The momentum of the run is none of Adam.
  const momentum = own.momentum === 0 ? 0 : options.momentum;
  const weightDecay = rule.addsDecay ? options.weightDecay : 0;
  if (!method.isL1 || method.phase(end - 1) === "mask") return { lambda: 0, effective: 0, decay: 0, total: 0 };
  const { mode } = method.group;
  // Decay adds an L1 term only if it acts on a stored weight that is larger than the effective one.
  const { decayTarget = mode === "inplace" || mode === "fista" ? "effective" : "latent" } = method.group;
  const common = { momentum: method.l1Momentum ?? momentum, weightDecay, decayTarget } as const;
  const threshold = method.thresholdAt(end - 1);
  if (threshold !== null)
    return impliedLambda({ ...common, threshold, increment: method.increment(end - 1), lr: lr(end - 1) });
  const held = method.heldStep?.(end - 1);
  if (held) return impliedLambda({ ...common, ...held, lr: lr(end - 1) });
  let rates = 0;
  for (let n = from; n < end; n++) rates += lr(n);
  return impliedLambda({ ...common, threshold: after, increment: after - before, lr: rates });
}

/** Return the share of zeros among the prunable weights. `weights`: their number, if others were removed; those count as zeros. */
export function sparsityOf(counts: readonly ParameterCounts[], weights?: number): number {
  const prunable = counts.filter((c) => c.param.prunable);
  const total = weights ?? prunable.reduce((sum, c) => sum + c.param.numel, 0);
  return total === 0 ? 0 : 1 - prunable.reduce((sum, c) => sum + c.nonzero, 0) / total;
}

const changesOf = (counts: readonly ParameterCounts[]) =>
  counts.reduce((n, c) => (c.param.prunable ? n + c.pruned + c.regrown : n), 0);

/** Result of the test of a run without a test set. */
const UNTESTED: Omit<EpochTest, "correct" | "samples"> = {
  loss: Number.NaN,
  accuracy: Number.NaN,
};

export class FitLoop {
  private readonly options: FitOptions;
  private readonly logEvery: number;
  private step: number;
  private epoch: number;
  /** Batches of the epoch already used; all of them while the epoch's test is due. */
  private batch: number;
  private counters!: FitCounters;
  private recording = false;
  /** Steps done at the latest step record, which may still be pending. */
  private recorded: number;
  private pending: Promise<void> = Promise.resolve();
  private last: EpochRecord | null = null;
  private deadLayers: readonly string[] = [];
  /** Start of the epoch in progress, shifted by the time of interruptions. */
  private began = 0;

  constructor(options: FitOptions) {
    this.options = options;
    this.logEvery = Math.min(options.logEvery ?? 10, options.train.readEvery);
    const { step, epoch, batch } = options.start ?? { step: 0, epoch: 0, batch: 0 };
    [this.step, this.epoch, this.batch] = [step, epoch, batch];
    this.recorded = options.counters?.logged ?? step;
  }

  get position(): RunPosition {
    const { step, epoch, batch } = this;
    return { step, epoch, batch };
  }

  /** Seconds of the epoch in progress so far; 0 between epochs. */
  get epochSeconds(): number {
    return this.batch === 0 ? 0 : (performance.now() - this.began) / 1000;
  }

  /**
   * Return the counters since the last records, for a checkpoint at this position; null before the run. Waits for the GPU.
   * Errors: NonFiniteLossError.
   */
  async snapshot(): Promise<CounterState | null> {
    // Not inside `onRecord`: the pending record waits for the host, which waits for this.
    if (!this.recording) await this.pending;
    if (!this.counters) return null; // not started yet
    if (this.counters.unread < this.step) await this.read(this.step);
    return this.counters.state();
  }

  /** Train to the end or until the signal. */
  async run(): Promise<FitResult> {
    const { optimizer, method, epochs, stepsPerEpoch, signal, counters = null, epochSeconds = 0 } = this.options;
    const changes = changesOf(await optimizer.counts());
    const thresholdBefore = await thresholdAfter(method, this.step);
    this.counters = new FitCounters(this.step, counters, { thresholdBefore, changes });
    let before = 1000 * epochSeconds;
    while (this.epoch < epochs) {
      this.began = performance.now() - before;
      before = 0;
      if (this.batch < stepsPerEpoch) await this.trainEpoch();
      if (signal?.aborted && this.batch < stepsPerEpoch) return this.stopped();
      if (this.batch < stepsPerEpoch)
        throw new ArgumentError(`epoch ${this.epoch + 1}: expected ${stepsPerEpoch} batches, got ${this.batch}`);
      if (signal?.aborted) return this.stopped();
      // Before the test, which may take long: a run killed during the test resumes with it.
      await this.options.onCheckpoint?.(this.position, "test due");
      if (!(await this.endEpoch())) return this.stopped();
      const isDead = this.deadLayers.length > 0;
      await this.options.onCheckpoint?.(this.position, signal?.aborted || isDead ? "abort" : "epoch");
      if ((signal?.aborted || isDead) && this.epoch < epochs) return this.result(false);
    }
    return this.result(true);
  }

  private async stopped(): Promise<FitResult> {
    await this.options.onCheckpoint?.(this.position, "abort");
    return this.result(false);
  }

  private async result(finished: boolean): Promise<FitResult> {
    const { position, last, deadLayers, counters, options } = this;
    const reason = deadLayers.length > 0 ? "dead" : finished ? "done" : "signal";
    const result: FitResult = { position, finished, reason, deadLayers, last, loss: counters.lastLoss ?? Number.NaN };
    await options.onEnd?.(result);
    return result;
  }

  /** Take the remaining steps of the epoch. */
  private async trainEpoch(): Promise<void> {
    const { options } = this;
    const { signal, stepsPerEpoch } = options;
    const batches = options.batches(this.epoch, this.batch);
    const pace = signal ? new Pace() : null;
    for await (const data of batches) {
      if (options.beforeStep) {
        await options.beforeStep(this.position);
        if (signal?.aborted) break;
      }
      this.enqueue(data);
      batches.recycle?.(data);
      const made = options.onStep?.(this.position);
      if (made instanceof Promise) await made;
      if (this.step - this.recorded >= this.logEvery) {
        // Wait for the previous reading only: this one arrives while the next steps run.
        await this.pending;
        this.pending = this.log();
        this.pending.catch(() => {}); // rethrown when awaited
      }
      await this.saveIfDue();
      await pace?.enqueued();
      if (signal?.aborted) break;
    }
    await this.pending;
    // No record in mid-epoch: an uninterrupted run would not have it.
    if (this.batch < stepsPerEpoch) await this.snapshot();
    else if (this.step > this.recorded) await this.log();
  }

  /** Save in mid-epoch, at the interval or on request. */
  private async saveIfDue(): Promise<void> {
    const { checkpointEvery: every, saveAsked, onCheckpoint, stepsPerEpoch } = this.options;
    const reason = every && this.step % every === 0 ? "interval" : saveAsked?.() ? "asked" : null;
    // The end of an epoch has its own checkpoints.
    if (!reason || this.batch === stepsPerEpoch) return;
    await this.pending;
    // A loss that is not finite throws here, before anything is saved.
    await this.snapshot();
    await onCheckpoint?.(this.position, reason);
  }

  private enqueue(data: Parameters<FitOptions["train"]["run"]>[0]): void {
    const { train, lr, method, ownRates = false } = this.options;
    const { step } = this;
    const rate = ownRates ? undefined : lr(step);
    train.run(data, { step, lr: rate, values: method.values(step), before: () => method.beforeStep?.(step) });
    this.step++;
    this.batch++;
    method.afterStep?.(this.step);
    this.enterPhase();
  }

  /** Set the phase of the next update if it changes here. Masked training begins with a bake. */
  private enterPhase(): void {
    const { method, optimizer } = this.options;
    const phase = method.phase(this.step);
    if (phase === method.phase(this.step - 1)) return;
    if (phase === "mask") optimizer.bake();
    else optimizer.setPhase(phase);
  }

  /** Read the metrics of the steps up to `end`. Returns the loss scale, if there is one. Errors: NonFiniteLossError. */
  private async read(end: number): Promise<LossScaleState | undefined> {
    const { steps, badStep, lossScale } = await this.options.train.read(this.counters.unread, end);
    if (badStep !== null) throw await this.explain(badStep);
    this.counters.add(steps, end);
    return lossScale;
  }

  private async log(): Promise<void> {
    const { options, counters } = this;
    const { optimizer, method, lr, stepsPerEpoch } = options;
    const end = this.step;
    const epoch = this.epoch + this.batch / stepsPerEpoch;
    const from = counters.logged;
    this.recorded = end;
    const [lossScale, counts, threshold] = await Promise.all([
      this.read(end),
      optimizer.counts(),
      thresholdAfter(method, end),
    ]);
    const { loss, accuracy, metrics } = counters.closeRecord(end);
    const l1 = l1Of(options, { from, end, before: counters.thresholdBefore, after: threshold });
    counters.thresholdBefore = threshold;
    const record: StepRecord = {
      kind: "step",
      step: end,
      epoch,
      loss,
      accuracy: options.train.countsCorrect ? accuracy : Number.NaN,
      ...(metrics ? { metrics: options.train.metricsOf(metrics) } : {}),
      lr: lr(end - 1),
      threshold,
      sparsity: sparsityOf(counts, options.weights),
      // Without the groups of weights that were removed, it would not be the share of the epochs.
      ...(options.weights === undefined
        ? defined({ groupSparsity: groupSparsityOfCounts(counts, method.group.group) })
        : {}),
      lambda: l1.lambda,
      lambdaEffective: l1.effective,
      lambdaDecay: l1.decay,
      lambdaTotal: l1.total,
      ...(lossScale ? { lossScale: lossScale.scale, skippedSteps: lossScale.skippedSteps } : {}),
    };
    this.recording = true;
    try {
      await options.onRecord?.(record);
    } finally {
      this.recording = false;
    }
  }

  /** Read the batch of a step again and find the first op with a bad result. */
  private async explain(bad: number): Promise<Error> {
    const { train, stepsPerEpoch, batches } = this.options;
    const epoch = Math.floor(bad / stepsPerEpoch);
    for await (const data of batches(epoch, bad % stepsPerEpoch)) return train.diagnose(data, bad);
    return new NonFiniteLossError(bad, "its batch could not be read again");
  }

  /** Test and record an epoch whose steps are done. Returns false if the signal came first. */
  private async endEpoch(): Promise<boolean> {
    const { options, counters } = this;
    const { optimizer, method } = options;
    const test = options.evaluate ? await options.evaluate(options.signal) : UNTESTED;
    if (test === null) return false;
    const changes = changesOf(await optimizer.counts());
    const layers = await options.layers();
    const sum = (key: "weights" | "zeros" | "pruned" | "regrown") => layers.reduce((n, l) => n + l[key], 0);
    const { loss, accuracy } = counters.epochMeans;
    this.last = {
      kind: "epoch",
      epoch: this.epoch + 1,
      step: this.step,
      loss,
      accuracy: options.train.countsCorrect ? accuracy : Number.NaN,
      testLoss: test.loss,
      testAccuracy: test.accuracy,
      ...(test.raw ? { rawTestLoss: test.raw.loss, rawTestAccuracy: test.raw.accuracy } : {}),
      ...(test.raw?.metrics ? { rawMetrics: test.raw.metrics } : {}),
      ...(test.metrics ? { metrics: test.metrics } : {}),
      ...(test.softAccuracy === undefined ? {} : { softAccuracy: test.softAccuracy }),
      sparsity: sum("weights") === 0 ? 0 : sum("zeros") / sum("weights"),
      ...defined({ groupSparsity: groupSparsityOf(layers) }),
      threshold: await thresholdAfter(method, this.step),
      ...defined({ multiplyAdds: options.multiplyAdds?.(), sparseLayers: options.sparseLayers?.() }),
      pruned: sum("pruned"),
      regrown: sum("regrown"),
      changes: changes - counters.changes,
      layers,
      seconds: (performance.now() - this.began) / 1000,
    };
    counters.closeEpoch(changes);
    this.epoch++;
    this.batch = 0;
    await options.onRecord?.(this.last);
    warnOfLearned(optimizer, method, this.last);
    this.deadLayers = options.dead?.(emptyLayers(layers)) ?? [];
    if (this.epoch < options.epochs && this.deadLayers.length === 0) await options.betweenEpochs?.(this.step);
    return true;
  }
}

const KEYS: KeysOf<FitOptions> = {
  ...{ train: true, optimizer: true, epochs: true, stepsPerEpoch: true, lr: true, ownRates: true, method: true },
  ...{
    layers: true,
    weights: true,
    multiplyAdds: true,
    sparseLayers: true,
    dead: true,
    momentum: true,
    weightDecay: true,
    batches: true,
    evaluate: true,
  },
  ...{ betweenEpochs: true, start: true },
  ...{ counters: true, epochSeconds: true, logEvery: true, onRecord: true, beforeStep: true, onStep: true },
  ...{ checkpointEvery: true, onCheckpoint: true, onEnd: true, saveAsked: true, signal: true },
};

/**
 * Train. Threshold order as published: forward and backward under d(n), the SGD step, then the threshold moves to d(n+1).
 *
 * Errors    NonFiniteLossError on a NaN or infinite loss, with the weights of before that step; errors of reading a batch. In
 *           every case the reading of batches has ended.
 */
export async function fit(options: FitOptions): Promise<FitResult> {
  expectKeys(options, KEYS, (problem) => new ArgumentError(`fit: ${problem}`));
  return new FitLoop(options).run();
}
