// What a trained spiking network does on test samples: firing rates, operations and energy, and a figure of its spikes.
import {
  type Activity,
  captureSpikes,
  DataLoader,
  FIRST_DRAW,
  type HostBatch,
  type ImageDataset,
  type Module,
  measureActivity,
  type RandomState,
  type SpikeFigure,
} from "../index.ts";
import type { Recipe } from "./recipe.ts";
import { forEncoder } from "./spiking.ts";

/** Test samples that the rates are taken over: they settle to two digits within a hundred. */
const SAMPLES = 256;
const BATCH = 64;

export interface ActivityReport {
  readonly report: Activity;
  /** Null for a network without spiking neurons. */
  readonly figure: SpikeFigure | null;
}

/** Goes through the first test samples. Waits for the GPU. */
export async function activityOf(
  model: Module,
  test: ImageDataset,
  recipe: { readonly model: Pick<Recipe["model"], "encoder"> },
  random: RandomState,
): Promise<ActivityReport> {
  // The same spikes of a Poisson encoder, whenever this is called.
  random.setStep(FIRST_DRAW);
  const dataset = forEncoder(test, recipe.model.encoder);
  const sample = dataset.shape;
  const batches = () => new DataLoader({ dataset, batchSize: Math.min(BATCH, dataset.length) });
  const report = await measureActivity(model, batches(), { sample, limit: SAMPLES });
  if (report.spiking.length === 0) return { report, figure: null };
  let first: HostBatch | null = null;
  for await (const batch of batches()) {
    first = batch;
    break;
  }
  const figure = await captureSpikes(model, first as HostBatch, { sample, classes: dataset.classes });
  return { report, figure };
}
