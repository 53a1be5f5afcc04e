// The flags of `espalier train`, and the part of a recipe that they are.
import { methodSettings } from "./methods.ts";
import type { RecipeFlags } from "./recipe.ts";

export interface TrainCommandFlags {
  adapter?: string;
  requireGpu?: boolean;
  watchdog?: number;
  restarts?: number;
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
  size?: number;
  limit?: number;
  resize?: number;
  skipBad?: number;
  mapping?: string;
  heldOut?: number;
  workers?: number;
  weights?: string;
  newHead?: boolean;
  epochs?: number;
  finetune?: number;
  batchSize?: number;
  microBatch?: number;
  lr?: number;
  lrSchedule?: "constant" | "cosine" | "multistep" | "step";
  warmup?: number;
  momentum?: number;
  nesterov?: boolean;
  weightDecay?: number;
  labelSmoothing?: number;
  method?: string;
  schedule?: NonNullable<NonNullable<RecipeFlags["prune"]>["schedule"]>;
  threshold?: number;
  lambda?: number;
  sparsity?: number;
  dense?: string[];
  startEpoch?: number;
  window?: number;
  freezeEpoch?: number;
  strStart?: number;
  strDecay?: number;
  ltpL0?: number;
  ltpTemperature?: number;
  ltpLr?: number;
  trail?: boolean | "all" | "pareto";
  mode?: "latent" | "inplace";
  beta?: number;
  crop?: number;
  flip?: boolean;
  seed?: number;
  checkpointEvery?: number;
  logEvery?: number;
  out?: string;
  overwrite?: boolean;
  dryRun?: boolean;
  resume?: string;
}

/** Flags that were not given stay undefined, so that the recipe's settings hold. */
export function settingsFrom(f: TrainCommandFlags): RecipeFlags {
  const prune: RecipeFlags["prune"] = {
    schedule: f.schedule,
    threshold: f.threshold,
    lambda: f.lambda,
    sparsity: f.sparsity,
    mode: f.mode,
    beta: f.beta,
    dense: f.dense,
    startEpoch: f.startEpoch,
    window: f.window,
    freezeEpoch: f.freezeEpoch,
    str: group({ start: f.strStart, decay: f.strDecay }),
    ltp: group({ l0: f.ltpL0, temperature: f.ltpTemperature, lr: f.ltpLr }),
  };
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
    data: {
      name: f.data,
      dir: f.dataDir,
      by: f.by,
      size: f.size ?? f.frameSize,
      limit: f.limit,
      resize: f.resize,
      skipBad: f.skipBad,
      mapping: f.mapping,
      heldOut: f.heldOut,
      workers: f.workers,
    },
    weights: f.weights,
    newHead: f.newHead,
    epochs: f.epochs,
    finetuneEpochs: f.finetune,
    batchSize: f.batchSize,
    microBatch: f.microBatch,
    lr: { base: f.lr, schedule: f.lrSchedule, warmupEpochs: f.warmup },
    momentum: f.momentum,
    nesterov: f.nesterov,
    weightDecay: f.weightDecay,
    labelSmoothing: f.labelSmoothing,
    prune: f.method === undefined ? prune : methodSettings(f.method, prune),
    augment: { crop: f.crop, flip: f.flip },
    seed: f.seed,
    ...(f.checkpointEvery === undefined ? {} : { checkpoint: { every: f.checkpointEvery, per: "step" as const } }),
    trail: f.trail === true ? "all" : f.trail || undefined,
    logEvery: f.logEvery,
    out: f.out,
  };
}

/** A map of settings, absent when none of them was given. */
function group<T extends Record<string, unknown>>(settings: T): T | undefined {
  return Object.values(settings).some((value) => value !== undefined) ? settings : undefined;
}
