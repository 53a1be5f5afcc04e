// Recipes that build on others: what wins, what a mistake is called, and what is refused.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { loadRecipe, RecipeError, resolveRecipe } from "../../src/recipe/recipe.ts";

describe("a recipe that extends another", () => {
  const dir = mkdtempSync(join(tmpdir(), "recipes-"));
  const put = (name: string, text: string) => {
    writeFileSync(join(dir, name), text);
    return join(dir, name);
  };
  const fault = (fn: () => unknown): readonly string[] => {
    try {
      fn();
    } catch (error) {
      expect(error).toBeInstanceOf(RecipeError);
      return (error as RecipeError).problems;
    }
    return [];
  };
  put("base.yaml", "epochs: 9\nlr: {base: 0.5, warmupEpochs: 1}\nprune: {threshold: 0.3, dense: [first]}\n");
  put("middle.yaml", "extends: base.yaml\nlr: {base: 0.2}\nprune: {lambda: 0.01}\n");
  const top = put("top.yaml", "extends: middle.yaml\nseed: 4\n");

  test("overrides it, setting by setting; flags override both", () => {
    const recipe = loadRecipe(top, { flags: { epochs: 7 } });
    expect(recipe).toMatchObject({ epochs: 7, seed: 4, lr: { base: 0.2, warmupEpochs: 1 } });
    expect(recipe.prune).toMatchObject({ lambda: 0.01, dense: ["first"] });
    expect(recipe.prune.threshold).toBeUndefined();
    expect(recipe).not.toHaveProperty("extends");
  });
  test("an error names the wrong file and the position", () => {
    put("wrong.yaml", "epochs: 2\nlr:\n  base: fast\n");
    const over = put("over.yaml", "extends: wrong.yaml\nmomentum: 3\n");
    expect(fault(() => loadRecipe(over))).toEqual([
      `${join(dir, "wrong.yaml")}:3:9: lr.base: expected a number > 0, got "fast"`,
      `${over}:2:11: momentum: expected a number in [0, 1), got 3`,
    ]);
    const both = put("both.yaml", "extends: base.yaml\nepochs: 1\nlr: {warmupEpochs: 2}\n");
    expect(fault(() => loadRecipe(both))).toEqual([
      `${both}:3:20: lr.warmupEpochs: expected at most epochs = 1, got 2`,
    ]);
  });
  test("refuses missing files, circles, long chains, and texts without a file", () => {
    const nowhere = put("nowhere.yaml", "seed: 1\nextends: none.yaml\n");
    expect(fault(() => loadRecipe(nowhere))).toEqual([`cannot read ${join(dir, "none.yaml")}: no such file`]);
    const circle = put("a.yaml", "extends: b.yaml\n");
    put("b.yaml", "extends: a.yaml\n");
    expect(fault(() => loadRecipe(circle))).toEqual([
      `${join(dir, "b.yaml")}:1:10: extends: expected a recipe that does not build on this one, got "a.yaml"`,
    ]);
    for (let i = 0; i < 12; i++) put(`l${i}.yaml`, `extends: l${i + 1}.yaml\n`);
    expect(fault(() => loadRecipe(join(dir, "l0.yaml")))[0]).toMatch(
      /l8.yaml:1:10: extends: expected at most 8 recipes/,
    );
    for (const text of ["extends: 3", "extends: [base.yaml]", "extends:", "extends: ''", "extends: base.yaml"]) {
      expect(fault(() => resolveRecipe({ text }))[0]).toMatch(/^recipe:1:\d+: extends: expected the file of a recipe/);
    }
    expect(fault(() => resolveRecipe({ text: "extend: base.yaml" }))[0]).toContain("did you mean extends?");
  });
});
