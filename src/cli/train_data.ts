// Loads the data of a run, and predicts the memory of training on it.
import { type AdapterReport, type MemoryPlan, planTraining, RandomState } from "../internal.ts";
import { isEventData } from "../recipe/data_names.ts";
import { loadSplits } from "../recipe/datasets.ts";
import { objectiveOf, outputsOf, targetOf } from "../recipe/objective.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { modelFor, runConfig } from "../recipe/session.ts";
import { timeStepsOf } from "../recipe/spiking.ts";
import type { OnDamaged, Splits } from "../recipe/splits.ts";
import type { Output } from "../terminal/output.ts";
import { createProgress, silent } from "../terminal/progress.ts";

/** Name the samples of a recipe. */
export const samplesOf = (recipe: Recipe) =>
  isEventData(recipe.data.name)
    ? `recordings of ${timeStepsOf(recipe.model, recipe.data.name)} frames`
    : recipe.data.name === "table"
      ? "samples"
      : "images";

/**
 * Load the samples of a recipe, with a progress bar for event files, which take a while. `warn` receives a line for each
 * corrupt image that is skipped.
 */
export async function loadData(recipe: Recipe, out: Output, warn: (line: string) => void): Promise<Splits> {
  const steps = timeStepsOf(recipe.model, recipe.data.name);
  const progress = out.json || !isEventData(recipe.data.name) ? silent : createProgress({ label: "read" });
  const onDamaged: OnDamaged = ({ message, source, key, fault }, count) => {
    warn(`skipped ${message} (${count} so far)`);
    out.emit({ kind: "damaged", source, image: key, fault, count });
  };
  try {
    const data = await loadSplits({ ...recipe.data, augment: recipe.augment, loss: recipe.loss }, steps, {
      progress: (done, total) => progress.update(done, total),
      onDamaged,
    });
    for (const { name, saturated = 0 } of [data.train, data.test] as { name: string; saturated?: number }[]) {
      if (saturated > 0) progress.log(`${name}: ${saturated} pixels counted more than 255 events, and were clipped`);
    }
    for (const note of data.notes) out.say(note);
    return data;
  } finally {
    progress.stop();
  }
}

/** Predict the memory of a run. Call before the session is built, since this restarts the sequence of random weights. */
export function planOf(recipe: Recipe, data: Splits, adapter?: AdapterReport): MemoryPlan {
  const { train, test, stored, table } = data;
  const { loss, metrics } = objectiveOf(recipe, train, table);
  return planTraining({
    build: () => {
      const parts = { model: recipe.model, data: recipe.data.name, random: new RandomState(recipe.seed) };
      return modelFor(parts, train.shape, outputsOf(train));
    },
    sample: train.shape,
    classes: train.classes.length,
    ...targetOf(train),
    ...{ loss, metrics },
    config: runConfig(recipe, train),
    ...(stored ? { stored } : {}),
    trainImages: train.length,
    testImages: test.length,
    ...(adapter ? { adapter } : {}),
  });
}
