// What a run of `espalier train` is asked for: its flags, its recipe, and the folder it goes to.
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { AdapterFlags } from "../node/adapter.ts";
import { readRegularTextSync } from "../node/regular_file.ts";
import { RunDirectory } from "../node.ts";
import { loadRecipe, type Recipe, type RecipeFlags, resolveRecipe } from "../recipe/recipe.ts";
import { commandLine } from "../run/card.ts";
import { holdsRun, RunFolder } from "../run/folder.ts";
import { UsageError } from "../terminal/fail.ts";
import { idleUnless, refuseIdle } from "../terminal/flag_rules.ts";

export interface TrainFlags extends AdapterFlags {
  readonly recipe?: string | undefined;
  /** Settings that win over the recipe's. */
  readonly settings: RecipeFlags;
  /** How the user spelled the flag of a setting: "--beta" for prune.beta. */
  readonly flagOf?: (path: string) => string | undefined;
  /** The folder of a run to go on with, or AUTO. */
  readonly resume?: string | undefined;
  readonly overwrite?: boolean | undefined;
  /** Only say what the run would be. */
  readonly dryRun?: boolean | undefined;
  /** Times in a row that a lost device is replaced. */
  readonly restarts?: number | undefined;
  readonly json?: boolean | undefined;
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
  checkResume(flags);
  if (flags.resume !== AUTO) return flags;
  const { resume: _, ...rest } = flags;
  const { out } = readRecipe(rest, () => {});
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
  if (flags.dryRun) return { recipe: readRecipe(flags, note), folder: null };
  const lock = { command: commandLine(flags.command), note };
  if (flags.resume !== undefined) {
    const folder = await RunFolder.open({ wanted: flags.resume, how: "resume", lock });
    try {
      return { recipe: readRecipe(flags, note), folder };
    } catch (error) {
      folder[Symbol.dispose]();
      throw error;
    }
  }
  const recipe = readRecipe(flags, note);
  const anyName = flags.settings.out === undefined && flags.recipe === undefined && !flags.overwrite;
  const folder = await RunFolder.open({
    wanted: recipe.out,
    how: flags.overwrite ? "overwrite" : "new",
    anyName,
    lock,
  });
  return { recipe: { ...recipe, out: folder.root }, folder };
}

/** Flags that would do nothing beside --resume: the run has its recipe, its folder and its weights. Errors: UsageError. */
function checkResume({ resume, recipe, overwrite, settings }: TrainFlags): void {
  if (resume === undefined) return;
  const { out, weights, newHead, weightsKey, allowMissing, allowUnexpected } = settings;
  const own = `the run ${resume}`;
  const idle = { "--overwrite": overwrite };
  refuseIdle(idleUnless(false, "starts anew, --resume goes on; give one of the two", idle));
  // The command line of a first start, with all that it needs.
  if (resume === AUTO) return;
  refuseIdle([
    {
      flag: `${recipe} beside --resume`,
      given: recipe,
      read: false,
      otherwise: `${own} has its recipe in config.yaml; leave one of the two out`,
    },
    {
      flag: "--out",
      given: out,
      read: out !== undefined && resolve(out) === resolve(resume),
      otherwise: `${own} goes on in its own folder; to start another leave --resume out`,
    },
    ...idleUnless(false, `${own} has weights of its own; they are what a new run begins with`, {
      "--weights": weights,
      "--new-head": newHead,
      "--key": weightsKey,
      "--allow-missing": allowMissing,
      "--allow-unexpected": allowUnexpected,
    }),
  ]);
}

/** Whether a file is the recipe that a run wrote into its folder. */
const isOfRun = (file: string): boolean =>
  basename(file) === "config.yaml" && existsSync(join(dirname(file), "run.json"));

/** Refuses the config.yaml of a run that was emptied: the defaults that an empty recipe means are not what the run was. */
function expectSettings(config: string): void {
  if (!existsSync(config)) return; // Refused as such, where the folder is claimed or the file is read.
  const lines = readRegularTextSync(config).split("\n");
  if (lines.some((line) => /^\s*[^\s#]/.test(line))) return;
  throw new UsageError(
    `${config}: is empty: expected the settings of the run. Put back what it held, or begin a new run in another folder`,
  );
}

/**
 * The recipe of a run: that of a file, of the run to go on with, or the defaults; flags win. Beside `--resume auto` a file that
 * changed since the run began lies over the run's own, as flags do. `note` is told of settings that have no effect any more.
 */
export function readRecipe(flags: TrainFlags, note: (line: string) => void): Recipe {
  const { settings, flagOf, modelNames: models, resume, recipe } = flags;
  const options = { flags: settings, flagOf, models, note };
  if (resume !== undefined) {
    const config = new RunDirectory(resume).path("config.yaml");
    expectSettings(config);
    const of = { ...options, flags: { ...settings, out: resume } };
    return recipe === undefined
      ? loadRecipe(config, { ...of, written: true })
      : loadRecipe(recipe, { ...of, over: config });
  }
  if (recipe === undefined) return resolveRecipe(options);
  const written = isOfRun(recipe);
  if (written) expectSettings(recipe);
  return loadRecipe(recipe, { ...options, written });
}
