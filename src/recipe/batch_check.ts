// Checks that a network can be trained on every batch of its data: batch norm needs more than one value per channel, which a
// last batch of one image may not have. Uses shapes only, so that it runs before anything is allocated.

import { type Module, metaTensor, OpError, RandomState, recordedSizes, type SessionSamples } from "../internal.ts";
import { UsageError } from "../terminal/fail.ts";
import { plural } from "../text/index.ts";
import { outputsOf } from "./objective.ts";
import type { Recipe } from "./recipe.ts";
import { modelFor } from "./session.ts";

type Batches = Pick<Recipe, "batchSize" | "microBatch">;

/** Return the reason why a network cannot be trained on a batch of this size; null if it can. */
function refusal(model: Module, sample: readonly number[], size: number): string | null {
  model.train();
  try {
    model.forward(metaTensor([size, ...sample]));
    return null;
  } catch (error) {
    if (error instanceof OpError) return error.message;
    throw error;
  }
}

/** Find the first size of a batch or micro-batch that the network refuses. */
function refused(model: Module, { shape, length }: SessionSamples, { batchSize, microBatch }: Batches) {
  for (const size of recordedSizes(length, batchSize, microBatch)) {
    const why = refusal(model, shape, size);
    if (why !== null) return { size, why };
  }
  return null;
}

/** List batch sizes near the given one, smaller ones first; multiples of a micro-batch. */
function nearby({ batchSize, microBatch = 1 }: Batches): number[] {
  const steps = Array.from({ length: 64 }, (_, i) => (i + 1) * microBatch);
  return [...steps.map((n) => batchSize - n).filter((n) => n > 0), ...steps.map((n) => batchSize + n)];
}

/** List divisors, the largest first. */
const divisors = (n: number): number[] => Array.from({ length: n }, (_, i) => n - i).filter((d) => n % d === 0);

/**
 * Refuse a batch size that leaves a batch or micro-batch on which the network cannot be trained.
 *
 * Errors    UsageError with the sizes, the network's reason, and a batch size that works.
 */
export function checkBatches(recipe: Recipe, { train }: { readonly train: SessionSamples }): void {
  const random = new RandomState(recipe.seed);
  const model = modelFor({ model: recipe.model, data: recipe.data.name, random }, train.shape, outputsOf(train));
  try {
    const found = refused(model, train, recipe);
    if (!found) return;
    const { batchSize, microBatch } = recipe;
    const last = train.length % batchSize || batchSize;
    const part = microBatch !== undefined && microBatch < batchSize ? ` in parts of ${microBatch}` : "";
    const what =
      found.size === last ? `a last batch of ${plural(last, "image")}` : `a part of ${plural(found.size, "image")}`;
    const fits = (change: Partial<Batches>) => !refused(model, train, { ...recipe, ...change });
    const batch = nearby(recipe).find((n) => fits({ batchSize: n }));
    const micro = microBatch === undefined ? undefined : divisors(batchSize).find((n) => fits({ microBatch: n }));
    const advice =
      batch !== undefined
        ? `; choose another batch size (e.g. ${batch})`
        : micro !== undefined
          ? `; choose another micro-batch (e.g. ${micro})`
          : "";
    const problem = `${plural(train.length, "image")} at batch size ${batchSize}${part} leave ${what}: ${found.why}${advice}`;
    throw new UsageError(problem);
  } finally {
    model.dispose();
  }
}
