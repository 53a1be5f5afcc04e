// Reads a recipe: YAML text -> checked settings of a run. Defaults, then the file, then the flags of the command line. Each
// problem is one line with its position in the file.
import { existsSync } from "node:fs";
import { Document, isMap, isNode, isScalar, type YAMLMap } from "yaml";
import { closest } from "../text/index.ts";
import { bundledBase } from "./bundled.ts";
import { schemaLine } from "./json_schema.ts";
import {
  depthOf,
  get,
  type Layer,
  layOver,
  mergeLayer,
  type Path,
  settingsOf,
  without,
  withoutUndefined,
} from "./layers.ts";
import {
  DEFAULT_RECIPE,
  defaultFolder,
  defaultsFor,
  defaultsForOptimizer,
  type Recipe,
  type RecipeFlags,
  recipeSchema,
  settingAt,
} from "./schema.ts";
import { baseFile, RecipeError, type RecipeText, type RecipeTexts, readLayers, readRecipeFile } from "./text.ts";
import { unreadUse } from "./uses.ts";
import { describeIssue, idleLine, line, nameOf, rulesLast, sectionFaults, type Where } from "./words.ts";

export type { Recipe, RecipeFlags } from "./schema.ts";
export { DEFAULT_RECIPE } from "./schema.ts";
export { RecipeError, type RecipeText } from "./text.ts";

export interface RecipeSource extends RecipeTexts {
  /** A complete recipe that a run wrote, below the file. */
  readonly under?: RecipeText | undefined;
  /** Settings that win over the file. Keys that are undefined are left out. */
  readonly flags?: RecipeFlags | undefined;
  /** Spelling of a setting's flag: "--beta" for prune.beta. Without it messages say "flags". */
  readonly flagOf?: ((path: string) => string | undefined) | undefined;
  /** Names for model.name; without it any name is accepted. */
  readonly models?: readonly string[] | undefined;
  /** Receives each setting of a lower recipe that lost its effect because a higher one chose another method. */
  readonly note?: ((line: string) => void) | undefined;
}

/**
 * Make the complete recipe of a run: defaults < file < flags, map by map; lists are replaced as a whole. A layer that sets
 * `prune.threshold`, `lambda`, `sparsity`, `shares` or another method removes the first four from the layers below it. A file that
 * begins with `extends: other.yaml` is merged over that one, relative to its folder, or over the bundled recipe of that name. A text in place of a section with a name
 * is the name: `model: resnet-20`.
 *
 * A setting of a file or flag that the run does not read is refused with its purpose, or left out with a note if a higher
 * layer chose another method or schedule. A recipe that a run wrote (`written`) is used unchanged.
 *
 * Errors   RecipeError, one line per problem: `file:line:col: path: expected ..., got ...`; for a flag its spelling replaces
 *          file:line:col. YAML warnings, tags, duplicate keys, keys that are not plain text and floods of aliases are refused.
 */
export function resolveRecipe(source: RecipeSource = {}): Recipe {
  const flags = withoutUndefined(source.flags ?? {});
  const flagOf = (path: Path) => source.flagOf?.(path.map(String).join(".")) ?? "flags";
  const written = source.under ? readLayers({ ...source.under, written: true }) : [];
  const layers: Layer[] = [...written, ...readLayers(source), { value: flags, where: flagOf }];
  const misshapen = layers.flatMap(({ value, where }) => sectionFaults(value, where));
  if (misshapen.length > 0) throw new RecipeError(misshapen);

  const { merged, refused, replaced } = layOver(defaultsUnder(layers), layers);
  const where: Where = (path, aim) => placeOf(layers, path).where(path, aim);
  const parsed = recipeSchema.safeParse(merged);
  const issues = rulesLast(parsed.error?.issues ?? []);
  const problems = issues.flatMap((issue) => describeIssue(issue, merged, where));
  const name = get(merged, ["model", "name"]);
  if (source.models && typeof name === "string" && !source.models.includes(name)) {
    const wanted = `one of ${source.models.join(", ")}`;
    problems.push(line(where(["model", "name"]), ["model", "name"], wanted, name, closest(name, source.models)));
  }
  // The settings that a run reads are known once each is valid.
  if (issues.every((issue) => issue.code === "custom")) {
    const told = new Set(issues.map((issue) => issue.path.join(".")));
    for (const { path, value, layer, what, since } of refused) {
      if (told.has(path.join("."))) continue;
      problems.push(idleLine(layer.where(path), path, `it is for ${what}, and ${since}`, value));
    }
  }
  if (!parsed.success || problems.length > 0) throw new RecipeError([...new Set(problems)]);
  for (const { path, layer, what, since } of replaced) {
    source.note?.(`${layer.where(path)}: ${nameOf(path)}: has no effect: it is for ${what}, and ${since}`);
  }
  return parsed.data;
}

