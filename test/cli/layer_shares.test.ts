// Shares of zeros from the result of another run.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { withShares } from "../../src/cli/layer_shares.ts";
import { readRecipe } from "../../src/cli/train_recipe.ts";
import { settingsFrom } from "../../src/recipe/flags.ts";
import { resolveRecipe } from "../../src/recipe/recipe.ts";

const folder = mkdtempSync(join(tmpdir(), "espalier-shares-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const layers = [
  { name: "conv1.weight", shape: [6, 1, 3, 3], weights: 54, zeros: 7 },
  { name: "fc.weight", shape: [10, 7], weights: 70, zeros: 70 },
];
writeFileSync(join(folder, "result.json"), JSON.stringify({ layers }));
const read = [`conv1.weight=${7 / 54}`, "fc.weight=1"];

const recipe = (shares: readonly string[]) =>
  resolveRecipe({ flags: { prune: { method: "gmp", shares: [...shares] } } });

test("a run is replaced by its layers and their shares, others stay", () => {
  expect(withShares(recipe([folder])).prune.shares).toEqual(read);
  expect(withShares(recipe([folder, "fc2=0.5"])).prune.shares).toEqual([...read, "fc2=0.5"]);
  const own = recipe(["fc=0.5"]);
  expect(withShares(own)).toBe(own);
});

test("--shares takes the place of the sparsity of a recipe, and of its threshold", () => {
  const text = join(folder, "a.yaml");
  writeFileSync(text, "prune: { method: gmp, sparsity: 0.9 }\n");
  const flags = { recipe: text, settings: settingsFrom({ shares: [folder] }), modelNames: ["lenet-bn"], command: [] };
  const { prune } = readRecipe(flags, () => {});
  expect(prune).toMatchObject({ method: "gmp", shares: read });
  expect(prune.sparsity).toBeUndefined();
});

test("a folder without a result is refused", () => {
  const none = join(folder, "none");
  expect(() => withShares(recipe([none]))).toThrow(
    `prune.shares: expected a finished run, or layers such as conv1=0.9, got ${none}`,
  );
});

test("shares beside a sparsity or a scope, and for methods that do not divide a target, are refused", () => {
  const given = (prune: object) => () => resolveRecipe({ flags: { prune } });
  expect(given({ method: "gmp", shares: ["a=0.5"], sparsity: 0.5 })).toThrow(
    /prune.sparsity: expected no value beside prune.shares/,
  );
  expect(given({ method: "gmp", shares: ["a=0.5"], scope: "erk" })).toThrow(
    /prune.scope: expected no value beside prune.shares/,
  );
  expect(given({ method: "snip", sparsity: 0.5, shares: ["a=0.5"] })).toThrow(/shares/);
});

test("gradient: true is a name, also as YAML reads it", () => {
  for (const text of ["prune: { gradient: true }", 'prune: { gradient: "true" }'])
    expect(resolveRecipe({ text, file: "a.yaml" }).prune.gradient).toBe("true");
  expect(() => resolveRecipe({ text: "prune: { gradient: false }", file: "a.yaml" })).toThrow(
    /prune.gradient: expected one of straight-through, true, got false/,
  );
});
