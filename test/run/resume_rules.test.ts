// Rules for changed settings at a resume, and their messages.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DEFAULT_RECIPE, type Recipe } from "../../src/recipe/recipe.ts";
import { keysAt } from "../../src/recipe/schema.ts";
import {
  changeWords,
  lengthProblem,
  RESUME_RULES,
  refusalWords,
  resumeRule,
  settingChanges,
} from "../../src/run/resume_rules.ts";

const was: Recipe = { ...DEFAULT_RECIPE, out: "runs/a" };

/** Paths of all settings in the schema. */
function allSettings(path: readonly string[] = []): string[] {
  const keys = keysAt(path);
  return keys.length === 0 ? [path.join(".")] : keys.flatMap((key) => allSettings([...path, key]));
}

/** The recipe with one setting changed. */
function changed(path: string, value: unknown): Recipe {
  const [key = "", ...rest] = path.split(".");
  const within = (part: Record<string, unknown>, [first = "", ...more]: string[]): Record<string, unknown> => ({
    ...part,
    [first]: more.length === 0 ? value : within((part[first] ?? {}) as Record<string, unknown>, more),
  });
  return within(was as unknown as Record<string, unknown>, [key, ...rest]) as unknown as Recipe;
}

describe("rules", () => {
  test("refuse another precision by name, also that of a run without the setting", () => {
    const refused = (before: unknown, after: unknown) =>
      settingChanges(changed("precision", before), changed("precision", after)).map((c) => [c.rule, refusalWords(c)]);
    expect(refused("f16", "f32")).toEqual([["fixed", "precision: expected f16 as in the run, got f32"]]);
    expect(refused(undefined, "f16")).toEqual([["fixed", "precision: expected f32 as in the run, got f16"]]);
    for (const same of [undefined, "f32"]) expect(refused(undefined, same)).toEqual([]);
  });

  test("fix the settings that decide the numbers", () => {
    for (const path of [
      "seed",
      "batchSize",
      "precision",
      "lr.base",
      "lr.schedule",
      "momentum",
      "weightDecay",
      "labelSmoothing",
    ])
      expect(resumeRule(path), path).toBe("fixed");
    for (const path of ["model.name", "data.name", "data.limit", "data.size", "prune.threshold", "augment.flip"])
      expect(resumeRule(path), path).toBe("fixed");
    expect(resumeRule("weights")).toBe("fixed");
    expect(resumeRule("a.setting.of.tomorrow")).toBe("fixed");
  });

  test("free the others, plan the lengths, and note micro-batches", () => {
    for (const path of [
      "data.dir",
      "data.workers",
      "data.memory",
      "model.shortcut",
      "checkpoint.every",
      "checkpoint.keep",
      "device.requireGpu",
      "trail",
    ])
      expect(resumeRule(path), path).toBe("free");
    expect(resumeRule("epochs")).toBe("planned");
    expect(resumeRule("finetuneEpochs")).toBe("planned");
    expect(resumeRule("microBatch")).toBe("noted");
  });

  test("name existing settings and sections", () => {
    for (const path of Object.keys(RESUME_RULES)) {
      const [key = "", ...above] = path.split(".").reverse();
      expect(keysAt(above.reverse()), path).toContain(key);
    }
  });

  test("find each changed setting of the schema by its path, except the folder", () => {
    const settings = allSettings();
    expect(settings.length).toBeGreaterThan(50);
    fc.assert(
      fc.property(
        fc.constantFrom(...settings),
        fc.oneof(fc.string(), fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean()),
        (path, value) => {
          const changes = settingChanges(was, changed(path, value));
          const before = path
            .split(".")
            .reduce<unknown>((part, key) => (part as Record<string, unknown> | undefined)?.[key], was);
          const same = path === "out" || JSON.stringify(before) === JSON.stringify(value);
          expect(changes).toEqual(same ? [] : [{ path, rule: resumeRule(path), was: before, now: value }]);
        },
      ),
    );
  });
});

test("treats a list as one setting, and a removed setting as a change", () => {
  expect(settingChanges(changed("prune.dense", ["first"]), changed("prune.dense", ["first", "last"]))).toEqual([
    { path: "prune.dense", rule: "fixed", was: ["first"], now: ["first", "last"] },
  ]);
  expect(settingChanges(changed("data.limit", 3), was)).toEqual([
    { path: "data.limit", rule: "fixed", was: 3, now: undefined },
  ]);
});

test("names both values", () => {
  const change = { path: "lr.base", was: 0.1, now: 0.2 };
  expect(changeWords(change)).toBe("lr.base: 0.1 -> 0.2");
  expect(refusalWords(change)).toBe("lr.base: expected 0.1 as in the run, got 0.2");
  expect(refusalWords({ path: "weights", was: undefined, now: "a.pth" })).toBe(
    "weights: expected none as in the run, got a.pth",
  );
});

test("a run cannot become shorter than it is", () => {
  const length = (epochs: number, finetuneEpochs = 0) => ({ epochs, finetuneEpochs });
  expect(lengthProblem(length(2), { step: 6, epoch: 2, batch: 0 })).toBeNull();
  expect(lengthProblem(length(1), { step: 6, epoch: 2, batch: 0 })).toBe(
    "epochs: expected at least 2, since 6 steps are done, got 1",
  );
  expect(lengthProblem(length(2), { step: 7, epoch: 2, batch: 1 })).toBe(
    "epochs: expected at least 3, since 7 steps are done, got 2",
  );
  expect(lengthProblem(length(1, 1), { step: 7, epoch: 2, batch: 1 })).toBe(
    "epochs and finetuneEpochs: expected together at least 3, since 7 steps are done, got 2",
  );
});
