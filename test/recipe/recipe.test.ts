// Recipes: what is read, what wins, and what is said about mistakes.
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { LR_SCHEDULES, makeLrSchedule } from "../../src/optim/lr_scheduler.ts";
import { type RunShape, thresholdConfig } from "../../src/prune/config.ts";
import { makeThresholdSchedule, THRESHOLD_SCHEDULES } from "../../src/prune/threshold_schedule.ts";
import {
  DEFAULT_RECIPE,
  loadRecipe,
  RecipeError,
  type RecipeSource,
  recipeToYaml,
  resolveRecipe,
} from "../../src/recipe/recipe.ts";
import { expectedAt, keysAt, type Recipe, recipeSchema, settingAt } from "../../src/recipe/schema.ts";
import { closest } from "../../src/text/index.ts";

function shapeOf({ epochs, momentum, seed, lr }: Recipe, stepsPerEpoch: number): RunShape {
  const mainSteps = epochs * stepsPerEpoch;
  return {
    totalSteps: mainSteps,
    mainSteps,
    stepsPerEpoch,
    lr: makeLrSchedule(lr, { epochs, stepsPerEpoch }),
    momentum,
    seed,
  };
}

function problems(source: string | RecipeSource): readonly string[] {
  try {
    resolveRecipe(typeof source === "string" ? { text: source, file: "a.yaml" } : source);
  } catch (error) {
    expect(error).toBeInstanceOf(RecipeError);
    const found = (error as RecipeError).problems;
    for (const problem of found) expect(problem).not.toContain("\n");
    expect((error as RecipeError).message).toBe(found.join("\n"));
    return found;
  }
  return [];
}

describe("reading", () => {
  test("an empty recipe is the default run", () => {
    expect(resolveRecipe()).toEqual(DEFAULT_RECIPE);
    for (const text of ["", "# only a comment\n", "---\n", "{}", "null"])
      expect(resolveRecipe({ text })).toEqual(DEFAULT_RECIPE);
    expect(DEFAULT_RECIPE).toMatchObject({ epochs: 3, batchSize: 256, momentum: 0.9 });
    expect(DEFAULT_RECIPE.lr).toMatchObject({ schedule: "cosine", base: 0.1, per: "step" });
    expect(DEFAULT_RECIPE.prune).toMatchObject({ schedule: "lats", threshold: 0.1 });
  });

  test("defaults < file < flags, key by key; lists are replaced", () => {
    const text = "epochs: 9\nlr: {schedule: multistep, milestones: [2, 4]}\nseed: 5\n";
    const flags = { epochs: 7, lr: { milestones: [3], base: undefined }, seed: undefined };
    const recipe = resolveRecipe({ text, flags });
    expect(recipe).toMatchObject({ epochs: 7, seed: 5, batchSize: 256 });
    expect(recipe.lr).toEqual({ ...DEFAULT_RECIPE.lr, schedule: "multistep", milestones: [3] });
  });

  test("threshold and lambda replace each other from layer to layer", () => {
    expect(resolveRecipe({ text: "prune: {lambda: 0.01}" }).prune).toMatchObject({ lambda: 0.01 });
    expect(resolveRecipe({ text: "prune: {lambda: 0.01}" }).prune.threshold).toBeUndefined();
    const back = resolveRecipe({ text: "prune: {lambda: 0.01}", flags: { prune: { threshold: 0.5 } } }).prune;
    expect(back.threshold).toBe(0.5);
    expect(back.lambda).toBeUndefined();
    expect(DEFAULT_RECIPE.prune.threshold).toBe(0.1);
  });

  test("reads anchors", () => {
    expect(resolveRecipe({ text: "seed: &n 12\nlogEvery: *n" })).toMatchObject({ seed: 12, logEvery: 12 });
  });
});

