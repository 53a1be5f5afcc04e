// Records the image settings of a run in its model file, so that `eval` tests it as the run did.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { evaluationBatch } from "../internal.ts";
import { UsageError } from "../terminal/fail.ts";
import { loadRecipe, type Recipe, RecipeError } from "./recipe.ts";
import type { DataSettings } from "./splits.ts";

const whole = z.int().min(1);
/** Scale of the images, if not ImageNet's. */
const channels = z.tuple([z.number(), z.number(), z.number()]);
const SAVED = z.object({
  batch: whole,
  size: whole,
  resize: whole.optional(),
  /** Held-out share: another share would test on images that the run trained on. */
  heldOut: z.number().gt(0).lt(1).optional(),
  mean: channels.optional(),
  std: channels.optional(),
});
type Saved = z.infer<typeof SAVED>;

/** Return the metadata of a run on image files; empty for other data. `size`: side of the input images. */
export function imageMetadata(recipe: Recipe, size: number): Record<string, string> {
  const { name, heldOut, mean, std } = recipe.data;
  if (name !== "images") return {};
  // Padded crops are of images of the network's size.
  const { resize = recipe.augment.crop > 0 ? size : undefined } = recipe.data;
  return {
    images: JSON.stringify({ batch: evaluationBatch(recipe), size, resize, heldOut, mean, std } satisfies Saved),
  };
}

/** Read what imageMetadata wrote. Throws UsageError if it is corrupt. */
export function readImageMetadata(text: string | undefined, file: string): Partial<Saved> {
  if (text === undefined) return {};
  try {
    return SAVED.parse(JSON.parse(text));
  } catch {
    throw new UsageError(`${file}: its metadata "images" is corrupt: ${text.slice(0, 80)}`);
  }
}

/** Return the data folder in the recipe of a run; empty if it trained on other data, or has no recipe. */
export function dataOfRun(folder: string, name: string): Pick<DataSettings, "dir" | "mapping" | "testFile"> {
  const config = join(folder, "config.yaml");
  if (!existsSync(config)) return {};
  try {
    const { data } = loadRecipe(config, { written: true });
    return data.name === name ? { dir: data.dir, mapping: data.mapping, testFile: data.testFile } : {};
  } catch (error) {
    // The model of a run can be tested although its recipe was edited by hand.
    if (error instanceof RecipeError) return {};
    throw error;
  }
}
