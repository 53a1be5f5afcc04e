// What a trained spiking network does on test samples: firing rates, operations and energy, and a figure of its spikes.
import {
  type Activity,
  captureSpikes,
  DataLoader,
  FIRST_DRAW,
  type HostBatch,
  isStreamed,
  type Module,
  measureActivity,
  numbersOf,
  type RandomState,
  type SessionData,
  type SpikeFigure,
} from "../index.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { forEncoder } from "../recipe/spiking.ts";

/** Test samples that the rates are taken over: they settle to two digits within a hundred. */
const SAMPLES = 256;
const BATCH = 64;

export interface ActivityReport {
  readonly report: Activity;
  /** Null for a network without spiking neurons. */
  readonly figure: SpikeFigure | null;
}

/** The first test samples as numbers, batch by batch; of a stream no more than SAMPLES are read. */
async function* numbers(dataset: SessionData, size: number): AsyncGenerator<HostBatch> {
  const batchSize = Math.min(size, dataset.length);
  if (!isStreamed(dataset)) {
    yield* new DataLoader({ dataset, batchSize });
    return;
  }
  const batches = dataset.batches({ batchSize, epoch: 0, seed: 0, startBatch: 0, training: false });
  let seen = 0;
  for await (const batch of batches) {
    yield numbersOf(batch, dataset.shape, dataset);
    batches.recycle(batch);
    seen += batch.size;
    if (seen >= SAMPLES) return;
  }
}

/** Goes through the first test samples; of image files, which may be large, at most `batch` at a time. Waits for the GPU. */
export async function activityOf(
  model: Module,
  test: SessionData,
  recipe: { readonly model: Pick<Recipe["model"], "encoder"> },
  random: RandomState,
  batch = BATCH,
): Promise<ActivityReport> {
  // The same spikes of a Poisson encoder, whenever this is called.
  random.setStep(FIRST_DRAW);
  const dataset = forEncoder(test, recipe.model.encoder);
  const sample = dataset.shape;
  const batches = () => numbers(dataset, isStreamed(dataset) ? Math.min(batch, BATCH) : BATCH);
  const report = await measureActivity(model, batches(), { sample, limit: SAMPLES });
  if (report.spiking.length === 0) return { report, figure: null };
  for await (const first of batches()) {
    return { report, figure: await captureSpikes(model, first, { sample, classes: dataset.classes }) };
  }
  return { report, figure: null };
}
