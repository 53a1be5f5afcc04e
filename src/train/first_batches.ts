// The first training batches of a run: to train on, for a pruning method that measures before it prunes, or to read.
import type { PreliminarySteps } from "../prune/method.ts";
import type { HostBatch, HostBatches } from "./batch_step.ts";
import type { TrainStep } from "./train_step.ts";

/** Yield the first `count` batches from the first epoch on. A batch is recycled once the next one is asked for. */
export async function* firstBatches(
  batchesOf: (epoch: number) => HostBatches,
  count: number,
): AsyncGenerator<HostBatch> {
  let left = count;
  for (let epoch = 0; left > 0; epoch++) {
    const batches = batchesOf(epoch);
    const before = left;
    for await (const batch of batches) {
      yield batch;
      batches.recycle?.(batch);
      if (--left === 0) break;
    }
    if (left === before) return; // an epoch without batches
  }
}

/** Take `steps` steps on the batches from the first epoch on. Errors: NonFiniteLossError, and those of reading a batch. */
export async function trainFirst(
  train: TrainStep,
  batchesOf: (epoch: number) => HostBatches,
  steps: number,
  { values, before, after }: PreliminarySteps,
): Promise<void> {
  let step = 0;
  let read = 0;
  for await (const batch of firstBatches(batchesOf, steps)) {
    const now = step;
    const { lr, ...thresholds } = values(now);
    train.run(batch, { step: now, lr, values: thresholds, before: () => before?.(now) });
    step++;
    await after?.(now);
    if (step - read < train.readEvery && step < steps) continue;
    const { badStep } = await train.read(read, step);
    if (badStep !== null) throw await train.diagnose(batch, badStep);
    read = step;
  }
}
