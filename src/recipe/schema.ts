// The recipe of a training run: its schema with every check, what it is by default, and the words of its settings for
// messages and comments.
import { z } from "zod";
import { crossCheck } from "./checks.ts";
import { isEventData } from "./event_data.ts";
import { type Recipe, recipeFields } from "./fields.ts";

export type { Recipe } from "./fields.ts";

/** The schema of a complete recipe: its settings, and what they must be to each other. */
export const recipeSchema = recipeFields.superRefine(crossCheck);

/** Any part of a recipe, at any depth: what a file or the flags of a command line give. */
export type RecipeFlags = DeepPartial<Recipe>;
type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]?: DeepPartial<T[K]> | undefined }
    : T;

/** LeNet with batch norm on MNIST in three epochs: what an empty recipe means. */
export const DEFAULT_RECIPE: Recipe = {
  model: { name: "lenet-bn", checkpointBlocks: false },
  data: { name: "mnist" },
  epochs: 3,
  finetuneEpochs: 0,
  batchSize: 256,
  lr: { schedule: "cosine", base: 0.1, warmupEpochs: 0, min: 0, gamma: 0.1, per: "step" },
  momentum: 0.9,
  nesterov: false,
  weightDecay: 5e-4,
  labelSmoothing: 0,
  prune: {
    method: "soft",
    schedule: "lats",
    threshold: 0.1,
    mode: "latent",
    accelerated: false,
    startEpoch: 0,
    dense: [],
  },
  augment: { crop: 1, flip: false },
  seed: 0,
  checkpoint: { every: 1, per: "epoch", keep: 2 },
  trail: "off",
  logEvery: 10,
  out: "runs/mnist_lenet",
  device: { requireGpu: false },
};

/**
 * What data other than MNIST changes in the defaults. Digits gain 0.25 points from a shift by a pixel, and decay keeps the
 * sparsity that the shift costs; Fashion-MNIST, whose images fill their frame, lost a point by it in three epochs.
 */
export const OTHER_DATA: RecipeFlags = { weightDecay: 0, augment: { crop: 0 } };

/** What event data changes: few samples, each of several frames, for a network that knows time. */
export const EVENT_DEFAULTS: RecipeFlags = {
  ...OTHER_DATA,
  model: { name: "spiking-cnn" },
  epochs: 5,
  batchSize: 64,
  prune: { threshold: 0.05 },
};

/** What CIFAR changes: the usual shifts by four pixels, and mirrors. */
export const CIFAR_DEFAULTS: RecipeFlags = {
  model: { name: "resnet-20" },
  epochs: 10,
  batchSize: 128,
  weightDecay: 1e-4,
  augment: { crop: 4, flip: true },
};

/** What image files change. They are cut to random places and sizes while they are read; see augment.scale. */
export const FILE_DEFAULTS: RecipeFlags = {
  model: { name: "resnet-18" },
  epochs: 10,
  batchSize: 64,
  weightDecay: 1e-4,
  augment: { crop: 0, flip: true },
};

/** Defaults for a data set. */
export function defaultsFor(data: unknown): RecipeFlags {
  if (data === DEFAULT_RECIPE.data.name) return {};
  if (data === "images") return FILE_DEFAULTS;
  if (data === "cifar10" || data === "cifar100") return CIFAR_DEFAULTS;
  return typeof data === "string" && isEventData(data) ? EVENT_DEFAULTS : OTHER_DATA;
}

/** Folder for results where nobody chose one: named after data and model. */
export function defaultFolder(data: unknown, model: unknown): string {
  const same = data === DEFAULT_RECIPE.data.name && model === DEFAULT_RECIPE.model.name;
  return same ? DEFAULT_RECIPE.out : `runs/${String(data)}_${String(model)}`.replaceAll("-", "_");
}

/** The field schema at a path, optional wrappers removed; undefined where the schema has nothing. */
export function fieldAt(path: readonly PropertyKey[]): z.ZodType | undefined {
  let schema: z.ZodType = recipeSchema;
  for (const key of path) {
    if (!(schema instanceof z.ZodObject) || typeof key !== "string" || !Object.hasOwn(schema.shape, key))
      return undefined;
    const next: unknown = schema.shape[key];
    schema = (next instanceof z.ZodOptional ? next.unwrap() : next) as z.ZodType;
  }
  return schema;
}

/** Keys that may stand at a path; empty when no map may stand there. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  const schema = fieldAt(path);
  return schema instanceof z.ZodObject ? Object.keys(schema.shape) : [];
}

/** What the value at a path must be, in words. */
export function wantedAt(path: readonly PropertyKey[]): string | undefined {
  const keys = keysAt(path);
  return keys.length > 0
    ? `a map with keys of ${keys.join(", ")}`
    : (fieldAt(path)?.meta()?.["wanted"] as string | undefined);
}

/** What the field at a path is for. */
export function descriptionAt(path: readonly PropertyKey[]): string | undefined {
  return fieldAt(path)?.meta()?.description;
}
