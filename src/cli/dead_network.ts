// The end of a run whose network is dead: one sentence, and exit code 1.
import { deadText, EspalierError, type FitResult } from "../internal.ts";
import type { EndParts } from "./train_result.ts";

/** A run ended since no path through the network is left. */
export class DeadNetworkError extends EspalierError {
  override readonly name = "DeadNetworkError";
}

/** Report a dead network as a record, and return the error to throw. Its checkpoint is saved. */
export function deadNetwork(
  { recipe, session, out }: Pick<EndParts, "recipe" | "session" | "out">,
  { deadLayers, position: { epoch, step } }: FitResult,
): DeadNetworkError {
  out.emit({ kind: "dead", epoch, step, layers: deadLayers });
  const ended = `ended after epoch ${epoch} of ${session.epochs}, with the checkpoint of step ${step} in ${recipe.out}`;
  return new DeadNetworkError(`${deadText(deadLayers)}; ${ended}; prune less, or more slowly`);
}
