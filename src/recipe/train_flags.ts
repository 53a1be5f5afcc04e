// The flags of `espalier train`, and the part of a recipe that they are.
import { UsageError } from "../terminal/fail.ts";
import { methodSettings } from "./methods.ts";
import type { RecipeFlags } from "./recipe.ts";
import type { SettingPath } from "./uses.ts";

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
  layout?: NonNullable<NonNullable<RecipeFlags["data"]>["layout"]>;
  followLinks?: boolean;
  weights?: string;
  newHead?: boolean;
  key?: string;
  allowMissing?: string[];
  allowUnexpected?: string[];
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

/** The setting of a recipe that each flag is. */
const SETTINGS = {
  model: "model.name",
  checkpointBlocks: "model.checkpointBlocks",
  timeSteps: "model.timeSteps",
  neuron: "model.neuron",
  tau: "model.tau",
  surrogate: "model.surrogate",
  encoder: "model.encoder",
  data: "data.name",
  dataDir: "data.dir",
  by: "data.by",
  frameSize: "data.size",
  size: "data.size",
  limit: "data.limit",
  resize: "data.resize",
  skipBad: "data.skipBad",
  mapping: "data.mapping",
  heldOut: "data.heldOut",
  workers: "data.workers",
  layout: "data.layout",
  followLinks: "data.followLinks",
  weights: "weights",
  newHead: "newHead",
  key: "weightsKey",
  allowMissing: "allowMissing",
  allowUnexpected: "allowUnexpected",
  epochs: "epochs",
  finetune: "finetuneEpochs",
  batchSize: "batchSize",
  microBatch: "microBatch",
  lr: "lr.base",
  lrSchedule: "lr.schedule",
  warmup: "lr.warmupEpochs",
  momentum: "momentum",
  nesterov: "nesterov",
  weightDecay: "weightDecay",
  labelSmoothing: "labelSmoothing",
  schedule: "prune.schedule",
  threshold: "prune.threshold",
  lambda: "prune.lambda",
  sparsity: "prune.sparsity",
  dense: "prune.dense",
  startEpoch: "prune.startEpoch",
  window: "prune.window",
  freezeEpoch: "prune.freezeEpoch",
  strStart: "prune.str.start",
  strDecay: "prune.str.decay",
  ltpL0: "prune.ltp.l0",
  ltpTemperature: "prune.ltp.temperature",
  ltpLr: "prune.ltp.lr",
  mode: "prune.mode",
  beta: "prune.beta",
  crop: "augment.crop",
  flip: "augment.flip",
  seed: "seed",
  checkpointEvery: "checkpoint.every",
  trail: "trail",
  logEvery: "logEvery",
  out: "out",
} as const satisfies Partial<Record<keyof TrainCommandFlags, SettingPath>>;
type SettingFlag = keyof typeof SETTINGS;

const given = (flags: TrainCommandFlags): SettingFlag[] =>
  (Object.keys(SETTINGS) as SettingFlag[]).filter((flag) => flags[flag] !== undefined);

/** A flag as users write it: dataDir is --data-dir. */
export const spelling = (flag: string): string => `--${flag.replaceAll(/[A-Z]/g, (c) => `-${c.toLowerCase()}`)}`;

/** How the user spelled what became the setting at a path; of what a method brings along, --method. */
export function flagNames(flags: TrainCommandFlags): (path: string) => string | undefined {
  const byPath = new Map<string, string>(given(flags).map((flag) => [SETTINGS[flag], spelling(flag)]));
  if (flags.checkpointEvery !== undefined) byPath.set("checkpoint.per", spelling("checkpointEvery"));
  if (flags.followLinks === false) byPath.set("data.followLinks", "--no-follow-links");
  if (flags.flip === false) byPath.set("augment.flip", "--no-flip");
  return (path) =>
    byPath.get(path) ?? (flags.method !== undefined && path.startsWith("prune.") ? "--method" : undefined);
}

/** The part of a recipe that the flags are. Errors: UsageError for flags that contradict each other. */
export function settingsFrom(flags: TrainCommandFlags): RecipeFlags {
  if (flags.size !== undefined && flags.frameSize !== undefined) {
    throw new UsageError(
      "--size and --frame-size: are the same setting, of images and of event frames; give one of them",
    );
  }
  const settings: Record<string, unknown> = {};
  for (const flag of given(flags)) put(settings, SETTINGS[flag].split("."), flags[flag]);
  if (flags.checkpointEvery !== undefined) put(settings, ["checkpoint", "per"], "step");
  if (flags.trail === true) settings["trail"] = "all";
  const { prune, ...rest } = settings as RecipeFlags;
  const pruning = flags.method === undefined ? prune : methodSettings(flags.method, prune);
  return pruning === undefined ? rest : { ...rest, prune: pruning };
}

function put(map: Record<string, unknown>, [key = "", ...rest]: readonly string[], value: unknown): void {
  if (rest.length === 0) {
    map[key] = value;
    return;
  }
  map[key] ??= {};
  put(map[key] as Record<string, unknown>, rest, value);
}
