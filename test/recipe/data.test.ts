// Recipes about data and micro-batches: defaults by data set, and messages about settings that do not apply.
import { describe, expect, test } from "vitest";
import { settingsFrom } from "../../src/recipe/flags.ts";
import { RecipeError, recipeToYaml, resolveRecipe } from "../../src/recipe/recipe.ts";
import { expectedAt, settingAt } from "../../src/recipe/schema.ts";

function problems(text: string): readonly string[] {
  try {
    resolveRecipe({ text, file: "a.yaml" });
  } catch (error) {
    expect(error).toBeInstanceOf(RecipeError);
    return (error as RecipeError).problems;
  }
  return [];
}

describe("defaults", () => {
  test("image files are cropped and flipped by default; CIFAR is shifted and flipped", () => {
    const files = resolveRecipe({ text: "data: {name: images, dir: x}" });
    expect(files).toMatchObject({
      model: { name: "resnet-18" },
      data: { name: "images", dir: "x" },
      augment: { crop: 0, flip: true },
      out: "runs/images_resnet_18",
    });
    // What a reader has defaults for is not written down.
    expect(Object.keys(files.data)).toEqual(["name", "dir"]);
    expect(files.microBatch).toBeUndefined();
    for (const name of ["cifar10", "cifar100"]) {
      expect(resolveRecipe({ text: `data: {name: ${name}}` })).toMatchObject({
        model: { name: "resnet-20" },
        batchSize: 128,
        augment: { crop: 4, flip: true },
      });
    }
  });
});

const everything = `
data: {name: images, dir: /d, size: 64, resize: 72, skipBad: 3, mapping: m.txt, heldOut: 0.2, workers: 4}
augment: {flip: false, scale: [0.35, 1], jitter: {brightness: 0.4, hue: 0.1}}
batchSize: 96
microBatch: 32`;

test("reads all settings of image files, and reads them back", () => {
  const recipe = resolveRecipe({ text: everything });
  expect(recipe).toMatchObject({
    data: { size: 64, resize: 72, skipBad: 3, mapping: "m.txt", heldOut: 0.2, workers: 4 },
    augment: { crop: 0, flip: false, scale: [0.35, 1], jitter: { brightness: 0.4, hue: 0.1 } },
    microBatch: 32,
  });
  const yaml = recipeToYaml(recipe);
  expect(resolveRecipe({ text: yaml })).toEqual(recipe);
  for (const line of yaml.split("\n").filter((l) => /^ *\w+: \S/.test(l))) expect(line).toContain(" # ");
});

test("flags set the same settings", () => {
  const flags = settingsFrom({
    ...{ data: "images", dataDir: "/d", size: 64, resize: 72, skipBad: 3, mapping: "m.txt", heldOut: 0.2, workers: 4 },
    ...{ batchSize: 96, microBatch: 32, flip: false },
  });
  const { augment, ...rest } = resolveRecipe({ text: everything });
  const given = resolveRecipe({ flags });
  expect(given).toEqual({ ...rest, augment: { crop: 0, flip: false } });
  expect(settingsFrom({ frameSize: 32 }).data?.size).toBe(32);
  expect(augment.jitter).toBeDefined();
});

describe("mistakes", () => {
  test.each([
    ["microBatch: 3", "a.yaml:1:13: microBatch: expected a number that divides batchSize = 256, got 3"],
    [
      "data: {name: table, dir: a.csv, targets: [y], limit: 3}",
      "a.yaml:1:54: data.limit: expected no value: it is for images and event data, and data.name is table; got 3",
    ],
    [
      "data: {size: 32}",
      "a.yaml:1:14: data.size: expected no value: it is for event data and data images, and data.name is mnist; got 32",
    ],
    [
      "data: {name: cifar10, skipBad: 1}",
      "a.yaml:1:32: data.skipBad: expected no value: it is for data images, and data.name is cifar10; got 1",
    ],
    [
      "data: {name: images, by: time}",
      'a.yaml:1:26: data.by: expected no value: it is for event data, and data.name is images; got "time"',
    ],
    [
      "data: {name: cifar10, mean: [0, 0, 0]}",
      "a.yaml:1:29: data.mean: expected no value: it is for data images, and data.name is cifar10; got [0,0,0]",
    ],
    ["data: {name: images, mean: [1, 2]}", "a.yaml:1:28: data.mean: expected three numbers, got [1,2]"],
    ["data: {name: images, std: [1, 1, 0]}", "a.yaml:1:34: data.std.2: expected three numbers > 0, got 0"],
    ["data: {name: images, resize: 200}", "a.yaml:1:30: data.resize: expected at least data.size = 224, got 200"],
    ["data: {name: images, heldOut: 1}", "a.yaml:1:31: data.heldOut: expected a number in (0, 1), got 1"],
    [
      "data: {name: images}\naugment: {crop: 4, scale: [0.5, 1]}",
      "a.yaml:2:17: augment.crop: expected 0, since augment.scale describes random crops of another kind, got 4",
    ],
    [
      "data: {name: images}\naugment: {scale: [1, 0.5]}",
      "a.yaml:2:18: augment.scale: expected the smaller share first, got [1,0.5]",
    ],
    [
      "augment: {scale: [0.5, 1]}",
      "a.yaml:1:18: augment.scale: expected no value: it is for data images, and data.name is mnist; got [0.5,1]",
    ],
    [
      "data: {name: images}\naugment: {jitter: {hue: 0.7}}",
      "a.yaml:2:25: augment.jitter.hue: expected a number in [0, 0.5], got 0.7",
    ],
  ])("%s", (text, problem) => {
    expect(problems(text)).toEqual([problem]);
  });

  test("refuses three shares, or one", () => {
    const [problem] = problems("data: {name: images}\naugment: {scale: [0.1, 0.2, 0.3]}");
    expect(problem).toMatch(
      /^a.yaml:2:\d+: augment.scale: expected two numbers in \(0, 1\], the smaller first, got \[/,
    );
    expect(problems("data: {name: images}\naugment: {scale: [0, 1]}")[0]).toMatch(
      /augment.scale.0: expected two numbers in \(0, 1\]/,
    );
  });
});

test("each change of colour has a help text", () => {
  for (const key of ["brightness", "contrast", "saturation", "hue"]) {
    expect(settingAt(["augment", "jitter", key])?.help).toContain(key);
    expect(expectedAt(["augment", "jitter", key])).toMatch(/number/);
  }
});