describe("messages about mistakes", () => {
  test("one line per mistake: position, path, expected, got", () => {
    const text = [
      "epochs: -3",
      "lr:",
      "  base: fast",
      "prune:",
      "  schedule: lats",
      "  threshold: -0.1",
      "seed: 1.5",
    ].join("\n");
    expect(problems(text)).toEqual([
      "a.yaml:1:9: epochs: expected an integer >= 1, got -3",
      'a.yaml:3:9: lr.base: expected a number > 0, got "fast"',
      "a.yaml:6:14: prune.threshold: expected a number >= 0, got -0.1",
      "a.yaml:7:7: seed: expected an integer in [0, 4294967295], got 1.5",
    ]);
  });

  test("suggests the nearest key for an unknown one, also in another section", () => {
    const text = "batch_size: 3\nprune:\n  treshold: 1\nwarmupEpochs: 2\nxyzzy: 0";
    const found = problems(text);
    expect(found).toHaveLength(4);
    expect(found).toContainEqual(
      expect.stringMatching(/^a.yaml:1:1: batch_size: unknown key, .*did you mean batchSize\?$/),
    );
    expect(found).toContainEqual(
      expect.stringMatching(/^a.yaml:3:3: prune.treshold: unknown key, .*did you mean threshold\?$/),
    );
    expect(found).toContainEqual(
      expect.stringMatching(/^a.yaml:4:1: warmupEpochs: unknown key, .*did you mean lr.warmupEpochs\?$/),
    );
    expect(found).toContainEqual(
      expect.stringMatching(/^a.yaml:5:1: xyzzy: unknown key, expected one of model, data, .*device$/),
    );
  });

  test("suggests the nearest name", () => {
    expect(problems("data: {name: fashion_mnist}")[0]).toBe(
      'a.yaml:1:14: data.name: expected one of mnist, fashion-mnist, idx, cifar10, cifar100, images, events, n-mnist, dvs-gesture, cifar10-dvs, npz, table, got "fashion_mnist"; did you mean fashion-mnist?',
    );
    const models = ["lenet-bn", "resnet20"];
    expect(problems({ text: "model:\n  name: lenet_bm", file: "b.yaml", models })).toEqual([
      'b.yaml:2:9: model.name: expected one of lenet-bn, resnet20, got "lenet_bm"; did you mean lenet-bn?',
    ]);
  });

  const rules: [string, RegExp][] = [
    ["data: {name: idx}", /1:1: data.dir: expected a folder, since data.name is idx, got nothing/],
    ["nesterov: true\nmomentum: 0", /2:11: momentum: expected a number > 0, since nesterov is true, got 0/],
    ["lr: {warmupEpochs: 4}", /1:20: lr.warmupEpochs: expected at most epochs = 3, got 4/],
    ["lr: {warmupEpochs: 0.5, per: epoch}", /lr.warmupEpochs: expected an integer, since lr.per is epoch, got 0.5/],
    ["lr: {min: 0.2}", /lr.min: expected at most lr.base = 0.1, got 0.2/],
    ["lr: {schedule: multistep}", /1:1: lr.milestones: expected rising epochs, .* got nothing/],
    ["lr: {schedule: multistep, milestones: [2, 1]}", /1:39: lr.milestones: expected rising epochs, .* got \[2,1\]/],
    ["lr: {milestones: [1, -2]}", /1:22: lr.milestones.1: expected a list of epochs > 0, got -2/],
    ["lr: {schedule: step}", /lr.every: expected a number of epochs/],
    ["lr: {schedule: step, every: 0.5, per: epoch}", /lr.every: expected an integer, since lr.per is epoch, got 0.5/],
    ["prune: {threshold: 1, lambda: 1}", /1:31: prune.lambda: expected either threshold or lambda, not both, got 1/],
    ["prune: {schedule: pgh}", /prune.beta: expected a number > 0, since prune.schedule is pgh, got nothing/],
    ["prune: {schedule: pgh, beta: 0}", /1:30: prune.beta: expected a number > 0, got 0/],
    ["prune: {startEpoch: 3}", /prune.startEpoch: expected less than epochs = 3, got 3/],
    ["prune: {startEpoch: 1, window: 2.5}", /prune.window: expected at most 2, .* got 2.5/],
    ["prune: {schedule: lats-epoch, window: 1.5}", /prune.window: expected an integer, .* got 1.5/],
    ["lr: 0.1", /1:1: lr: expected a map with keys of schedule, base, .* got 0.1|1:5: lr: expected a map/],
    ["prune:", /prune: expected a map with keys of method, .* got nothing/],
    ["momentum: .nan", /momentum: expected a number in \[0, 1\), got NaN/],
    ["weightDecay: .inf", /weightDecay: expected a number >= 0, got Infinity/],
    ["epochs: 2e999", /epochs: expected an integer >= 1, got Infinity/],
    ["- a\n- b", /1:1: expected a map of settings, got \["a","b"\]/],
    ["just words", /1:1: expected a map of settings, got "just words"/],
    ["__proto__: {epochs: 1}", /1:1: __proto__: unknown key/],
    ["lr: {__proto__: {base: 1}}", /lr.__proto__: unknown key/],
    ["constructor: 1", /constructor: unknown key/],
    [`${"k".repeat(500)}: 1`, /^.{70,120}: unknown key/],
  ];
  test.each(rules)("%s", (text, message) => {
    const found = problems(text);
    expect(found).toHaveLength(1);
    expect(found[0]).toMatch(message);
    expect(found[0]).toMatch(/^a.yaml:\d+:\d+: /);
  });
});

