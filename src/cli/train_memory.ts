// The memory of a training run against what there is: refused before anything is made, explained when it runs out.
import { type AdapterReport, currentGpu, MemoryError, type MemoryPlan } from "../index.ts";
import type { Splits } from "../recipe/datasets.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { bytesOf, type Load, limitOf, outOfMemoryLines, type PlanLoad, refusal, remedies } from "../run/memory_fit.ts";
import { planOf } from "./train_data.ts";

const LARGEST = 6;

const loadOf = ({ batchSize, microBatch, model }: Recipe, data: Splits): Load => ({
  // More than all images are never in one batch.
  batchSize: Math.min(batchSize, data.train.length),
  microBatch,
  checkpointBlocks: model.checkpointBlocks,
});

const planner =
  (recipe: Recipe, data: Splits, adapter: AdapterReport): PlanLoad =>
  ({ batchSize, microBatch, checkpointBlocks }) => {
    const { microBatch: _, ...whole } = recipe;
    const parts = microBatch === undefined ? {} : { microBatch };
    return planOf({ ...whole, ...parts, batchSize, model: { ...recipe.model, checkpointBlocks } }, data, adapter);
  };

/**
 * The memory that a run will take. Ask before there is a session, which starts the sequence of random weights anew.
 *
 * Errors    MemoryError when it is more than the adapter binds, or than there is for a software adapter: with what fits.
 */
export function planWithin(recipe: Recipe, data: Splits, adapter: AdapterReport): MemoryPlan {
  const limit = limitOf(adapter);
  const load = loadOf(recipe, data);
  const remedy = (bytes: number) => remedies(planner(recipe, data, adapter), load, bytes);
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

/** The memory of a run on an adapter, within what there is; without one, on a card of no particular make. */
export const plannerOf = (data: Splits) => (recipe: Recipe, adapter?: AdapterReport) =>
  adapter === undefined ? planOf(recipe, data) : planWithin(recipe, data, adapter);

/** An error of a run; one that says that memory has run out with a table of what holds it, and what would fit. */
export function withMemoryTable(error: unknown, recipe: Recipe, data: Splits): unknown {
  if (!(error instanceof MemoryError) || error.at === null) return error;
  const { adapter, pool } = currentGpu();
  const had = error.at.live + error.at.pooled;
  const plan = planner(recipe, data, adapter);
  const load = loadOf(recipe, data);
  const lines = outOfMemoryLines(error, plan(load), pool.largest(LARGEST), remedies(plan, load, had));
  return new MemoryError(lines.join("\n"), error.at);
}
