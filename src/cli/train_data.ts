// The data of a run, read with a bar where that takes a while, and the memory that training on them takes.
import { type AdapterReport, type MemoryPlan, planTraining, RandomState } from "../index.ts";
import { isEventData } from "../recipe/data_names.ts";
import { loadSplits, type Splits } from "../recipe/datasets.ts";
import type { OnDamaged } from "../recipe/image_data.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { modelFor, runConfig } from "../recipe/session.ts";
import { timeStepsOf } from "../recipe/spiking.ts";
import type { Output } from "../terminal/output.ts";
import { createProgress, silent } from "../terminal/progress.ts";

/** What the samples of a recipe are called. */
export const samplesOf = (recipe: Recipe) =>
  isEventData(recipe.data.name) ? `recordings of ${timeStepsOf(recipe.model, recipe.data.name)} frames` : "images";

/**
 * The samples of a recipe. Event files take a while: a bar shows how far they are. `warn` is told of each damaged image
 * that a run passes over.
 */
export async function loadData(recipe: Recipe, out: Output, warn: (line: string) => void): Promise<Splits> {
  const steps = timeStepsOf(recipe.model, recipe.data.name);
  const progress = out.json || !isEventData(recipe.data.name) ? silent : createProgress({ label: "read" });
  const onDamaged: OnDamaged = ({ message, source, key, fault }, count) => {
    warn(`passed over ${message} (${count} so far)`);
    out.emit({ kind: "damaged", source, image: key, fault, count });
  };
  try {
    const data = await loadSplits({ ...recipe.data, augment: recipe.augment }, steps, {
      progress: (done, total) => progress.update(done, total),
      onDamaged,
    });
    for (const { name, saturated = 0 } of [data.train, data.test] as { name: string; saturated?: number }[]) {
      if (saturated > 0)
        progress.log(`${name}: ${saturated} pixels counted more than 255 events, and were cut to that`);
    }
    for (const note of data.notes) out.say(note);
    return data;
  } finally {
    progress.stop();
  }
}

/** The memory that a run will take. Ask before there is a session, which starts the sequence of random weights anew. */
export const planOf = (recipe: Recipe, { train, test, stored }: Splits, adapter?: AdapterReport): MemoryPlan =>
  planTraining({
    build: () => {
      const parts = { model: recipe.model, data: recipe.data.name, random: new RandomState(recipe.seed) };
      return modelFor(parts, train.shape, train.classes.length);
    },
    sample: train.shape,
    classes: train.classes.length,
    config: runConfig(recipe, train),
    ...(stored ? { stored } : {}),
    trainImages: train.length,
    testImages: test.length,
    ...(adapter ? { adapter } : {}),
  });