describe("refusals of flags, files and hostile text", () => {
  test("names a flag, also if it breaks a rule only together with the file", () => {
    expect(problems({ flags: { epochs: 0 } })).toEqual(["flags: epochs: expected an integer >= 1, got 0"]);
    const both = { text: "lr: {warmupEpochs: 2}", file: "a.yaml", flags: { epochs: 1 } };
    expect(problems(both)).toEqual(["a.yaml:1:20: lr.warmupEpochs: expected at most epochs = 1, got 2"]);
    const flag = { text: "lr: {warmupEpochs: 2}", file: "a.yaml", flags: { lr: { warmupEpochs: 8 } } };
    expect(problems(flag)).toEqual(["flags: lr.warmupEpochs: expected at most epochs = 3, got 8"]);
  });

  test("refuses hostile YAML", () => {
    expect(problems("seed: 1\nseed: 2")[0]).toMatch(/^a.yaml:2:1: yaml: .*unique/);
    expect(problems("epochs: !!js/function 'x'")[0]).toMatch(/^a.yaml:1:9: yaml: Unresolved tag/);
    expect(problems("epochs: !mine 3")[0]).toMatch(/^a.yaml:1:9: yaml: Unresolved tag/);
    for (const tag of ["!!binary aGk=", "!!set {a}", "!!str 3", "!!omap [a: 1]"]) {
      expect(problems(`epochs: ${tag}`)[0]).toMatch(/yaml: (expected a plain value, got the tag|Unresolved tag)/);
    }
    expect(problems("epochs: [1, 2")[0]).toMatch(/^a.yaml:1:14: yaml: /);
    expect(problems("epochs: 1\n---\nepochs: 2")[0]).toMatch(/yaml: .*multiple documents/);
    expect(problems("? [a, b]\n: 1").join()).toMatch(/a.yaml:1:\d+: yaml: .*keys/);
    expect(problems("epochs: *nowhere").join()).toMatch(/yaml: .*alias/i);
    expect(problems("%YAML 1.1\n---\nnesterov: yes").join()).toMatch(/yaml|nesterov: expected true or false/);
    let bomb = "x0: &x0 [lol, lol]\n";
    for (let i = 1; i < 12; i++)
      bomb += `x${i}: &x${i} [${Array(9)
        .fill(`*x${i - 1}`)
        .join(", ")}]\n`;
    expect(problems(bomb)).toEqual([expect.stringMatching(/^a.yaml:1:1: yaml: Excessive alias count/)]);
    const brackets = problems("[".repeat(200_000));
    expect(brackets.length).toBeLessThanOrEqual(21);
    expect(brackets.at(-1)).toMatch(/^and \d+ more problems$|^a.yaml:1:/);
    expect(problems("a".repeat((1 << 20) + 1))[0]).toMatch(/at most 1048576 characters, got 1048577/);
  });

  test("any text gives a recipe or a RecipeError", () => {
    const words = fc.constantFrom(
      "epochs",
      "lr",
      "prune",
      "threshold",
      "-1",
      "0.5",
      "{",
      "}",
      "[",
      "]",
      ":",
      " ",
      "\n",
      "  ",
      "&a",
      "*a",
      "!!set",
      "~",
      "'",
      "-",
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(words, { maxLength: 30 }).map((w) => w.join("")),
        ),
        (text) => {
          expect(Array.isArray(problems(text))).toBe(true);
        },
      ),
      { numRuns: 300 },
    );
  });

  test("refuses a missing file", () => {
    expect(() => loadRecipe("/nowhere/x.yaml")).toThrow("cannot read /nowhere/x.yaml: no such file");
  });
});

