// What a model file says of the image files that it was trained on, so that `eval` tests it as the run did.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { evaluationBatch } from "../index.ts";
import { UsageError } from "../terminal/fail.ts";
import type { DataSettings } from "./datasets.ts";
import { loadRecipe, type Recipe, RecipeError } from "./recipe.ts";

const whole = z.int().min(1);
const SAVED = z.object({
  batch: whole,
  size: whole,
  resize: whole.optional(),
  /** The share that was held out: another share would test with images that the run trained on. */
  heldOut: z.number().gt(0).lt(1).optional(),
});
type Saved = z.infer<typeof SAVED>;

/** `size`: of the square that the network sees. Nothing for other data. */
export function imageMetadata(recipe: Recipe, size: number): Record<string, string> {
  const { name, resize, heldOut } = recipe.data;
  if (name !== "images") return {};
  return { images: JSON.stringify({ batch: evaluationBatch(recipe), size, resize, heldOut } satisfies Saved) };
}

/** Reads what imageMetadata wrote. Throws UsageError when it is damaged. */
export function readImageMetadata(text: string | undefined, file: string): Partial<Saved> {
  if (text === undefined) return {};
  try {
    return SAVED.parse(JSON.parse(text));
  } catch {
    throw new UsageError(`${file}: its metadata "images" is damaged: ${text.slice(0, 80)}`);
  }
}

/** Where the data of a run's folder lies, as its recipe has it; nothing when it was other data, or there is no recipe. */
export function dataOfRun(folder: string, name: string): Pick<DataSettings, "dir" | "mapping"> {
  const config = join(folder, "config.yaml");
  if (!existsSync(config)) return {};
  try {
    const { data } = loadRecipe(config, { written: true });
    return data.name === name ? { dir: data.dir, mapping: data.mapping } : {};
  } catch (error) {
    // A recipe that was edited by hand does not keep its model from being tested.
    if (error instanceof RecipeError) return {};
    throw error;
  }
}
