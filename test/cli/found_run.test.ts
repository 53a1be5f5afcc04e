// What a folder of a run has to go on from: nothing yet, or a result without a checkpoint, or settings that were emptied.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readRecipe } from "../../src/cli/train_recipe.ts";
import { RunDirectory } from "../../src/node.ts";
import { findRun } from "../../src/run/found_run.ts";

const root = mkdtempSync(join(tmpdir(), "espalier-found-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("a run without a checkpoint begins at its beginning, but never over its result", async () => {
  expect(await findRun(new RunDirectory(root), () => {})).toBeNull();
  writeFileSync(join(root, "result.json"), "{}");
  await expect(findRun(new RunDirectory(root), () => {})).rejects.toThrow(
    /: has the result\.json of a finished run, but no checkpoint to resume from; --overwrite starts a new run$/,
  );
});

test.each(["", "\n\n", "# what there was\n  # is gone\n"])("a config.yaml of %j is no recipe of defaults", (text) => {
  writeFileSync(join(root, "config.yaml"), text);
  writeFileSync(join(root, "run.json"), "{}");
  const read = (more: object) => readRecipe({ settings: {}, command: "espalier train", ...more } as never, () => {});
  const emptied = /config\.yaml: expected the settings of the run, got an empty file\. Restore it, or start a new run/;
  expect(() => read({ resume: root })).toThrow(emptied);
  expect(() => read({ recipe: join(root, "config.yaml") })).toThrow(emptied);
});