/** Return the defaults for the data and model of the layers. */
function defaultsUnder(layers: readonly Layer[]): unknown {
  const given = layers.map(({ value }) => value).reduce(mergeLayer);
  const data = get(given, ["data", "name"]) ?? DEFAULT_RECIPE.data.name;
  const forOptimizer = defaultsForOptimizer(get(given, ["optimizer"]));
  const defaults = [defaultsFor(data), forOptimizer].reduce<unknown>(mergeLayer, DEFAULT_RECIPE);
  const model = get(given, ["model", "name"]) ?? get(defaults, ["model", "name"]);
  return mergeLayer(defaults, { out: defaultFolder(data, model) });
}

/** Find the layer of a value: the one with the longest part of its path, the highest if equal, a file if none. */
function placeOf(layers: readonly Layer[], path: Path): Layer {
  const depths = layers.map(({ value }) => depthOf(value, path));
  const most = Math.max(...depths);
  const at = most === 0 ? layers.length - 2 : depths.lastIndexOf(most);
  return layers[at]!;
}

interface LoadSource extends Omit<RecipeSource, "text" | "file" | "open" | "under"> {
  /** File of a complete recipe that a run wrote, below this one. */
  readonly over?: string;
}

/** Read a recipe file and resolve it with the flags. Errors: RecipeError, also if a file cannot be read. */
export function loadRecipe(file: string, { over, ...options }: LoadSource = {}): Recipe {
  const open = (name: string, from: string) => {
    const near = baseFile(name, from);
    return readRecipeFile(existsSync(near) ? near : (bundledBase(name) ?? near));
  };
  const under = over === undefined ? undefined : readRecipeFile(over);
  return resolveRecipe({ ...options, ...readRecipeFile(file), open, under });
}

/** Leave out settings of pruning and of the learning rate that the run does not read, except two that the types require. */
export function withoutIdle(recipe: Recipe): Pick<Recipe, "lr" | "prune"> {
  const idle = settingsOf({ lr: recipe.lr, prune: recipe.prune }).filter(
    (path) =>
      !["prune.schedule", "prune.mode"].includes(path.join(".")) &&
      unreadUse(path.join("."), get(recipe, path), recipe),
  );
  const { lr, prune } = idle.reduce<unknown>(without, recipe) as Recipe;
  return { lr, prune };
}

/**
 * Return the recipe as YAML, each setting with its help as a comment. Leaves out settings that its run does not read.
 * Reading it back gives the same recipe. Editors find the schema in the file beside it.
 */
export function recipeToYaml(recipe: Recipe): string {
  const doc = new Document(recipe);
  doc.commentBefore = schemaLine();
  for (const path of settingsOf(recipe)) {
    if (unreadUse(path.join("."), get(recipe, path), recipe)) doc.deleteIn(path);
  }
  const annotate = (map: YAMLMap, path: readonly string[]): void => {
    for (const pair of map.items) {
      const at = [...path, String(isScalar(pair.key) ? pair.key.value : pair.key)];
      if (isMap(pair.value)) {
        annotate(pair.value, at);
      } else if (isNode(pair.value)) {
        const description = settingAt(at)?.help;
        if (description) pair.value.comment = ` ${description}`;
        if (!isScalar(pair.value)) (pair.value as { flow?: boolean }).flow = true;
      }
    }
  };
  if (isMap(doc.contents)) annotate(doc.contents as YAMLMap, []);
  return doc.toString({ lineWidth: 0 });
}
