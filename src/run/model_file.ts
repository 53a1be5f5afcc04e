// Model files of a run: which one a path names, and the metadata that they hold.
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { isArrays, type Session, type SessionSamples } from "../internal.ts";
import { imageMetadata } from "../recipe/image_metadata.ts";
import { mlpMetadata, objectiveMetadata } from "../recipe/objective_metadata.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { forEncoder, neuronMetadata } from "../recipe/spiking.ts";
import type { Splits } from "../recipe/splits.ts";
import { tableMetadata } from "../recipe/table_data.ts";
import { UsageError } from "../terminal/fail.ts";
import { defined } from "../text/index.ts";

const FILES = { sparse: "model.sparse.safetensors", dense: "model.safetensors" } as const;

/** Return the path itself, or the model file in a run's folder: of kind `first`, else the other, which holds the same weights. */
export function modelFile(path: string, first: keyof typeof FILES): string {
  if (!existsSync(path)) throw new UsageError(`${path}: no such file or directory`);
  if (!statSync(path).isDirectory()) return path;
  const names = first === "sparse" ? [FILES.sparse, FILES.dense] : [FILES.dense, FILES.sparse];
  const found = names.map((name) => join(path, name)).find((file) => existsSync(file));
  if (!found) throw new UsageError(`${path}: holds no ${FILES.dense}; has the run finished?`);
  return found;
}

/** Return the normalisation of the network's input by channel: (byte / 255 - mean) / std; none for arrays. With an encoder, images in 0..1. */
export function normalisation(
  recipe: Recipe,
  train: SessionSamples,
): { mean: readonly number[]; std: readonly number[] } | undefined {
  if (isArrays(train)) return undefined;
  const { mean, std } = forEncoder(train, recipe.model.encoder);
  return { mean, std };
}

/** Return the metadata of a model file: how the model was made, and what its input is. */
export function modelMetadata(
  recipe: Recipe,
  { train, table }: Pick<Splits, "train" | "table">,
  session: Session,
  threshold: unknown,
): Record<string, string> {
  return {
    model: recipe.model.name,
    data: recipe.data.name,
    ...neuronMetadata(recipe),
    ...imageMetadata(recipe, session.sample[1] ?? 1),
    ...tableMetadata(recipe, table),
    ...objectiveMetadata(recipe),
    ...mlpMetadata(recipe),
    ...defined({ compact: recipe.model.compact }),
    input: session.sample.join("x"),
    classes: String(session.classes),
    ...(train.classes.length > 0 ? { classNames: JSON.stringify(train.classes) } : {}),
    ...(isArrays(train) ? {} : { normalise: JSON.stringify(normalisation(recipe, train)) }),
    seed: String(recipe.seed),
    method: session.method.name,
    threshold: String(threshold),
    ...(session.recalibrates ? { recalibrated: String(recipe.recalibrate) } : {}),
    holds: "effective weights: the soft threshold has been applied",
  };
}
