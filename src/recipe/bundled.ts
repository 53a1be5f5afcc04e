// Finds the recipes that come with Espalier by their names: mnist_lenet, small/jpeg_digits.
import { existsSync, readdirSync, statSync } from "node:fs";
import { isAbsolute, join, relative, sep } from "node:path";
import { packageRoot } from "../node/env.ts";
import { readRegularTextSync } from "../node/regular_file.ts";
import { closest, visible } from "../text/index.ts";
import { RecipeError } from "./text.ts";

const ENDING = ".yaml";
const folder = (): string => join(packageRoot(import.meta.url), "recipes");

/** Return the names of all recipes, those at the top first. */
export function recipeNames(): string[] {
  const files = readdirSync(folder(), { recursive: true, encoding: "utf8" });
  const names = files
    .filter((file) => file.endsWith(ENDING))
    .map((file) => file.slice(0, -ENDING.length).replaceAll(sep, "/"));
  const depth = (name: string) => name.split("/").length;
  return names.sort((a, b) => depth(a) - depth(b) || (a < b ? -1 : 1));
}

/** Return the bundled name in a word: `mnist_lenet`, `mnist_lenet.yaml` and `recipes/mnist_lenet.yaml` are the same. */
function nameIn(word: string): string {
  const plain = word.endsWith(ENDING) ? word.slice(0, -ENDING.length) : word;
  return plain.replace(/^recipes\//, "");
}

const isFile = (path: string): boolean => existsSync(path) && !statSync(path).isDirectory();

/** Return the file of the recipe of this name; undefined if there is none. */
function fileOf(name: string): string | undefined {
  if (!recipeNames().includes(name)) return undefined;
  const file = join(folder(), `${name}${ENDING}`);
  const near = relative("", file);
  return near.startsWith("..") || isAbsolute(near) ? file : near;
}

/**
 * Return the file of a recipe, given its path or its name. A file that exists wins over a name.
 *
 * Errors   RecipeError for a word that is neither, with the nearest name.
 */
export function recipeFile(word: string): string {
  if (isFile(word)) return word;
  const named = fileOf(nameIn(word));
  if (named !== undefined) return named;
  // The reader of the file says what is wrong with a path.
  if (existsSync(word) || (/\.ya?ml$/.test(word) && nearestName(nameIn(word)) === undefined)) return word;
  throw new RecipeError([unknownRecipe(word)]);
}

/** Describe a word that is no recipe. */
function unknownRecipe(word: string): string {
  const near = nearestName(nameIn(word));
  const hint = near === undefined ? "" : `; did you mean ${near}?`;
  return `${visible(word)}: expected the file or the name of a recipe (espalier recipes lists them), got neither${hint}`;
}

/** Return the nearest name, or the name whose last part is nearest. */
function nearestName(name: string): string | undefined {
  const names = recipeNames();
  const ends = names.map((path) => path.split("/").at(-1)!);
  const same = ends.indexOf(name);
  if (same >= 0) return names[same];
  return closest(name, names) ?? names[ends.indexOf(closest(name, ends) ?? "")];
}

/** Return the file of a bundled recipe for `extends`, if the name is one. */
export const bundledBase = (name: string): string | undefined => fileOf(nameIn(name));

/** A bundled recipe: its text and what it is for. */
export interface BundledRecipe {
  readonly name: string;
  readonly file: string;
  readonly text: string;
  /** First sentence of the comment at its top. */
  readonly purpose: string;
}

/** Read a recipe by its name. Errors: RecipeError for an unknown name. */
export function bundledRecipe(word: string): BundledRecipe {
  const name = nameIn(word);
  const file = fileOf(name);
  if (file === undefined) throw new RecipeError([unknownRecipe(word)]);
  const text = readRegularTextSync(file);
  return { name, file, text, purpose: purposeOf(text) };
}

/** Return the first sentence of the comment at the top, without the line for editors and without paths of other recipes. */
function purposeOf(text: string): string {
  const lines = text.split("\n").filter((line) => !line.startsWith("# yaml-language-server"));
  const end = lines.findIndex((line) => !/^# \S/.test(line));
  const words = lines
    .slice(0, end < 0 ? lines.length : end)
    .map((line) => line.slice(2))
    .join(" ");
  const [, sentence = words] = /^(.*?[.:])(?:\s+[A-Z]|$)/.exec(words) ?? [];
  return sentence.replace(/(?:\.\.\/)?(\w+(?:\/\w+)*)\.yaml/g, "$1").replace(/[.:]$/, "");
}
