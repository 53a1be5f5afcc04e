// Gives a run the shares of zeros that the layers of another run ended with.
import { RunDirectory } from "../node_internal.ts";
import type { Recipe } from "../recipe/recipe.ts";
import { RESULT } from "../run/results.ts";
import { UsageError } from "../terminal/fail.ts";
import { isRecord } from "../text/index.ts";

/**
 * Replace each run among `prune.shares` by its layers and their shares, so that the recipe is complete without that run.
 *
 * Errors   UsageError for a folder without the result of a finished run.
 */
export function withShares(recipe: Recipe): Recipe {
  const { shares } = recipe.prune;
  if (shares === undefined || shares.every((entry) => entry.includes("="))) return recipe;
  const read = shares.flatMap((entry) => (entry.includes("=") ? [entry] : sharesOfRun(entry)));
  return { ...recipe, prune: { ...recipe.prune, shares: read } };
}

function sharesOfRun(folder: string): string[] {
  const layers = new RunDirectory(folder).readObject(RESULT)?.["layers"];
  const rows: readonly unknown[] = Array.isArray(layers) ? layers : [];
  const shares = rows.map((row) => {
    const { name, zeros, weights } = isRecord(row) ? row : {};
    return `${String(name)}=${Number(zeros) / Number(weights)}`;
  });
  if (shares.length === 0)
    throw new UsageError(`prune.shares: expected a finished run, or layers such as conv1=0.9, got ${folder}`);
  return shares;
}
