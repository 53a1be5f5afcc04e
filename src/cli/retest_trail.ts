// Re-estimates the batch norm statistics of the models on the trail of a finished run.
import { loadState, readModelWeights, Trail, valueOfScore } from "../internal.ts";
import type { RunDirectory } from "../node_internal.ts";
import { metricText, percent } from "../text/index.ts";
import type { EndParts } from "./train_result.ts";

/**
 * Test each model of a trail again with re-estimated statistics, and replace its file and its line. A model that was saved with
 * re-estimated ones keeps its raw accuracy. Call it last: it loads the models into that of the session.
 */
export async function retestTrail({ recipe, session, out }: EndParts, directory: RunDirectory): Promise<void> {
  if (!session.recalibrates) return;
  const entries = (await Trail.read(directory)).filter(({ file }) => file !== null);
  // The files hold hard masks, which no gate may change.
  session.optimizer.setPhase("mask");
  for (const [i, { file, rawAccuracy, ...point }] of entries.entries()) {
    const { weights, metadata } = readModelWeights(await directory.read(file!), directory.path(file!));
    loadState(session.model, weights);
    const raw = metadata.has("recalibrated") ? rawAccuracy : (await session.evaluate()).accuracy;
    const found = await session.recalibrated(async () => ({
      test: await session.evaluate(),
      weights: await session.weights(),
    }));
    const { format: _, shapes: __, ...about } = Object.fromEntries(metadata);
    const { accuracy, loss } = found.test;
    const { score: own } = session;
    const value = valueOfScore(own, found.test);
    const score = own.metric === "accuracy" ? {} : { score: { ...own, value } };
    const isKnown = raw !== undefined && !Number.isNaN(raw);
    const measured = { ...point, accuracy, loss, ...(isKnown ? { rawAccuracy: raw } : {}), ...score };
    // Models are dropped once all have their new accuracies.
    const keep = i === entries.length - 1 && recipe.trail !== "off" ? recipe.trail : "all";
    const model = { ...about, recalibrated: String(recipe.recalibrate) };
    await new Trail(directory, { keep }).add(measured, found.weights, model);
    const before = isKnown ? `, before accuracy ${percent(raw)}` : "";
    out.say(`trail, epoch ${point.epoch}: test ${own.metric} ${metricText(own.metric, value)}${before}`);
  }
}
