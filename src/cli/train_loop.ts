// The training loop of `${espalierCommand()} train`: writes and prints records, and saves checkpoints when due.

import {
  bestOf,
  type CheckpointReason,
  type EpochRecord,
  type FitResult,
  NonFiniteError,
  type RunPosition,
  type RunRecord,
  type Session,
  valueOfScore,
} from "../internal.ts";
import { espalierCommand } from "../node/command_name.ts";
import { FileError } from "../node_internal.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { RunFiles } from "../run/files.ts";
import type { Progress } from "../terminal/progress.ts";
import { duration, metricText, percent, plural } from "../text/index.ts";
import type { Stopping } from "./stop_at_signals.ts";

/** Return warnings that help during the run. */
function epochWarnings({ layers }: EpochRecord): string[] {
  return layers.filter((l) => l.zeros === l.weights).map((l) => `${l.name}: all weights are zero; prune less`);
}

const zeroGroups = ({ groupSparsity }: RunRecord) =>
  groupSparsity === undefined ? "" : `  zero groups ${percent(groupSparsity)}`;

const left = ({ multiplyAdds, sparseLayers = 0 }: EpochRecord) =>
  (multiplyAdds === undefined ? "" : `  multiply-adds ${percent(multiplyAdds)}`) +
  (sparseLayers === 0 ? "" : `  sparse kernels in ${plural(sparseLayers, "layer")}`);

/** Write the score with the batch norm statistics of training, if it is known. */
function rawText({ rawTestAccuracy, rawMetrics = {} }: EpochRecord, metric: string): string {
  const raw = metric === "accuracy" ? rawTestAccuracy : rawMetrics[metric];
  return raw === undefined ? "" : `  raw ${metricText(metric, raw)}`;
}

const epochLine = (record: EpochRecord, metric: string, value: number, epochs: number) =>
  `epoch ${record.epoch}/${epochs}  loss ${record.loss.toFixed(4)}  test ${metric} ${metricText(metric, value)}` +
  rawText(record, metric) +
  `  sparsity ${percent(record.sparsity)}${zeroGroups(record)}${left(record)}  threshold ${record.threshold.toPrecision(3)}  ${duration(record.seconds)}`;

export interface LoopParts {
  readonly recipe: Recipe;
  readonly session: Session;
  readonly files: RunFiles;
  readonly progress: Progress;
  /** Seconds of the run so far, including those before a resume. */
  readonly seconds: () => number;
  readonly stopping: Pick<Stopping, "signal" | "takeSaveRequest">;
}

/** Train to the end or until the signal. */
export async function trainLoop(parts: LoopParts): Promise<FitResult> {
  const loop = new Loop(parts);
  const { recipe } = parts;
  const result = await finite(parts, {
    signal: AbortSignal.any([parts.stopping.signal, loop.broken.signal]),
    saveAsked: () => parts.stopping.takeSaveRequest(),
    checkpointEvery: recipe.checkpoint.per === "step" ? recipe.checkpoint.every : 0,
    onStep: (position) => loop.onStep(position),
    onRecord: (record) => loop.onRecord(record),
    onCheckpoint: (position, reason) => loop.onCheckpoint(position, reason),
    // A dead network is an error of the command, which names the checkpoint.
    onEnd: () => {},
  });
  const { failure } = loop;
  if (failure) {
    const { message } = failure;
    const problem = `${message}; stopped, and saved at step ${result.position.step}. Resume with: ${espalierCommand()} train --resume ${recipe.out}`;
    throw new FileError(problem);
  }
  return result;
}

/** Train; if a number is not finite, add to the error which checkpoint is left and what to change. */
async function finite(
  { files, recipe, session }: LoopParts,
  callbacks: Parameters<Session["fit"]>[0],
): Promise<FitResult> {
  try {
    return await session.fit(callbacks);
  } catch (error) {
    if (!(error instanceof NonFiniteError)) throw error;
    const good = await files.lastGood();
    const kept = good ? `the last good checkpoint is ${good}` : "no checkpoint was saved yet";
    const problem = `${error.message}. Stopped without saving this step; ${kept}. Lower the learning rate (now ${recipe.lr.base}), or check the data.`;
    throw new NonFiniteError(problem);
  }
}

class Loop {
  /** Set if metrics cannot be written. They are results, so the run stops, with a checkpoint. */
  failure: FileError | null = null;
  readonly broken = new AbortController();
  private readonly parts: LoopParts;
  private readonly warned = new Set<string>();
  /** Values that the bar shows besides the step. */
  private payload: Record<string, string> = {};

  constructor(parts: LoopParts) {
    this.parts = parts;
  }

  onStep({ step }: RunPosition): void {
    const { progress, session } = this.parts;
    progress.update(step, session.totalSteps, this.payload);
  }

  async onRecord(record: RunRecord): Promise<void> {
    const { files, session } = this.parts;
    if (this.failure) return;
    try {
      files.record(record);
    } catch (cause) {
      if (!(cause instanceof FileError)) throw cause;
      this.failure = cause;
      return this.broken.abort();
    }
    if (record.kind === "step") {
      this.payload = { loss: record.loss.toFixed(3), sparsity: percent(record.sparsity, 1) + zeroGroups(record) };
      return;
    }
    await files.epochEnded(session, record);
    this.epochEnded(record);
  }

  private epochEnded(record: EpochRecord): void {
    const { progress, session } = this.parts;
    for (const warning of epochWarnings(record)) {
      if (!this.warned.has(warning)) progress.log(warning);
      this.warned.add(warning);
    }
    const { score } = session;
    const { testAccuracy: accuracy, testLoss: loss, metrics } = record;
    const value = valueOfScore(score, { accuracy, loss, metrics });
    if (accuracy > session.bestAccuracy) session.bestAccuracy = accuracy;
    session.bestScore = bestOf(score, value, session.bestScore);
    progress.log(epochLine(record, score.metric, value, session.epochs));
  }

  async onCheckpoint(position: RunPosition, reason: CheckpointReason): Promise<void> {
    const { files, recipe, seconds, session } = this.parts;
    const { every, per } = recipe.checkpoint;
    const { epoch, batch } = position;
    const last = epoch + 1 === session.epochs;
    // At the end of an epoch whose test is done: checkpoints by steps come in addition to each epoch.
    const byEpoch = batch === 0 && (per === "step" ? every > 0 : every > 0 && epoch % every === 0);
    const scheduled = reason === "interval" || byEpoch || (batch === 0 && epoch === session.epochs);
    if (scheduled || reason === "abort" || reason === "asked")
      await files.checkpoint(session, position, seconds(), scheduled);
    // A checkpoint due after the test is saved before it too, and replaced later.
    else if (reason === "test due" && (per === "step" || last || (every > 0 && (epoch + 1) % every === 0)))
      await files.checkpointUnseen(session, position, seconds());
  }
}
