// What a run of `espalier train` is asked for: its flags, its recipe, and the folder it goes to.
import { RunDirectory } from "../node/index.ts";
import type { AdapterFlags } from "./adapter.ts";
import { loadRecipe, type Recipe, type RecipeFlags, resolveRecipe } from "./recipe.ts";
import { commandLine } from "./run_card.ts";
import { holdsRun, RunFolder } from "./run_folder.ts";

export interface TrainFlags extends AdapterFlags {
  readonly recipe?: string;
  /** Settings that win over the recipe's. */
  readonly settings: RecipeFlags;
  /** The folder of a run to go on with, or AUTO. */
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

/** `--resume` with this word: go on where there is something to go on with, else begin. */
export const AUTO = "auto";

/**
 * The flags with `--resume auto` settled: the folder is that of the recipe or --out, and it is gone on with where it holds a
 * run. The same command line then serves for the first start and for each one after.
 */
export function settleAuto(flags: TrainFlags): TrainFlags {
  if (flags.resume !== AUTO) return flags;
  const { resume: _, ...rest } = flags;
  const { out } = readRecipe(rest);
  const settings = { ...rest.settings, out };
  return holdsRun(out) ? { ...rest, settings, resume: out } : { ...rest, settings };
}

/** A run that is about to begin or go on, and its folder, claimed and locked; a dry run has none. */
export interface OpenedRun {
  readonly recipe: Recipe;
  readonly folder: RunFolder | null;
}

/** Reads the recipe and claims the folder. Errors: RecipeError, and those of RunFolder.open. */
export async function openRun(flags: TrainFlags, note: (line: string) => void): Promise<OpenedRun> {
  if (flags.dryRun) return { recipe: readRecipe(flags), folder: null };
  const lock = { command: commandLine(flags.command), note };
  if (flags.resume !== undefined) {
    const folder = await RunFolder.open({ wanted: flags.resume, how: "resume", lock });
    try {
      return { recipe: readRecipe(flags), folder };
    } catch (error) {
      folder[Symbol.dispose]();
      throw error;
    }
  }
  const recipe = readRecipe(flags);
  const anyName = flags.settings.out === undefined && flags.recipe === undefined && !flags.overwrite;
  const folder = await RunFolder.open({
    wanted: recipe.out,
    how: flags.overwrite ? "overwrite" : "new",
    anyName,
    lock,
  });
  return { recipe: { ...recipe, out: folder.root }, folder };
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
