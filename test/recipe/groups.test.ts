// The settings of groups of weights in a recipe: they reach the run, or are refused by name.
import { expect, test } from "vitest";
import { type RecipeFlags, resolveRecipe } from "../../src/recipe/recipe.ts";
import { runConfig } from "../../src/recipe/session.ts";

const resolve = (text: string, flags: RecipeFlags = {}) =>
  resolveRecipe({ text, file: "a.yaml", flags, flagOf: (path) => `--${path}` });
const pruneOf = (text: string) => runConfig(resolve(`prune: { ${text} }`), null).prune;

test("reach the run", () => {
  expect(pruneOf("group: block8, groupShare: 0.5, sparsity: 0.8")).toMatchObject({
    ...{ method: "soft", schedule: "lats", group: "block8", groupShare: 0.5, sparsity: 0.8 },
  });
  const aimed = pruneOf("group: filter, groupSparsity: 0.5, steer: threshold");
  expect(aimed).toMatchObject({ group: "filter", groupSparsity: 0.5, steer: "threshold" });
  // It takes the place of the default threshold.
  expect(aimed.threshold).toBeUndefined();
  expect(pruneOf("method: gmp, group: block4, sparsity: 0.5").group).toBe("block4");
  expect(pruneOf("method: str, group: block8, groupShare: 0.8")).toMatchObject({ group: "block8", groupShare: 0.8 });
  expect(pruneOf('group: block8, gradient: "true"').gradient).toBe("true");
});

test.each([
  ["groupShare: 0.5", "prune.group: expected a name, since prune.groupShare is given"],
  ["groupSparsity: 0.5", "prune.group: expected a name, since prune.groupSparsity is given"],
  ["group: rows", "prune.group"],
  ["group: block8, schedule: constant", "prune.schedule: expected one that rises from 0, since prune.group is block8"],
  ["group: block8, mode: inplace, accelerated: true", "prune.accelerated: expected false, since prune.group is block8"],
  ["group: block8, mode: inplace, decayTarget: latent", "prune.decayTarget: expected effective in mode inplace"],
  [
    "group: block8, mode: inplace, groupSparsity: 0.5",
    "prune.mode: expected latent, since prune.groupSparsity is given",
  ],
  ["group: block8, groupSparsity: 0.5, sparsity: 0.5", "either sparsity or groupSparsity, not both"],
  ["method: ltp, group: block8", "prune.group: expected no value: it is for the soft thresholds"],
  ["method: synflow, sparsity: 0.5, group: block8", "prune.group: expected no value: it is for the soft thresholds"],
  ["method: gmp, sparsity: 0.5, group: block8, groupShare: 0.5", "prune.groupShare: expected no value"],
])("refuses %s", (text, problem) => {
  expect(() => pruneOf(text)).toThrow(problem);
});

test("refuses the proximal step of an adaptive optimiser, and takes its latent weights and magnitudes", () => {
  const adam = { optimizer: "adam" } as const;
  expect(() => resolve("prune: { group: block8, mode: inplace }", adam)).toThrow(
    "prune.mode: expected latent, since prune.group is block8 and optimizer adam",
  );
  expect(resolve("prune: { group: block8 }", adam).prune).toMatchObject({ group: "block8", mode: "latent" });
  expect(resolve("prune: { method: gmp, sparsity: 0.5, group: block8 }", adam).prune.group).toBe("block8");
});