/** Valid recipes that differ from the default in many places. */
const anyRecipe: fc.Arbitrary<Recipe> = fc
  .record({
    epochs: fc.integer({ min: 2, max: 500 }),
    batchSize: fc.integer({ min: 1, max: 4096 }),
    base: fc.double({ min: 1e-6, max: 10, noNaN: true }),
    schedule: fc.constantFrom(...THRESHOLD_SCHEDULES),
    lr: fc.constantFrom(...LR_SCHEDULES),
    height: fc.double({ min: 0, max: 10, noNaN: true }),
    useLambda: fc.boolean(),
    seed: fc.integer({ min: 0, max: 0xffffffff }),
    out: fc.string({ minLength: 1 }),
    window: fc.option(fc.constant(1), { nil: undefined }),
    flip: fc.boolean(),
  })
  .map(({ epochs, batchSize, base, schedule, lr, height, useLambda, seed, out, window, flip }) => {
    const { threshold: _, ...prune } = DEFAULT_RECIPE.prune;
    // What no run of the schedule reads is not part of a recipe.
    const moves = schedule !== "none";
    const drops = lr === "multistep" ? { milestones: [1, 1.5] } : lr === "step" ? { every: 1 } : {};
    return {
      ...DEFAULT_RECIPE,
      epochs,
      batchSize,
      seed,
      out,
      lr: { ...DEFAULT_RECIPE.lr, base, schedule: lr, ...drops },
      prune: {
        ...prune,
        schedule,
        ...(schedule.startsWith("pgh") ? { beta: 0.1 } : {}),
        ...(moves ? (useLambda ? { lambda: height } : { threshold: height }) : {}),
        ...(window && moves && (schedule !== "constant" || useLambda) ? { window } : {}),
      },
      augment: { crop: 2, flip },
    };
  });

describe("recipeToYaml", () => {
  test("reads back as the same recipe", () => {
    fc.assert(
      fc.property(anyRecipe, (recipe) => {
        expect(recipeSchema.safeParse(recipe).success).toBe(true);
        expect(resolveRecipe({ text: recipeToYaml(recipe) })).toEqual(recipe);
      }),
      { numRuns: 150 },
    );
  });
  test("explains each setting", () => {
    const text = recipeToYaml(DEFAULT_RECIPE);
    expect(text).toContain("  threshold: 0.1 # final threshold, in units of the weights\n");
    const leaves = text.split("\n").filter((l) => /^ *\w+: \S/.test(l));
    expect(leaves.length).toBeGreaterThan(25);
    for (const leaf of leaves) expect(leaf).toContain(" # ");
  });
});

