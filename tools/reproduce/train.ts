// Trains one recipe after another in one process: data and GPU are opened once, each run has its own session.

import {
  Evaluator,
  firstOfEachClass,
  type Gpu,
  type ImageDataset,
  RandomState,
  testBatchesOf,
} from "../../src/internal.ts";
import { openGpu } from "../../src/node/adapter.ts";
import { loadInMemory } from "../../src/recipe/datasets.ts";
import { resolveRecipe } from "../../src/recipe/recipe.ts";
import { buildSession } from "../../src/recipe/session.ts";
import { timeStepsOf } from "../../src/recipe/spiking.ts";
import type { Splits } from "../../src/recipe/splits.ts";
import type { Outcome, Train } from "./experiment.ts";

interface TrainerOptions {
  /** Part of the adapter's name. */
  readonly adapter?: string | undefined;
  /** Folders of data sets by name, if they are not in the default folders. */
  readonly folders?: Readonly<Record<string, string>> | undefined;
}

/** Test images per class for the evaluation after each epoch. The result is measured on all images. */
const GLANCE = 10;
const TEST_BATCH = 500;

interface Trainer {
  readonly gpu: Gpu;
  readonly train: Train;
}

/** Open the GPU. Data sets are read at first use. */
export async function openTrainer({ adapter, folders = {} }: TrainerOptions): Promise<Trainer> {
  const gpu = await openGpu(adapter === undefined ? {} : { adapter });
  const sets = new Map<string, Promise<Splits<ImageDataset>>>();
  const train: Train = async (flags) => {
    const recipe = resolveRecipe({ flags });
    const { name, limit } = recipe.data;
    const key = JSON.stringify([name, limit]);
    const data = { ...recipe.data, ...(folders[name] ? { dir: folders[name] } : {}) };
    const loading = sets.get(key) ?? loadInMemory(data, timeStepsOf(recipe.model, name));
    sets.set(key, loading);
    const splits = await loading;

    const started = performance.now();
    const random = new RandomState(recipe.seed);
    const session = buildSession(recipe, { ...splits, test: firstOfEachClass(splits.test, GLANCE) }, random);
    const evaluator = new Evaluator(session.model, { sample: splits.test.shape, random, scale: splits.test });
    try {
      const { last } = await session.fit();
      if (!last) throw new Error("a run without epochs has no result");
      const { totalSteps, method } = session;
      const threshold = method.thresholdAt(totalSteps) ?? (await method.readThreshold?.(totalSteps)) ?? 0;
      session.optimizer.harden();
      const tested = await evaluator.run(testBatchesOf(splits.test, TEST_BATCH));
      const outcome: Outcome = {
        accuracy: tested.accuracy,
        sparsity: last.sparsity,
        loss: tested.loss,
        seconds: (performance.now() - started) / 1000,
        threshold,
        layers: Object.fromEntries(last.layers.map((layer) => [layer.name, layer.zeros / layer.weights])),
      };
      return outcome;
    } finally {
      evaluator.dispose();
      session.dispose();
    }
  };
  return { gpu, train };
}
