// Recipes by name: names, files, suggestions, and bases of other recipes.
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { bundledRecipe, recipeFile, recipeNames } from "../../src/recipe/bundled.ts";
import { loadRecipe } from "../../src/recipe/recipe.ts";

const folder = resolve(import.meta.dirname, "../../recipes");
const scratch = mkdtempSync(join(tmpdir(), "recipes-"));

test("lists all recipes, those at the top first", () => {
  const names = recipeNames();
  expect(names.slice(0, 2)).toEqual(["fashion_mnist_lenet", "fashion_mnist_spiking"]);
  expect(names).toContain("small/jpeg_digits");
  expect(names.length).toBeGreaterThan(50);
});

test.each(["mnist_lenet", "mnist_lenet.yaml", "recipes/mnist_lenet.yaml"])("finds a recipe by %s", (word) => {
  expect(resolve(recipeFile(word))).toBe(join(folder, "mnist_lenet.yaml"));
});

test("prefers a file to a name", () => {
  const file = join(scratch, "mnist_lenet");
  writeFileSync(file, "epochs: 1\n");
  expect(recipeFile(file)).toBe(file);
  expect(() => recipeFile(scratch)).not.toThrow(); // its reader refuses a folder
});

test("suggests the nearest name, and leaves missing files to their reader", () => {
  expect(() => recipeFile("mnist_lenett")).toThrow(
    "mnist_lenett: expected the file or the name of a recipe (espalier recipes lists them), got neither; did you mean mnist_lenet?",
  );
  expect(() => recipeFile("jpeg_digits")).toThrow("did you mean small/jpeg_digits?");
  expect(() => recipeFile("resnet50-lats")).toThrow("did you mean imagenet/resnet50_lats?");
  expect(() => recipeFile("nonsense")).toThrow(/got neither$/);
  expect(recipeFile("nowhere/mine.yaml")).toBe("nowhere/mine.yaml");
});

test("every recipe has a purpose in one sentence", () => {
  for (const name of recipeNames()) {
    const { purpose } = bundledRecipe(name);
    expect(purpose, name).toMatch(/^[A-Za-z].{12,200}[^.:]$/);
    expect(purpose, name).not.toMatch(/\.yaml|\.\.\//);
  }
  expect(bundledRecipe("mnist_ltp").purpose).toBe(
    "LeNet with batch norm on MNIST, pruned by learned thresholds (LTP), with a trail of models to choose from",
  );
});

test("a recipe may extend a bundled one by name; a file beside it wins", () => {
  const mine = join(scratch, "mine.yaml");
  writeFileSync(mine, "extends: small/mnist_cnn\nepochs: 2\n");
  expect(loadRecipe(mine)).toMatchObject({ epochs: 2, data: { name: "mnist" } });
  mkdirSync(join(scratch, "small"));
  writeFileSync(join(scratch, "small", "mnist_cnn"), "seed: 77\n");
  expect(loadRecipe(mine)).toMatchObject({ epochs: 2, seed: 77 });
});
