// A batch that batch norm cannot take is refused before anything is made, with a size that would do.
import { expect, test } from "vitest";
import { imageDataset } from "../../src/internal.ts";
import { checkBatches } from "../../src/recipe/batch_check.ts";
import { DEFAULT_RECIPE, type Recipe } from "../../src/recipe/schema.ts";

const data = (n: number, side = 4) => ({
  train: imageDataset({
    ...{ name: "toy", shape: [1, side, side], classes: ["a", "b"], mean: [0], std: [1] },
    images: new Uint8Array(n * side * side),
    labels: new Uint8Array(n),
  }),
});
const recipe = (batchSize: number, microBatch?: number, name = "resnet-8-narrow"): Recipe => ({
  ...DEFAULT_RECIPE,
  model: { ...DEFAULT_RECIPE.model, name },
  batchSize,
  ...(microBatch === undefined ? {} : { microBatch }),
});
const refusal = (n: number, ...settings: Parameters<typeof recipe>): string | null => {
  try {
    checkBatches(recipe(...settings), data(n));
    return null;
  } catch (error) {
    return (error as Error).message;
  }
};

test("refuses a last batch of one image", () => {
  expect(refusal(9, 4)).toBe(
    "9 images at batch size 4 leave a last batch of 1 image: batchNormRelu: training: expected more than one value per channel (x [1,32,1,1]); choose another batch size (e.g. 3)",
  );
  expect([refusal(9, 3), refusal(9, 9), refusal(8, 4), refusal(10, 4)]).toEqual([null, null, null, null]);
  expect(refusal(9, 2)).toMatch(/^9 images at batch size 2 leave a last batch of 1 image: .*\(e.g. 3\)$/);
});

test("refuses batches of one, one image, and micro-batches of one", () => {
  expect(refusal(6, 1)).toMatch(/^6 images at batch size 1 leave a last batch of 1 image: .*\(e.g. 2\)$/);
  expect(refusal(1, 8)).toMatch(/^1 image at batch size 8 leave a last batch of 1 image: .*x \[1,32,1,1\]\)$/);
  expect(refusal(16, 8, 1)).toMatch(/^16 images at batch size 8 in parts of 1 leave a part of 1 image: /);
  expect(refusal(13, 8, 4)).toMatch(/leave a part of 1 image: .*; choose another micro-batch \(e.g. 8\)$/);
});

test("accepts any batch without batch norm, or with maps larger than one pixel", () => {
  checkBatches({ ...recipe(4, undefined, "lenet") }, data(9, 28));
  checkBatches(recipe(4), data(9, 16));
});
