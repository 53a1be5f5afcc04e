// Removes dead channels and neurons from the model of a session between two epochs.
import { applyCompaction } from "../prune/compact/description.ts";
import { planTrainingCompaction } from "../prune/compact/training.ts";
import type { ModelChange } from "./model_change.ts";
import type { SessionParts } from "./session_build.ts";
import { formatOf } from "./session_data.ts";

/** Return the names of the weights that a mask keeps at zero. */
function frozenWeights({ model, optimizer }: SessionParts): Set<string> {
  const masked = optimizer.groups.filter(({ options }) => options.mode !== "none");
  const params = new Set(masked.flatMap(({ chunks }) => chunks.flatMap((c) => [...c.params])));
  return new Set([...model.namedParameters()].flatMap(([name, p]) => (params.has(p) ? [name] : [])));
}

/** Remove the channels that are dead by now, if there are any. Their zeros are final: see `PruningMethod.isFrozen`. */
export async function compactBetween(
  parts: SessionParts,
  change: (change: ModelChange) => Promise<void>,
): Promise<void> {
  const { model, train, shrunk } = parts;
  const weights = await model.stateDict();
  const { sample } = formatOf(train);
  const plan = planTrainingCompaction(model, { sample, weights, frozen: frozenWeights(parts) });
  if (!plan) return;
  await change({ apply: () => applyCompaction(model, plan.sizes), positions: plan.positions });
  shrunk!.note(model, plan);
}
