// Reads the recipe of a run of `espalier train`, and claims its folder.
import { existsSync } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import type { AdapterFlags } from "../node/adapter.ts";
import { readRegularTextSync } from "../node/regular_file.ts";
import { RunDirectory } from "../node_internal.ts";
import { recipeFile } from "../recipe/bundled.ts";
import { sizesIn } from "../recipe/compact_metadata.ts";
import { loadRecipe, type Recipe, type RecipeFlags, resolveRecipe } from "../recipe/recipe.ts";
import { commandLine } from "../run/card.ts";
import { holdsRun, RunFolder } from "../run/folder.ts";
import { openWeightsFile } from "../run/weights_in.ts";
import { UsageError } from "../terminal/fail.ts";
import { idleUnless, refuseIdle } from "../terminal/flag_rules.ts";
import { plural } from "../text/index.ts";
import { withShares } from "./layer_shares.ts";

export interface TrainFlags extends AdapterFlags {
  /** File or bundled name of a recipe. */
  readonly recipe?: string | undefined;
  /** Settings that override the recipe. */
  readonly settings: RecipeFlags;
  /** Spelling of a setting's flag: "--beta" for prune.beta. */
  readonly flagOf?: (path: string) => string | undefined;
  /** Folder of the run to resume, or AUTO. */
  readonly resume?: string | undefined;
  readonly overwrite?: boolean | undefined;
  /** Measure a finished run again, and write its results. */
  readonly again?: boolean | undefined;
  /** Only print the plan. */
  readonly dryRun?: boolean | undefined;
  /** Largest number of restarts in a row after a lost device. */
  readonly restarts?: number | undefined;
  readonly json?: boolean | undefined;
  readonly modelNames: readonly string[];
  /** Words of the command line, recorded in the run's files. */
  readonly command: readonly string[];
}

/** Value of `--resume` that resumes a run if there is one, and starts one otherwise. */
const AUTO = "auto";

/**
 * Replace `--resume auto`: resume the folder of the recipe or --out if it holds a run. One command line then serves for the
 * first start and for every later one.
 */
export function settleAuto(flags: TrainFlags): TrainFlags {
  checkResume(flags);
  if (flags.resume !== AUTO) return flags;
  const { resume: _, ...rest } = flags;
  const { out } = readRecipe(rest, () => {});
  const settings = { ...rest.settings, out };
  return holdsRun(out) ? { ...rest, settings, resume: out } : { ...rest, settings };
}

/** A run before its first step, and its folder, claimed and locked; null for a dry run. */
interface OpenedRun {
  readonly recipe: Recipe;
  readonly folder: RunFolder | null;
}

/** Take the sizes of a compacted model from the file of the initial weights. A file that cannot be read is an error later. */
async function withSizes(recipe: Recipe, note: (line: string) => void): Promise<Recipe> {
  const { weights, model } = recipe;
  if (weights === undefined || model.compact !== undefined) return recipe;
  const opened = await openWeightsFile(weights).catch(() => null);
  const compact = opened?.metadata.get("compact");
  if (compact === undefined) return recipe;
  const sizes = Object.values(sizesIn(compact, `${weights}: its metadata "compact"`));
  const isFolded = sizes.some(({ channels }) => channels === 0);
  const norms = isFolded ? ", without batch norm, which is folded into them (espalier compact --no-fold keeps it)" : "";
  note(`${weights}: a compacted model: ${plural(sizes.length, "layer")} of other sizes${norms}`);
  return { ...recipe, model: { ...model, compact } };
}

/** Read the recipe and claim the folder. Errors: RecipeError, and those of RunFolder.open. */
export async function openRun(flags: TrainFlags, note: (line: string) => void): Promise<OpenedRun> {
  if (flags.dryRun) return { recipe: await withSizes(readRecipe(flags, note), note), folder: null };
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
  const recipe = await withSizes(readRecipe(flags, note), note);
  const anyName = flags.settings.out === undefined && flags.recipe === undefined && !flags.overwrite;
  const folder = await RunFolder.open({
    wanted: recipe.out,
    how: flags.overwrite ? "overwrite" : "new",
    anyName,
    lock,
  });
  return { recipe: { ...recipe, out: folder.root }, folder };
}

/** Refuse flags without effect beside --resume: the run has its recipe, folder and weights. Errors: UsageError. */
function checkResume({ resume, recipe, overwrite, settings }: TrainFlags): void {
  if (resume === undefined) return;
  const { out, weights, newHead, weightsKey, allowMissing, allowUnexpected } = settings;
  const own = `the run ${resume}`;
  const idle = { "--overwrite": overwrite };
  refuseIdle(idleUnless(false, "overwrites a run, --resume continues it; give one of the two", idle));
  // With auto the command line is that of a first start.
  if (resume === AUTO) return;
  refuseIdle([
    {
      flag: `${recipe} beside --resume`,
      given: recipe,
      read: false,
      otherwise: `${own} has its recipe in config.yaml; omit one of the two`,
    },
    {
      flag: "--out",
      given: out,
      read: out !== undefined && resolve(out) === resolve(resume),
      otherwise: `${own} continues in its own folder; to start another, omit --resume`,
    },
    ...idleUnless(false, `${own} has weights already; the flag is for a new run`, {
      "--weights": weights,
      "--new-head": newHead,
      "--key": weightsKey,
      "--allow-missing": allowMissing,
      "--allow-unexpected": allowUnexpected,
    }),
  ]);
}

/** Return true for the recipe that a run wrote into its folder. */
const isOfRun = (file: string): boolean =>
  basename(file) === "config.yaml" && existsSync(join(dirname(file), "run.json"));

/** Refuse an empty config.yaml of a run: the defaults of an empty recipe are not the run's settings. */
function expectSettings(config: string): void {
  if (!existsSync(config)) return; // Refused later, when the folder is claimed or the file is read.
  const lines = readRegularTextSync(config).split("\n");
  if (lines.some((line) => /^\s*[^\s#]/.test(line))) return;
  const problem = `${config}: expected the settings of the run, got an empty file. Restore it, or start a new run in another folder`;
  throw new UsageError(problem);
}

/**
 * Read the recipe of a run: from a file, from the run to resume, or the defaults; flags win. With `--resume auto`, a file that
 * changed since the start of the run overrides the run's own recipe, as flags do. `note` receives settings without effect.
 */
export function readRecipe(flags: TrainFlags, note: (line: string) => void): Recipe {
  return withShares(readSettings(flags, note));
}

function readSettings(flags: TrainFlags, note: (line: string) => void): Recipe {
  const { settings, flagOf, modelNames: models, resume } = flags;
  const recipe = flags.recipe === undefined ? undefined : recipeFile(flags.recipe);
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
