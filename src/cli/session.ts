// A recipe and its data become a session.
import { buildModel, type Module, manualSeed, Session } from "../index.ts";
import type { Splits } from "./datasets.ts";
import { UsageError } from "./fail.ts";
import type { Recipe } from "./recipe.ts";

/** The recipe's model for images of this shape. */
export function modelFor(
  { name, checkpointBlocks = false }: { readonly name: string; readonly checkpointBlocks?: boolean },
  shape: readonly [number, number, number],
  classes: number,
): Module {
  const [channels, height, width] = shape;
  if (height !== width) throw new UsageError(`model ${name} wants square images, the data has ${height}x${width}`);
  return buildModel(name, { channels, size: height, classes }, { checkpoint: checkpointBlocks });
}

export function buildSession(recipe: Recipe, { train, test }: Splits): Session {
  manualSeed(recipe.seed);
  const model = modelFor(recipe.model, train.shape, train.classes.length);
  return new Session({ model, train, test, config: recipe, savedConfig: recipe });
}
