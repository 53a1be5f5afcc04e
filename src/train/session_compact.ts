// Removes dead channels and neurons from the model of a session between two epochs.
import { applyCompaction } from "../prune/compact/description.ts";
import { planTrainingCompaction } from "../prune/compact/training.ts";
import { frozenWeights } from "./frozen_weights.ts";
import type { ModelChange } from "./model_change.ts";
import type { SessionParts } from "./session_build.ts";
import { formatOf } from "./session_data.ts";

/** Remove the channels that are dead by now, if there are any. Their zeros are final: see `PruningMethod.isFrozen`. */
export async function compactBetween(
  parts: SessionParts,
  change: (change: ModelChange) => Promise<void>,
): Promise<void> {
  const { model, optimizer, train, shrunk } = parts;
  const weights = await model.stateDict();
  const { sample } = formatOf(train);
  const plan = planTrainingCompaction(model, { sample, weights, frozen: frozenWeights(model, optimizer) });
  if (!plan) return;
  await change({ apply: () => applyCompaction(model, plan.sizes), positions: plan.positions });
  shrunk!.note(model, plan);
}
