// Runs the steps of a session before it trains: on zeros, to allocate all memory, and in trials of the tuner.
import { currentGpu } from "../gpu/index.ts";
import type { StepMemory } from "../tensor/index.ts";
import type { ImageSize } from "./batch_step.ts";
import { batchSizes } from "./micro_batches.ts";
import type { SessionParts } from "./session_build.ts";
import { evaluationBatch, zeroBatch } from "./session_data.ts";
import type { SessionRecalibration } from "./session_recalibration.ts";

/** Return the learning rate to set for step n; undefined if the optimizer moves its rates itself. */
const rateOf = ({ ownRates, plan }: SessionParts, n: number): number | undefined => (ownRates ? undefined : plan.lr(n));

/** Enqueue a step, then a test and a re-estimation, on zeros, for each batch shape. Returns the memory of each recording. */
export function rehearseSession(
  parts: SessionParts,
  recalibration: SessionRecalibration,
  stored: ImageSize | undefined,
  tested: ImageSize | undefined,
): StepMemory[] {
  const { model, train, test, config, evaluator, step, plan } = parts;
  const recordings: StepMemory[] = [];
  for (const size of batchSizes(train.length, config.batchSize)) {
    step.run(zeroBatch(train, size, stored), { step: 0, lr: rateOf(parts, 0), values: plan.method.values(0) });
    recordings.push(step.memory());
  }
  model.eval();
  for (const size of batchSizes(test?.length ?? 0, evaluationBatch(config))) {
    evaluator!.enqueue(zeroBatch(test!, size, tested), 0);
    recordings.push(evaluator!.memory());
  }
  model.train();
  recalibration.rehearse(stored, (made) => recordings.push(made.memory()));
  return recordings;
}

/** Let the tuner try kernels for every batch shape of the run, before step n is captured. */
export async function tuneSession(parts: SessionParts, n: number): Promise<void> {
  const { tuner } = currentGpu();
  if (!tuner.active) return;
  const { model, optimizer, train, test, config, evaluator, step, plan } = parts;
  const rate = rateOf(parts, n);
  optimizer.set({ ...plan.method.values(n), ...(rate === undefined ? {} : { lr: rate }) });
  for (const size of batchSizes(train.length, config.batchSize)) step.rehearse(size);
  model.eval();
  for (const size of batchSizes(test?.length ?? 0, evaluationBatch(config))) evaluator!.rehearse(size);
  model.train();
  await tuner.tune();
}
