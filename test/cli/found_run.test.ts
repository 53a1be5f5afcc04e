// Resuming folders without a usable checkpoint: an empty run, a result without a checkpoint, an empty configuration.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readRecipe } from "../../src/cli/train_recipe.ts";
import { RunDirectory } from "../../src/node_internal.ts";
import { findRun } from "../../src/run/found_run.ts";

const root = mkdtempSync(join(tmpdir(), "espalier-found-"));
afterAll(() => rmSync(root, { recursive: true, force: true }));

test("a run without a checkpoint starts at the first step, but never overwrites its result", async () => {
  expect(await findRun(new RunDirectory(root), () => {})).toBeNull();
  writeFileSync(join(root, "result.json"), "{}");
  await expect(findRun(new RunDirectory(root), () => {})).rejects.toThrow(
    /: has the result\.json of a finished run, but no checkpoint to resume from; --overwrite starts a new run$/,
  );
});

test.each(["", "\n\n", "# what there was\n  # is gone\n"])("refuses a config.yaml of %j", (text) => {
  writeFileSync(join(root, "config.yaml"), text);
  writeFileSync(join(root, "run.json"), "{}");
  const read = (more: object) => readRecipe({ settings: {}, command: "espalier train", ...more } as never, () => {});
  const emptied = /config\.yaml: expected the settings of the run, got an empty file\. Restore it, or start a new run/;
  expect(() => read({ resume: root })).toThrow(emptied);
  expect(() => read({ recipe: join(root, "config.yaml") })).toThrow(emptied);
});