describe("the schema", () => {
  test("has the schedules of the engine", () => {
    const names = (path: string[]) => (expectedAt(path) ?? "").replace("one of ", "").split(", ");
    expect(names(["prune", "schedule"])).toEqual([...THRESHOLD_SCHEDULES]);
    expect(names(["lr", "schedule"])).toEqual([...LR_SCHEDULES]);
  });
  test("describes each setting and its values", () => {
    for (const key of keysAt([])) {
      for (const path of keysAt([key]).length > 0 ? keysAt([key]).map((inner) => [key, inner]) : [[key]]) {
        if (keysAt(path).length === 0) expect(settingAt(path)?.help, path.join(".")).toBeTruthy();
        expect(expectedAt(path), path.join(".")).toBeTruthy();
      }
    }
    expect(expectedAt(["nothing"])).toBeUndefined();
  });
  test("gives valid options for both schedules", () => {
    fc.assert(
      fc.property(anyRecipe, fc.integer({ min: 1, max: 9 }), (recipe, stepsPerEpoch) => {
        const epochs = recipe.epochs;
        const lr = makeLrSchedule(recipe.lr, { epochs, stepsPerEpoch });
        const totalSteps = epochs * stepsPerEpoch;
        const threshold = makeThresholdSchedule(thresholdConfig(recipe.prune, shapeOf(recipe, stepsPerEpoch)), {
          totalSteps,
          stepsPerEpoch,
          epochs,
          lr,
        });
        expect(threshold.at(totalSteps)).toBe(threshold.final);
        if (recipe.prune.threshold !== undefined && recipe.prune.schedule !== "none")
          expect(threshold.final).toBe(recipe.prune.threshold);
      }),
      { numRuns: 60 },
    );
  });
  test("turns epochs of the pruning window into steps", () => {
    const recipe = resolveRecipe({ text: "epochs: 10\nprune: {startEpoch: 1.5, window: 2}" });
    expect(thresholdConfig(recipe.prune, shapeOf(recipe, 11))).toMatchObject({
      pruningStartStep: 17,
      windowSteps: 22,
      threshold: 0.1,
    });
  });
});

describe("the recipes of the repository", () => {
  const folder = new URL("../../recipes/", import.meta.url);
  const files = readdirSync(folder).filter((name) => name.endsWith(".yaml"));
  test.each(files)("%s is valid and has comments", (name) => {
    const text = readFileSync(new URL(name, folder), "utf8");
    const recipe = resolveRecipe({ text, file: name });
    expect(recipe.out).toBe(`runs/${name.replace(".yaml", "")}`);
    expect(text.split("\n").filter((l) => l.includes("# ")).length).toBeGreaterThan(8);
  });
  test("mnist_lenet.yaml is the default run", () => {
    expect(loadRecipe(new URL("mnist_lenet.yaml", folder).pathname)).toEqual(DEFAULT_RECIPE);
  });
  test("loadRecipe reads a file and lets flags win", () => {
    const file = join(mkdtempSync(join(tmpdir(), "recipe-")), "r.yaml");
    writeFileSync(file, "epochs: 4\nseed: 1\n");
    expect(loadRecipe(file, { flags: { seed: 2 } })).toMatchObject({ epochs: 4, seed: 2 });
    writeFileSync(file, "epoch: 4\n");
    expect(() => loadRecipe(file)).toThrow(`${file}:1:1: epoch: unknown key`);
  });
});

describe("closest", () => {
  test("finds near words and no far ones", () => {
    const words = ["threshold", "lambda", "startEpoch", "beta"];
    expect(closest("treshold", words)).toBe("threshold");
    expect(closest("lamda", words)).toBe("lambda");
    expect(closest("start_epoch", words)).toBe("startEpoch");
    expect(closest("btea", words)).toBe("beta");
    expect(closest("momentum", words)).toBeUndefined();
    expect(closest("start", words)).toBe("startEpoch");
    expect(closest("", words)).toBeUndefined();
  });
});
