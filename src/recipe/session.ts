// Builds a session from a recipe and its data.
import {
  applyCompaction,
  buildModel,
  type CompactSizes,
  hasMomentum,
  isArrays,
  isStreamed,
  type Module,
  manualSeed,
  modelRegistry,
  numel,
  OpError,
  type OptimizerConfig,
  type RandomState,
  type RunConfig,
  Session,
  type SessionSamples,
} from "../internal.ts";
import { UsageError } from "../terminal/fail.ts";
import { defined } from "../text/index.ts";
import { sizesIn } from "./compact_metadata.ts";
import { objectiveOf, outputsOf } from "./objective.ts";
import { type Recipe, withoutIdle } from "./recipe.ts";
import { forEncoder, spikingOptions } from "./spiking.ts";
import type { Splits } from "./splits.ts";

interface ModelPlan {
  readonly model: Pick<
    Recipe["model"],
    "name" | "shortcut" | "layers" | "width" | "timeSteps" | "neuron" | "tau" | "surrogate" | "encoder"
  > & {
    readonly checkpointBlocks?: boolean;
    /** Sizes of a compacted model, or their text in a recipe. */
    readonly compact?: CompactSizes | string | undefined;
    /** Builds a network that has no name, such as one of a NIR graph. */
    readonly build?: () => Module;
  };
  /** Name of the data set. */
  readonly data: string;
  /** Random state of dropout, stochastic depth and Poisson spikes. */
  readonly random: RandomState;
}

/** Build the recipe's model for samples of this shape. Throws UsageError for sizes of another compacted model. */
export function modelFor(plan: ModelPlan, shape: readonly number[], classes: number): Module {
  const built = plan.model.build?.() ?? modelOfName(plan, shape, classes);
  const { name, compact } = plan.model;
  if (!compact) return built;
  try {
    applyCompaction(built, typeof compact === "string" ? sizesIn(compact, "model.compact") : compact);
  } catch (error) {
    if (error instanceof OpError)
      throw new UsageError(`model ${name}: not the one that was compacted: ${error.message}`);
    throw error;
  }
  return built;
}

function modelOfName({ model, data, random }: ModelPlan, shape: readonly number[], classes: number): Module {
  const { hidden: takesAll = false } = (Object.hasOwn(modelRegistry, model.name) && modelRegistry[model.name]) || {};
  if (takesAll) return mlpFor(model, shape, classes);
  if (shape.length !== 3)
    throw new UsageError(
      `model ${model.name}: expected images [c, h, w], got samples [${shape.join(", ")}]; mlp takes any`,
    );
  const [channels, height, width] = shape as [number, number, number];
  if (height !== width) throw new UsageError(`model ${model.name}: expected square images, got ${height}x${width}`);
  const spiking = spikingOptions(model, data, random);
  return buildModel(
    model.name,
    { channels, size: height, classes },
    {
      activationCheckpoint: model.checkpointBlocks ?? false,
      random,
      ...defined({ shortcut: model.shortcut }),
      ...(spiking ? { spiking } : {}),
    },
  );
}

/** Build a network of samples of any shape. */
function mlpFor({ name, layers, width }: ModelPlan["model"], shape: readonly number[], outputs: number): Module {
  return buildModel(name, { channels: numel(shape), size: 1, classes: outputs }, { hidden: { layers, width } });
}

/** Return the optimiser's own settings; undefined for SGD, which has none. */
function optimizerOf({ optimizer = "sgd", betas, eps, amsgrad, alpha, centered }: Recipe): OptimizerConfig | undefined {
  return optimizer === "sgd" ? undefined : { name: optimizer, ...defined({ betas, eps, amsgrad, alpha, centered }) };
}

/** Return the configuration of a session. Streamed images are cropped and flipped by their reader. */
export function runConfig(recipe: Recipe, train: SessionSamples | null): RunConfig {
  const { epochs, finetuneEpochs, batchSize, microBatch, nesterov, weightDecay, labelSmoothing } = recipe;
  const optimizer = optimizerOf(recipe);
  // A recipe has a momentum by default, which Adam does not read.
  const momentum = hasMomentum(optimizer ?? { name: "sgd" }) ? recipe.momentum : 0;
  const { precision, recalibrate, seed, logEvery, augment } = recipe;
  const { lr, prune } = withoutIdle(recipe);
  const { crop, flip } = train && !isArrays(train) && isStreamed(train) ? { crop: 0, flip: false } : augment;
  return {
    ...{ epochs, finetuneEpochs, batchSize, microBatch, lr, momentum, nesterov, weightDecay, labelSmoothing },
    ...(optimizer ? { optimizer } : {}),
    ...{ precision, prune, augment: { crop, flip }, recalibrate, seed, logEvery },
  };
}

/** Build a session. `random`: state of dropout and a Poisson encoder; the session sets its step. */
export function buildSession(
  recipe: Recipe,
  { train, test, table }: Pick<Splits, "train" | "test" | "table">,
  random: RandomState,
): Session {
  manualSeed(recipe.seed);
  const model = modelFor({ model: recipe.model, data: recipe.data.name, random }, train.shape, outputsOf(train));
  const { loss, metrics, score } = objectiveOf(recipe, train, table);
  const { encoder } = recipe.model;
  return new Session({
    model,
    data: { train: forEncoder(train, encoder), test: forEncoder(test, encoder) },
    config: runConfig(recipe, train),
    ...{ loss, metrics, score },
    savedConfig: recipe,
    random,
  });
}
