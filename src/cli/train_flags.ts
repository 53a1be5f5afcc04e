// The flags of `espalier train`, and the part of a recipe that they are.
import type { RecipeFlags } from "./recipe.ts";

export interface TrainCommandFlags {
  adapter?: string;
  requireGpu?: boolean;
  tune?: "off" | "auto" | "on";
  json?: boolean;
  model?: string;
  checkpointBlocks?: boolean;
  timeSteps?: number;
  neuron?: NonNullable<NonNullable<RecipeFlags["model"]>["neuron"]>;
  tau?: number;
  surrogate?: NonNullable<NonNullable<RecipeFlags["model"]>["surrogate"]>;
  encoder?: NonNullable<NonNullable<RecipeFlags["model"]>["encoder"]>;
  data?: NonNullable<NonNullable<RecipeFlags["data"]>["name"]>;
  dataDir?: string;
  by?: "number" | "time";
  frameSize?: number;
  limit?: number;
  epochs?: number;
  batchSize?: number;
  lr?: number;
  lrSchedule?: "constant" | "cosine" | "multistep" | "step";
  warmup?: number;
  momentum?: number;
  nesterov?: boolean;
  weightDecay?: number;
  labelSmoothing?: number;
  schedule?: NonNullable<NonNullable<RecipeFlags["prune"]>["schedule"]>;
  threshold?: number;
  lambda?: number;
  mode?: "latent" | "inplace";
  beta?: number;
  crop?: number;
  flip?: boolean;
  seed?: number;
  checkpointEvery?: number;
  logEvery?: number;
  out?: string;
  overwrite?: boolean;
  resume?: string;
}

/** Flags that were not given stay undefined, so that the recipe's settings hold. */
export function settingsFrom(f: TrainCommandFlags): RecipeFlags {
  return {
    model: {
      name: f.model,
      checkpointBlocks: f.checkpointBlocks,
      timeSteps: f.timeSteps,
      neuron: f.neuron,
      tau: f.tau,
      surrogate: f.surrogate,
      encoder: f.encoder,
    },
    data: { name: f.data, dir: f.dataDir, by: f.by, size: f.frameSize, limit: f.limit },
    epochs: f.epochs,
    batchSize: f.batchSize,
    lr: { base: f.lr, schedule: f.lrSchedule, warmupEpochs: f.warmup },
    momentum: f.momentum,
    nesterov: f.nesterov,
    weightDecay: f.weightDecay,
    labelSmoothing: f.labelSmoothing,
    prune: { schedule: f.schedule, threshold: f.threshold, lambda: f.lambda, mode: f.mode, beta: f.beta },
    augment: { crop: f.crop, flip: f.flip },
    seed: f.seed,
    ...(f.checkpointEvery === undefined ? {} : { checkpoint: { every: f.checkpointEvery, per: "step" as const } }),
    logEvery: f.logEvery,
    out: f.out,
  };
}
