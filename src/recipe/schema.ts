// The schema of a recipe, made of the table of settings; the defaults of each data set; a setting's words for messages.
import { z } from "zod";
import { OPTIMIZER_DEFAULTS } from "../internal.ts";
import { crossCheck } from "./checks.ts";
import { isEventData } from "./data_names.ts";
import { isSetting, leavesOf, type Section, type Setting } from "./setting.ts";
import { type Recipe, SETTINGS } from "./settings.ts";

export type { Recipe } from "./settings.ts";

/** Any part of a recipe, at any depth, such as a file or flags. */
export type RecipeFlags = DeepPartial<Recipe>;
type DeepPartial<T> = T extends readonly unknown[]
  ? T
  : T extends object
    ? { [K in keyof T]?: DeepPartial<T[K]> | undefined }
    : T;

function bounded({ min, max, above, below }: Extract<Setting, { kind: "number" }>): z.ZodType {
  let schema = z.number();
  if (min !== undefined) schema = schema.min(min);
  if (max !== undefined) schema = schema.max(max);
  if (above !== undefined) schema = schema.gt(above);
  return below === undefined ? schema : schema.lt(below);
}

/** Return the schema of one setting. */
export function schemaOf(setting: Setting): z.ZodType {
  switch (setting.kind) {
    case "text":
      return z.string().min(1);
    case "switch":
      return z.boolean();
    case "number":
      return bounded(setting);
    case "integer":
      return z
        .int()
        .min(setting.min)
        .max(setting.max ?? setting.limit);
    case "choice":
      // YAML reads the name `true` as a boolean.
      return setting.of.includes("true")
        ? z.preprocess((value) => (value === true ? "true" : value), z.enum(setting.of))
        : z.enum(setting.of);
    case "names":
      return z.array(z.string().min(1)).min(setting.least ?? 0);
    case "epochs":
      return z.array(z.number().gt(0));
    case "channels": {
      const value = setting.above === undefined ? z.number() : z.number().gt(setting.above);
      return z.tuple([value, value, value]);
    }
    case "shares":
      return z.tuple([z.number().gt(0).max(1), z.number().gt(0).max(1)]);
    case "betas":
      return z.tuple([z.number().min(0).lt(1), z.number().min(0).lt(1)]);
  }
}

const mayBeAbsent = (node: Setting | Section): boolean =>
  isSetting(node)
    ? node.optional === true || node.default === undefined
    : leavesOf(node).every(([, setting]) => mayBeAbsent(setting));

/** Help and default are for the JSON Schema; zod itself fills in no defaults. */
const described = (setting: Setting): z.ZodType =>
  schemaOf(setting).meta({
    description: setting.help,
    ...(setting.default !== undefined && { default: setting.default }),
  });

/** Unknown keys are refused at every level. */
function sectionSchema(section: Section): z.ZodType {
  const shape = Object.entries(section).map(([key, node]) => {
    const schema = isSetting(node) ? described(node) : sectionSchema(node);
    return [key, mayBeAbsent(node) ? schema.optional() : schema] as const;
  });
  return z.strictObject(Object.fromEntries(shape));
}

/** The settings of a complete recipe, without the rules between them. */
export const recipeFields = sectionSchema(SETTINGS) as z.ZodType<Recipe>;

/** The schema of a complete recipe: its settings, and the rules between them. */
export const recipeSchema = recipeFields.superRefine(crossCheck);

function defaultsOf(section: Section): Record<string, unknown> {
  const entries = Object.entries(section).map(([key, node]) => [
    key,
    isSetting(node) ? node.default : defaultsOf(node),
  ]);
  return Object.fromEntries(
    entries.filter(([, value]) => value !== undefined && !(isSection(value) && Object.keys(value).length === 0)),
  ) as Record<string, unknown>;
}
const isSection = (value: unknown): value is object => typeof value === "object" && !Array.isArray(value);

/** The meaning of an empty recipe: LeNet with batch norm on MNIST in three epochs. */
export const DEFAULT_RECIPE = defaultsOf(SETTINGS) as unknown as Recipe;

/**
 * Changes of the defaults for data other than MNIST. Digits gain 0.25 points from a shift by a pixel, and weight decay keeps
 * the sparsity that the shift costs; Fashion-MNIST, whose images fill their frame, lost a point by it in three epochs.
 */
const OTHER_DATA: RecipeFlags = { weightDecay: 0, augment: { crop: 0 } };

/** Changes for event data: few samples, each of several frames, for a spiking network. */
const EVENT_DEFAULTS: RecipeFlags = {
  ...OTHER_DATA,
  model: { name: "spiking-cnn" },
  epochs: 5,
  batchSize: 64,
  prune: { threshold: 0.05 },
};

