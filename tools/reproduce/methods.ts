// The methods of the experiments as data: reads methods.yaml and the methods of an experiment's own file.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { parse } from "yaml";
import { z } from "zod";
import { mergeLayer } from "../../src/recipe/layers.ts";
import { methodSettings } from "../../src/recipe/methods.ts";
import type { RecipeFlags } from "../../src/recipe/recipe.ts";
import { UsageError } from "../../src/terminal/fail.ts";

type PruneFlags = NonNullable<RecipeFlags["prune"]>;

/** Bounds and first guesses of the searched knobs. `guess` belongs to a share of 90 %, on MNIST with lenet-bn. */
const SEARCHED = {
  threshold: { guess: 0.096, slope: 1.5, least: 1e-6, most: 100 },
  "str.decay": { guess: 0.0163, slope: 2, least: 1e-6, most: 10 },
  shrink: { guess: 0.0015, slope: 1.5, least: 1e-7, most: 10 },
  "ltp.l0": { guess: 0.67, slope: 0.5, least: 1e-5, most: 1e4 },
} as const;

const settings = z.record(z.string(), z.unknown());
const methodFields = {
  use: z.string().optional(),
  set: settings.optional(),
  share: z.record(z.string(), z.number()).optional(),
  recipe: settings.optional(),
  knob: z.enum(["sparsity", "threshold", "str.decay", "ltp.l0", "shrink"]).optional(),
  guess: z.number().positive().optional(),
  slope: z.number().positive().optional(),
  /** Name of another method. Random masks with as many zeros in each layer as that method's run are trained from its first weights. */
  shuffled: z.string().optional(),
};
const methodTable = z.record(z.string(), z.strictObject(methodFields).nullable());

/** Search of a knob: its bounds, and the guess for a share of 90 %. */
export interface KnobSearch {
  readonly guess: number;
  readonly slope: number;
  readonly least: number;
  readonly most: number;
}

/** A method of an experiment. */
export interface Method {
  readonly name: string;
  /** Setting of `prune` that controls the share of zeros; null for a method that prunes nothing, or as much as another. */
  readonly knob: string | null;
  /** Null if the knob is the share itself. */
  readonly search: KnobSearch | null;
  readonly shuffled: string | null;
  /** Return the settings of a run of `epochs` epochs, without the knob if `setting` is null. */
  recipe(epochs: number, setting: number | null): RecipeFlags;
}

/** Write a value at a path of dots: ("str.decay", 0.01) -> { str: { decay: 0.01 } }. */
const at = (path: string, value: number): PruneFlags =>
  path.split(".").reduceRight<unknown>((inner, key) => ({ [key]: inner }), value) as PruneFlags;

function methodOf(name: string, fields: z.infer<z.ZodObject<typeof methodFields>>): Method {
  const { use, set = {}, share = {}, recipe = {}, knob = null, guess, slope, shuffled = null } = fields;
  const searched = knob === null || knob === "sparsity" ? null : SEARCHED[knob];
  return {
    name,
    knob,
    search: searched && { ...searched, guess: guess ?? searched.guess, slope: slope ?? searched.slope },
    shuffled,
    recipe(epochs, setting) {
      const inEpochs = Object.fromEntries(Object.entries(share).map(([key, part]) => [key, part * epochs]));
      const own = mergeLayer(mergeLayer(set, inEpochs), knob === null || setting === null ? {} : at(knob, setting));
      const prune = methodSettings(shuffled === null ? (use ?? name) : "masked", own as PruneFlags);
      return mergeLayer(recipe, { prune }) as RecipeFlags;
    },
  };
}

/** Read a table of methods. `file`: its name for messages. Errors: UsageError. */
export function methodsFrom(table: unknown, file: string): Map<string, Method> {
  const parsed = methodTable.safeParse(table ?? {});
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new UsageError(`${file}: methods: ${issue?.path.join(".")}: ${issue?.message}`);
  }
  return new Map(Object.entries(parsed.data).map(([name, fields]) => [name, methodOf(name, fields ?? {})]));
}

/** Read the methods that all experiments share. */
export function sharedMethods(folder: string): Map<string, Method> {
  const file = join(folder, "methods.yaml");
  return methodsFrom(parse(readFileSync(file, "utf8")), file);
}
