// The optimiser of a recipe: its settings reach the run, or are refused by name; defaults are those of PyTorch.
import { describe, expect, test } from "vitest";
import { OPTIMIZERS } from "../../src/internal.ts";
import { type RecipeFlags, recipeToYaml, resolveRecipe } from "../../src/recipe/recipe.ts";
import { runConfig } from "../../src/recipe/session.ts";

const resolve = (text: string, flags: RecipeFlags = {}, note?: (line: string) => void) =>
  resolveRecipe({ text, file: "a.yaml", flags, flagOf: (path) => `--${path}`, note });

/** Settings by the optimisers that read them, with a value and its place in the configuration of a run. */
const SETTINGS: readonly [string, readonly string[], string][] = [
  ["momentum", ["sgd", "rmsprop"], "0.3"],
  ["nesterov", ["sgd"], "true"],
  ["betas", ["adam", "adamw"], "[0.5, 0.6]"],
  ["eps", ["adam", "adamw", "rmsprop"], "0.001"],
  ["amsgrad", ["adam", "adamw"], "true"],
  ["alpha", ["rmsprop"], "0.5"],
  ["centered", ["rmsprop"], "true"],
];

describe.each(OPTIMIZERS)("%s", (name) => {
  test.each(SETTINGS)("%s reaches the run, or is refused by name", (key, readers, value) => {
    const text = `optimizer: ${name}\n${key}: ${value}\n`;
    if (!readers.includes(name)) {
      expect(() => resolve(text)).toThrow(
        new RegExp(`^a.yaml:2:\\d+: ${key}: expected no value: it is for optimizer .*, and optimizer is ${name}`),
      );
      return;
    }
    const config = runConfig(resolve(text), null);
    const found = { ...config, ...config.optimizer } as Record<string, unknown>;
    expect(found[key]).toEqual(JSON.parse(value));
    expect(config.optimizer?.name).toBe(name === "sgd" ? undefined : name);
  });

  test("the recipe of a run reads back as it is", () => {
    const recipe = resolve(`optimizer: ${name}\n`);
    const yaml = recipeToYaml(recipe);
    expect(runConfig(resolveRecipe({ text: yaml, file: "b.yaml" }), null)).toEqual(runConfig(recipe, null));
  });
});

test("defaults are PyTorch's; data and files win over them as over others", () => {
  const numbers = (text: string, flags?: RecipeFlags) => {
    const { lr, momentum, weightDecay } = runConfig(resolve(text, flags), null);
    return [lr.base, momentum, weightDecay];
  };
  expect(numbers("")).toEqual([0.1, 0.9, 5e-4]);
  expect(numbers("optimizer: adam")).toEqual([0.001, 0, 0]);
  expect(numbers("data: cifar10", { optimizer: "adamw" })).toEqual([0.001, 0, 0.01]);
  expect(numbers("optimizer: rmsprop\nmomentum: 0.5\nweightDecay: 0.1")).toEqual([0.01, 0.5, 0.1]);
  expect(numbers("lr: { base: 0.02 }", { optimizer: "adam" })).toEqual([0.02, 0, 0]);
});

test("a flag for another optimiser leaves out settings of the file that it does not read, with a note", () => {
  const notes: string[] = [];
  const recipe = resolve("momentum: 0.8\n", { optimizer: "adam" }, (line) => notes.push(line));
  expect(runConfig(recipe, null).momentum).toBe(0);
  expect(notes).toEqual([
    "a.yaml:1:11: momentum: has no effect: it is for optimizer sgd and rmsprop, and optimizer is adam",
  ]);
});

test.each([
  ["prune: { method: str }", "prune.method is str"],
  ["prune: { method: ltp }", "prune.method is ltp"],
  ["prune: { mode: inplace, accelerated: true }", "prune.accelerated is true"],
])("%s keeps SGD", (text, why) => {
  expect(() => resolve(`${text}\noptimizer: adam\n`)).toThrow(
    new RegExp(`^a.yaml:2:\\d+: optimizer: expected sgd, since ${why}`),
  );
});

test("values out of range are named", () => {
  expect(() => resolve("optimizer: adam\nbetas: [0.9, 1]\n")).toThrow("betas");
  expect(() => resolve("optimizer: adam\neps: 0\n")).toThrow("a.yaml:2:6: eps: expected a number > 0, got 0");
  expect(() => resolve("optimizer: lion\n")).toThrow("optimizer: expected one of sgd, adam, adamw, rmsprop, got");
});