/** Changes for CIFAR: the usual shifts by four pixels, and flips. */
const CIFAR_DEFAULTS: RecipeFlags = {
  model: { name: "resnet-20" },
  epochs: 10,
  batchSize: 128,
  weightDecay: 1e-4,
  augment: { crop: 4, flip: true },
};

/** Changes for image files. They are cropped at random positions and sizes while they are read; see augment.scale. */
const FILE_DEFAULTS: RecipeFlags = {
  model: { name: "resnet-18" },
  epochs: 10,
  batchSize: 64,
  weightDecay: 1e-4,
  augment: { crop: 0, flip: true },
};

/** Changes for numbers in files: a small network, small batches and many short epochs. */
const TABLE_DEFAULTS: RecipeFlags = {
  ...OTHER_DATA,
  model: { name: "mlp" },
  epochs: 30,
  batchSize: 32,
  lr: { base: 0.02 },
  prune: { threshold: 0.05 },
};

/** Return the changes of the defaults for a data set. */
export function defaultsFor(data: unknown): RecipeFlags {
  if (data === DEFAULT_RECIPE.data.name) return {};
  if (data === "images") return FILE_DEFAULTS;
  if (data === "table") return TABLE_DEFAULTS;
  if (data === "cifar10" || data === "cifar100") return CIFAR_DEFAULTS;
  return typeof data === "string" && isEventData(data) ? EVENT_DEFAULTS : OTHER_DATA;
}

/** Return the default folder of results, named after data and model. */
export function defaultFolder(data: unknown, model: unknown): string {
  const same = data === DEFAULT_RECIPE.data.name && model === DEFAULT_RECIPE.model.name;
  return same ? DEFAULT_RECIPE.out : `runs/${String(data)}_${String(model)}`.replaceAll("-", "_");
}

/** Return the changes of the defaults for an optimiser: those of PyTorch, for all but sgd. */
export function defaultsForOptimizer(optimizer: unknown): RecipeFlags {
  if (typeof optimizer !== "string" || !Object.hasOwn(OPTIMIZER_DEFAULTS, optimizer)) return {};
  const { lr, momentum, weightDecay } = OPTIMIZER_DEFAULTS[optimizer as keyof typeof OPTIMIZER_DEFAULTS];
  return { lr: { base: lr }, momentum, weightDecay };
}

function nodeAt(path: readonly PropertyKey[]): Setting | Section | undefined {
  let node: Setting | Section = SETTINGS;
  for (const key of path) {
    if (isSetting(node) || typeof key !== "string" || !Object.hasOwn(node, key)) return undefined;
    node = node[key]!;
  }
  return node;
}

/** Return the keys of the section at a path; empty if there is no section. */
export function keysAt(path: readonly PropertyKey[]): readonly string[] {
  const node = nodeAt(path);
  return node === undefined || isSetting(node) ? [] : Object.keys(node);
}

/** Return the setting at a path; undefined for a section and for an unknown path. */
export function settingAt(path: readonly PropertyKey[]): Setting | undefined {
  const node = nodeAt(path);
  return node && isSetting(node) ? node : undefined;
}

/** Check a value against the setting at a path; false for a section. */
export function fits(path: readonly PropertyKey[], value: unknown): boolean {
  const setting = settingAt(path);
  return setting !== undefined && schemaOf(setting).safeParse(value).success;
}

/** Describe the values of a setting. */
function valuesOf(setting: Setting): string {
  switch (setting.kind) {
    case "text":
      return "text";
    case "switch":
      return "true or false";
    case "integer":
      return setting.max === undefined
        ? `an integer >= ${setting.min}`
        : `an integer in [${setting.min}, ${setting.max}]`;
    case "choice":
      return `one of ${setting.of.join(", ")}`;
    case "names":
      return `a list of ${setting.items}`;
    case "epochs":
      return "a list of epochs > 0";
    case "channels":
      return `three numbers${setting.above === undefined ? "" : ` > ${setting.above}`}`;
    case "shares":
      return "two numbers in (0, 1], the smaller first";
    case "betas":
      return "two numbers in [0, 1)";
    case "number":
      return numbersOf(setting);
  }
}

function numbersOf({ min, max, above, below }: Extract<Setting, { kind: "number" }>): string {
  const least = min ?? above;
  const most = max ?? below;
  if (least === undefined) return "a number";
  if (most === undefined) return `a number ${min === undefined ? ">" : ">="} ${least}`;
  return `a number in ${min === undefined ? "(" : "["}${least}, ${most}${max === undefined ? ")" : "]"}`;
}

/** Describe the values that a path takes. */
export function expectedAt(path: readonly PropertyKey[]): string | undefined {
  const node = nodeAt(path);
  if (node === undefined) return undefined;
  return isSetting(node) ? valuesOf(node) : `a map with keys of ${Object.keys(node).join(", ")}`;
}
