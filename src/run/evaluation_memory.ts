// Checks that an evaluation fits into memory.
import { currentGpu, type EvaluationPlanOptions, MemoryError, planEvaluation } from "../internal.ts";
import { fittingBatch, limitOf, NOTHING_FITS, refusal } from "./memory_fit.ts";

type EvaluationLoad = Omit<EvaluationPlanOptions, "adapter">;

/** Say how to make an evaluation take at most `limit` bytes. */
function remedy(load: EvaluationLoad, limit: number): string {
  const need = (batchSize: number) => planned({ ...load, batchSize }) ?? Number.POSITIVE_INFINITY;
  const batch = fittingBatch(need, load.batchSize, limit);
  return batch === null ? NOTHING_FITS : `--batch-size ${batch} fits`;
}

/**
 * Run an evaluation on the current device. If it does not fit into the memory of a software adapter, nothing is started.
 *
 * Errors    MemoryError, with a batch size that fits.
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

/** Return the bytes of an evaluation, or null if it cannot be planned: then running it gives the better error. */
function planned(load: EvaluationLoad): number | null {
  try {
    return planEvaluation({ ...load, adapter: currentGpu().adapter });
  } catch {
    return null;
  }
}
