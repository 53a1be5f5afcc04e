// Batch norm statistics that a session re-estimates for its tests and exports. Those of training come back after each use.
import { ArgumentError, valueText } from "../text/index.ts";
import type { HostBatch } from "./batch_step.ts";
import type { RunConfig } from "./config.ts";
import { firstBatches } from "./first_batches.ts";
import { batchSizes, microBatches } from "./micro_batches.ts";
import { hasBatchNorm, type LayerStatistics, Recalibrator, readStatistics, writeStatistics } from "./recalibrate.ts";
import type { SessionParts } from "./session_build.ts";
import { formatOf, type SessionBatches, zeroBatch } from "./session_data.ts";

/** Options of one use of the statistics. */
interface UseOptions {
  /** Training batches. Default: those of the settings. */
  readonly batches?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Steps done, while no other step can change the weights: a second use then takes the statistics of the first. */
  readonly step?: number | undefined;
}

type Parts = Pick<SessionParts, "model" | "config" | "train" | "optimizer" | "randoms" | "replay">;

/** Return the largest number of training samples that re-estimation reads in an epoch. */
export const recalibrationSamples = (
  samples: number,
  { recalibrate = 0, batchSize }: Pick<RunConfig, "recalibrate" | "batchSize">,
): number => Math.min(samples, recalibrate * batchSize);

export class SessionRecalibration {
  /** Training batches of a re-estimation; 0 if there is none, as for a model without batch norm. */
  readonly count: number;
  private readonly session: Parts;
  /** Returns the training batches of an epoch. */
  private readonly batchesOf: (epoch: number) => SessionBatches;
  private readonly possible: boolean;
  private made: Recalibrator | null = null;
  private latest: { readonly step: number; readonly count: number; readonly found: LayerStatistics[] } | null = null;

  constructor(session: Parts, batchesOf: (epoch: number) => SessionBatches) {
    this.session = session;
    this.batchesOf = batchesOf;
    this.possible = hasBatchNorm(session.model);
    this.count = this.possible ? (session.config.recalibrate ?? 0) : 0;
  }

  private get recalibrator(): Recalibrator {
    const { model, config, train, randoms, replay } = this.session;
    const { sample, scale, target } = formatOf(train);
    const { precision } = config;
    this.made ??= new Recalibrator(model, { sample, scale, target, precision, random: randoms, replay });
    return this.made;
  }

  /** Run `work` with re-estimated statistics; null if the signal came first. Without batch norm or batches, run it as it is. */
  async use<T>(work: () => T | Promise<T>, { batches = this.count, signal, step }: UseOptions = {}): Promise<T | null> {
    if (!(Number.isInteger(batches) && batches >= 0))
      throw new ArgumentError(`Session.recalibrated: batches: expected an integer >= 0, got ${valueText(batches)}`);
    if (!this.possible || batches === 0) return await work();
    const found = await this.estimate(batches, step, signal);
    if (!found) return null;
    const own = await readStatistics(this.session.model);
    writeStatistics(found);
    try {
      return await work();
    } finally {
      writeStatistics(own);
    }
  }

  private async estimate(count: number, step?: number, signal?: AbortSignal): Promise<LayerStatistics[] | null> {
    const { latest } = this;
    if (latest && latest.step === step && latest.count === count) return latest.found;
    const { optimizer } = this.session;
    optimizer.harden();
    try {
      const found = await this.recalibrator.run(this.parts(count), { signal });
      this.latest = found && step !== undefined ? { step, count, found } : null;
      return found;
    } finally {
      optimizer.soften();
    }
  }

  /** Yield the first training batches of the run, the same at each call, in micro-batches if the run has them. */
  private async *parts(count: number): AsyncGenerator<HostBatch> {
    const { batchSize, microBatch = batchSize } = this.session.config;
    for await (const batch of firstBatches(this.batchesOf, count))
      for (const part of microBatches(batch, { batchSize, microBatch })) yield part.batch;
  }

  /** Forget the statistics of an earlier position. */
  forget(): void {
    this.latest = null;
  }

  /** Enqueue a batch of zeros of each shape, so that all memory is in use. Calls `recorded` after each. */
  rehearse(stored: Parameters<typeof zeroBatch>[2], recorded: (made: Recalibrator) => void): void {
    const { config, train } = this.session;
    const { batchSize, microBatch = batchSize, recalibrate } = config;
    if (this.count === 0) return;
    for (const size of batchSizes(recalibrationSamples(train.length, { recalibrate, batchSize }), batchSize)) {
      for (const { batch } of microBatches(zeroBatch(train, size, stored), { batchSize, microBatch }))
        this.recalibrator.enqueue(batch, 0);
      recorded(this.recalibrator);
    }
  }

  dispose(): void {
    this.made?.dispose();
    this.made = null;
  }
}
