// The memory of a model that is only evaluated, against what there is.
import { currentGpu, type EvaluationPlanOptions, MemoryError, planEvaluation } from "../index.ts";
import { fittingBatch, limitOf, refusal } from "./memory_fit.ts";

export type EvaluationLoad = Omit<EvaluationPlanOptions, "adapter">;

/** What to change so that an evaluation takes at most `limit` bytes, in words. */
function remedy(load: EvaluationLoad, limit: number): string {
  const need = (batchSize: number) => {
    try {
      return planEvaluation({ ...load, batchSize, adapter: currentGpu().adapter });
    } catch {
      return Number.POSITIVE_INFINITY;
    }
  };
  const batch = fittingBatch(need, load.batchSize, limit);
  return batch === null
    ? "Not even a batch of one fits: take a smaller network or another adapter"
    : `--batch-size ${batch} fits`;
}

/**
 * Carries out an evaluation whose load is known, on the device in use. Where a software adapter's memory is too small for it,
 * nothing is begun.
 *
 * Errors    MemoryError with the batch size that fits.
 */
export async function evaluateWithin<T>(load: EvaluationLoad, work: () => Promise<T>): Promise<T> {
  const { adapter } = currentGpu();
  const limit = limitOf(adapter);
  if (limit !== null) {
    const bytes = planned(load);
    if (bytes !== null && bytes > limit.bytes)
      throw new MemoryError(refusal(load, bytes, limit, remedy(load, limit.bytes)));
  }
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    const had = error.at === null ? (limit?.bytes ?? Number.MAX_VALUE) : error.at.live + error.at.pooled;
    throw new MemoryError(`${error.message}. ${remedy(load, had)}`, error.at);
  }
}

/** Bytes that an evaluation takes; null where it cannot be planned, which running it will say better. */
function planned(load: EvaluationLoad): number | null {
  try {
    return planEvaluation({ ...load, adapter: currentGpu().adapter });
  } catch {
    return null;
  }
}
