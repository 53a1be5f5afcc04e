// What a run of `espalier train` is asked for: its flags, its recipe, and the folder it goes to.
import { RunDirectory } from "../node/index.ts";
import type { AdapterFlags } from "./adapter.ts";
import { UsageError } from "./fail.ts";
import { loadRecipe, type Recipe, type RecipeFlags, resolveRecipe } from "./recipe.ts";

export interface TrainFlags extends AdapterFlags {
  readonly recipe?: string;
  /** Settings that win over the recipe's. */
  readonly settings: RecipeFlags;
  readonly resume?: string;
  readonly overwrite?: boolean;
  /** Only say what the run would be. */
  readonly dryRun?: boolean;
  /** Times in a row that a lost device is replaced. */
  readonly restarts?: number | undefined;
  readonly json?: boolean;
  readonly modelNames: readonly string[];
  /** Words of the command line, for the run's files to say how it was made. */
  readonly command: readonly string[];
}

/** A folder that is free: the wanted one, or the same with -2, -3, ... when nobody chose it. */
function freeFolder(wanted: string): string {
  if (new RunDirectory(wanted).isEmpty()) return wanted;
  for (let n = 2; ; n++) if (new RunDirectory(`${wanted}-${n}`).isEmpty()) return `${wanted}-${n}`;
}

/** The folder of a new run. Errors: UsageError where the chosen one is taken. */
export function chooseFolder(recipe: Recipe, flags: TrainFlags): string {
  const chosen = flags.settings.out !== undefined || flags.recipe !== undefined;
  if (flags.overwrite) return recipe.out;
  if (!chosen) return freeFolder(recipe.out);
  if (!new RunDirectory(recipe.out).isEmpty()) {
    throw new UsageError(
      `${recipe.out}: holds files already. Use --resume ${recipe.out} to go on, or --overwrite to start anew`,
    );
  }
  return recipe.out;
}

/** The recipe of a run: that of a file, of the run to go on with, or the defaults; flags win. */
export function readRecipe(flags: TrainFlags): Recipe {
  const options = { flags: flags.settings, models: flags.modelNames };
  if (flags.resume)
    return loadRecipe(new RunDirectory(flags.resume).path("config.yaml"), {
      ...options,
      flags: { ...flags.settings, out: flags.resume },
    });
  return flags.recipe ? loadRecipe(flags.recipe, options) : resolveRecipe(options);
}
