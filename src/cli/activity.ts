// Measures a network on test samples: firing rates, operations and energy, and a figure of its spikes.
import {
  captureSpikes,
  FIRST_DRAW,
  isStreamed,
  type LabelledImages,
  type Module,
  measureActivity,
  type NetworkActivity,
  type RandomState,
  type SpikeFigure,
  testBatchesOf,
} from "../internal.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { forEncoder } from "../recipe/spiking.ts";

/** Test samples to average the rates over: two digits settle within a hundred. */
const SAMPLES = 256;
const BATCH = 64;

export interface ActivityReport {
  readonly report: NetworkActivity;
  /** Null for a network without spiking neurons. */
  readonly figure: SpikeFigure | null;
}

/** Run the first test samples; of image files, which may be large, at most `batch` at a time. Waits for the GPU. */
export async function activityOf(
  model: Module,
  test: LabelledImages,
  recipe: { readonly model: Pick<Recipe["model"], "encoder"> },
  random: RandomState,
  batch = BATCH,
): Promise<ActivityReport> {
  // A Poisson encoder then gives the same spikes at every call.
  random.setStep(FIRST_DRAW);
  const dataset = forEncoder(test, recipe.model.encoder);
  const input = { sample: dataset.shape, scale: dataset };
  const most = isStreamed(dataset) ? Math.min(batch, BATCH) : BATCH;
  const batches = () => testBatchesOf(dataset, Math.min(most, dataset.length));
  const report = await measureActivity(model, batches(), { ...input, limit: SAMPLES });
  if (report.spiking.length === 0) return { report, figure: null };
  for await (const first of batches()) {
    return { report, figure: await captureSpikes(model, first, { ...input, classes: dataset.classes }) };
  }
  return { report, figure: null };
}
