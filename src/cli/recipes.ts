// `espalier recipes`: lists the built-in recipes, or prints one.
import type { Command } from "commander";
import { bundledRecipe, recipeNames } from "../recipe/bundled.ts";
import { loadRecipe, type Recipe } from "../recipe/recipe.ts";
import { drawTable, styleOf } from "../report/table.ts";
import type { Output } from "../terminal/output.ts";
import { writeText } from "../terminal/terminal.ts";
import { cut } from "../text/index.ts";
import { type Done, finish, jsonOption } from "./options.ts";

interface RecipesFlags {
  /** Name of a recipe; without it all are listed. */
  readonly name?: string | undefined;
}

/** Facts of a recipe, for programs. */
function aboutOf(name: string) {
  const { file, purpose } = bundledRecipe(name);
  const { data, model, prune } = loadRecipe(file);
  return { name, data: data.name, model: model.name, method: methodOf(prune), purpose };
}

/** Return the method as --method names it. */
function methodOf({ method = "soft", schedule, freezeEpoch }: Recipe["prune"]): string {
  if (method !== "soft") return method;
  if (freezeEpoch !== undefined) return "early";
  return schedule === "none" ? "dense" : schedule;
}

/** Least width of the purpose: a narrower terminal gets the other columns only. */
const READABLE = 36;

/** Return the purpose without network and data set, which have their own columns, cut to `width`. */
function shortPurpose(purpose: string, width: number): string {
  const rest = purpose.replace(/^.*? on (?:ImageNet|MNIST|Fashion-MNIST|CIFAR-10)(?: at batch \d+)?[,:] /, "");
  // The name of a recipe keeps its letters.
  const text = /^\w*_/.test(rest) ? rest : rest.charAt(0).toUpperCase() + rest.slice(1);
  return width < text.length ? cut(text, width) : text;
}

/** Print a recipe, or the table of all. Returns the exit code. */
async function runRecipes({ name }: RecipesFlags, out: Output): Promise<number> {
  if (name !== undefined) {
    const { text, file } = bundledRecipe(name);
    if (out.json) out.emit({ kind: "recipe", ...aboutOf(name), file, text });
    else writeText(process.stdout, text);
    return 0;
  }
  const all = recipeNames().map(aboutOf);
  for (const recipe of all) out.emit({ kind: "recipe", ...recipe });
  const heads = ["name", "data", "model", "method"];
  const facts = all.map((recipe) => [recipe.name, recipe.data, recipe.model, recipe.method]);
  const widths = heads.map((head, i) => Math.max(head.length, ...facts.map((cells) => cells[i]!.length)));
  // Each column has a border and two blanks beside its text.
  const used = widths.reduce((sum, width) => sum + width + 3, 4);
  const width = process.stdout.isTTY ? process.stdout.columns - used : Number.POSITIVE_INFINITY;
  const wide = width >= READABLE;
  const rows = facts.map((cells, i) => (wide ? [...cells, shortPurpose(all[i]!.purpose, width)] : cells));
  const columns = (wide ? [...heads, "purpose"] : heads).map((head) => ({ head, left: true }));
  out.say(drawTable(columns, rows, styleOf({})), "rendered");
  out.say("espalier train NAME trains one; espalier recipes NAME prints it.");
  return 0;
}

/** Add the options and the action of `recipes`. */
export function addRecipesCommand(command: Command, done: Done): void {
  command
    .description(
      "Lists the built-in recipes with data set, network and pruning method. With a name, prints that recipe, as a start for your own.",
    )
    .argument("[name]", "name of a recipe");
  jsonOption(command)
    .addHelpText(
      "after",
      `
Examples
  $ espalier recipes
  $ espalier recipes mnist_lenet > mine.yaml`,
    )
    .action((name: string | undefined, flags: object) => finish(done, runRecipes, { ...flags, name }));
}
