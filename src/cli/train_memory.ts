// Compares the memory of a training run with the adapter's: refuses it before the start, explains it when it runs out.
import { type AdapterReport, currentGpu, MemoryError, type MemoryPlan } from "../internal.ts";
import type { Recipe } from "../recipe/recipe.ts";
import type { Splits } from "../recipe/splits.ts";
import { bytesOf, type Load, limitOf, outOfMemoryLines, type PlanLoad, refusal, remedies } from "../run/memory_fit.ts";
import { defined } from "../text/index.ts";
import { planOf } from "./train_data.ts";

const LARGEST = 6;

const loadOf = ({ batchSize, microBatch, model, precision }: Recipe, data: Splits): Load => ({
  // A batch never has more than all images.
  batchSize: Math.min(batchSize, data.train.length),
  microBatch,
  checkpointBlocks: model.checkpointBlocks,
  precision,
});

/** Return true if the adapter computes in f16. */
const computesHalf = ({ features }: AdapterReport): boolean => features.includes("shader-f16");

const planner =
  (recipe: Recipe, data: Splits, adapter: AdapterReport): PlanLoad =>
  ({ batchSize, microBatch, checkpointBlocks, precision }) => {
    const { microBatch: _, precision: __, ...whole } = recipe;
    return planOf(
      { ...whole, ...defined({ microBatch, precision }), batchSize, model: { ...recipe.model, checkpointBlocks } },
      data,
      adapter,
    );
  };

/**
 * Predict the memory of a run. Call before the session is built, since this restarts the sequence of random weights.
 *
 * Errors    MemoryError if it is more than the adapter can bind, or than a software adapter has; says what would fit.
 */
export function planWithin(recipe: Recipe, data: Splits, adapter: AdapterReport): MemoryPlan {
  const limit = limitOf(adapter);
  const load = loadOf(recipe, data);
  const remedy = (bytes: number) => remedies(planner(recipe, data, adapter), load, bytes, computesHalf(adapter));
  let plan: MemoryPlan;
  try {
    plan = planOf(recipe, data, adapter);
  } catch (error) {
    if (!(error instanceof MemoryError)) throw error;
    throw new MemoryError(`${error.message}. ${remedy(limit?.bytes ?? Number.MAX_VALUE)}`);
  }
  if (limit === null || bytesOf(plan) <= limit.bytes) return plan;
  throw new MemoryError(refusal(load, bytesOf(plan), limit, remedy(limit.bytes)));
}

/** Return a function that predicts the memory of a run, within that of an adapter, or on a generic card. */
export const plannerOf = (data: Splits) => (recipe: Recipe, adapter?: AdapterReport) =>
  adapter === undefined ? planOf(recipe, data) : planWithin(recipe, data, adapter);

/** Return the error of a run. If memory ran out, add a table of what holds it, and what would fit. */
export function withMemoryTable(error: unknown, recipe: Recipe, data: Splits): unknown {
  if (!(error instanceof MemoryError) || error.at === null) return error;
  const { adapter, pool } = currentGpu();
  const had = error.at.live + error.at.pooled;
  const plan = planner(recipe, data, adapter);
  const load = loadOf(recipe, data);
  const lines = outOfMemoryLines(
    error,
    plan(load),
    pool.largest(LARGEST),
    remedies(plan, load, had, computesHalf(adapter)),
  );
  return new MemoryError(lines.join("\n"), error.at);
}
