// A recipe and its data become a session.
import {
  buildModel,
  isStreamed,
  type Module,
  manualSeed,
  type RandomState,
  type RunConfig,
  Session,
  type SessionData,
} from "../index.ts";
import { UsageError } from "../terminal/fail.ts";
import type { Splits } from "./datasets.ts";
import { type Recipe, withoutIdle } from "./recipe.ts";
import { forEncoder, spikingOptions } from "./spiking.ts";

export interface ModelPlan {
  readonly model: Pick<Recipe["model"], "name" | "timeSteps" | "neuron" | "tau" | "surrogate" | "encoder"> & {
    readonly checkpointBlocks?: boolean;
  };
  /** Name of the data set. */
  readonly data: string;
  /** What dropout, stochastic depth and Poisson spikes draw from. */
  readonly random: RandomState;
}

/** The recipe's model for samples of this shape. */
export function modelFor(
  { model, data, random }: ModelPlan,
  shape: readonly [number, number, number],
  classes: number,
): Module {
  const [channels, height, width] = shape;
  if (height !== width)
    throw new UsageError(`model ${model.name} wants square images, the data has ${height}x${width}`);
  const spiking = spikingOptions(model, data, random);
  return buildModel(
    model.name,
    { channels, size: height, classes },
    { checkpoint: model.checkpointBlocks ?? false, random, ...(spiking ? { spiking } : {}) },
  );
}

/** The recipe as a session takes it, with what its run reads: a stream cuts and mirrors its images itself. */
export function runConfig(recipe: Recipe, train: SessionData | null): RunConfig {
  const { epochs, finetuneEpochs, batchSize, microBatch, momentum, nesterov, weightDecay, labelSmoothing } = recipe;
  const { seed, logEvery, augment } = recipe;
  const { lr, prune } = withoutIdle(recipe);
  const { crop, flip } = train && isStreamed(train) ? { crop: 0, flip: false } : augment;
  return {
    ...{ epochs, finetuneEpochs, batchSize, microBatch, lr, momentum, nesterov, weightDecay, labelSmoothing },
    ...{ prune, augment: { crop, flip }, seed, logEvery },
  };
}

/** `random`: what dropout and a Poisson encoder draw from; the session moves its step. */
export function buildSession(
  recipe: Recipe,
  { train, test }: Pick<Splits, "train" | "test">,
  random: RandomState,
): Session {
  manualSeed(recipe.seed);
  const model = modelFor({ model: recipe.model, data: recipe.data.name, random }, train.shape, train.classes.length);
  const { encoder } = recipe.model;
  return new Session({
    model,
    train: forEncoder(train, encoder),
    test: forEncoder(test, encoder),
    config: runConfig(recipe, train),
    savedConfig: recipe,
    random,
  });
}
