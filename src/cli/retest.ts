// Tests a model as it is, and with statistics of batch norm that are re-estimated from training batches.
import {
  batchesOf,
  DataLoader,
  type Evaluation,
  type Evaluator,
  type EvaluatorOptions,
  firstBatches,
  type HostBatches,
  isArrays,
  type Module,
  type RecalibrateOptions,
  recalibrate,
  type SessionSamples,
} from "../internal.ts";
import { defined, metricText, percent, plural } from "../text/index.ts";

/** Return a function that gives the batches of an epoch of training samples, shuffled, streamed ones augmented by their reader. */
export const trainingEpochs =
  (train: SessionSamples, batchSize: number, seed: number) =>
  (epoch: number): HostBatches =>
    (isArrays(train)
      ? new DataLoader({ dataset: train, batchSize, seed, epoch, shuffle: true })
      : batchesOf(train, { batchSize, seed, epoch, startBatch: 0, training: true }, undefined)) as HostBatches;

interface RetestParts {
  readonly model: Module;
  readonly evaluator: Evaluator;
  /** Returns the test batches. */
  readonly test: () => HostBatches;
  /** Returns the training batches of an epoch. */
  readonly train: (epoch: number) => HostBatches;
  /** Training batches; 0: the model stays as it is. */
  readonly count: number;
  /** Format of the samples. */
  readonly samples: Omit<RecalibrateOptions, "count">;
}

/** Two tests of a model. */
export interface Retest {
  readonly result: Evaluation;
  /** With the statistics that the model came with; absent if there is nothing to re-estimate. */
  readonly raw?: Evaluation;
}

/** Parts of a test, with which a saved model can be tested again. */
export interface TestParts {
  /** Returns the training batches of an epoch. */
  train(epoch: number): HostBatches;
  /** Returns the test batches. */
  test(): HostBatches;
  /** Format of the samples. */
  readonly samples: Pick<EvaluatorOptions, "sample" | "random" | "scale" | "target" | "dtype">;
  readonly measures: Pick<EvaluatorOptions, "loss" | "metrics">;
}

/** Writes a tested model. Returns lines about the file. */
export type SaveTested = (
  model: Module,
  tested: Retest,
  facts: Readonly<Record<string, string>>,
  parts: TestParts,
) => Promise<string>;

/** Test a model, re-estimate its statistics, and test it again. It keeps the new statistics. */
export async function retest({ model, evaluator, test, train, count, samples }: RetestParts): Promise<Retest> {
  const raw = await evaluator.run(test());
  if (count === 0) return { result: raw };
  const layers = await recalibrate(model, firstBatches(train, count), samples);
  if (layers === 0) return { result: raw };
  return { result: await evaluator.run(test()), raw };
}

/** Say how a network does with the statistics of batch norm that training left. */
export function rawLine(
  { accuracy, loss, metrics = {} }: Pick<Evaluation, "accuracy" | "loss" | "metrics">,
  batches: number,
): string {
  const named = Number.isNaN(accuracy) ? metrics : { accuracy, ...metrics };
  const parts = Object.entries(named).map(([name, value]) => `${name} ${metricText(name, value)}`);
  const count = plural(batches, "training batch", "training batches");
  return `batch norm re-estimated from ${count}; before: test ${[...parts, `loss ${loss.toFixed(4)}`].join(", ")}`;
}

/** Return the numbers with the statistics that the model came with, if they were re-estimated. */
export const rawFields = ({ raw }: Retest, recalibrated: number) =>
  raw ? { rawAccuracy: raw.accuracy, rawLoss: raw.loss, recalibrated, ...defined({ rawMetrics: raw.metrics }) } : {};

/** Say how the model did with the statistics that it came with; or what the run measured before it re-estimated them. */
export function rawLines(
  { raw: tested }: Retest,
  count: number,
  metadata: ReadonlyMap<string, string>,
  data: string,
): string[] {
  if (tested) return [rawLine(tested, count)];
  const raw = Number(metadata.get("rawAccuracy") ?? Number.NaN);
  if (metadata.get("data") !== data || !(raw >= 0 && raw <= 1)) return [];
  return [
    `the file's batch norm was re-estimated; with the running statistics of training the run measured ${percent(raw)}`,
  ];
}
