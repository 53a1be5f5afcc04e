// Counts the zeros of a model's layers from the weights.
import type { Module, Parameter, StateDict } from "../nn/index.ts";
import type { WeightGroupName } from "../optim/weight_groups.ts";
import { type GroupZeros, groupZeros } from "../prune/zero_groups.ts";

/** Zeros of one prunable layer, and its zero groups if a run prunes groups. */
export interface LayerSparsity extends GroupZeros {
  readonly name: string;
  readonly shape: readonly number[];
  readonly weights: number;
  readonly zeros: number;
}

/** Count the zeros of each prunable layer. Waits for the GPU. */
export async function layerSparsity(model: Module): Promise<LayerSparsity[]> {
  return layersOf(model, await model.stateDict());
}

/** Count the zeros of weights that were read before, and their zero groups. */
export function layersOf(model: Module, state: StateDict, group?: WeightGroupName): LayerSparsity[] {
  const prunable = [...model.namedParameters()].filter((entry): entry is [string, Parameter] => entry[1].prunable);
  return prunable.map(([name, p]) => {
    const values = state.get(name)?.data ?? [];
    let zeros = 0;
    for (const v of values) if (v === 0) zeros++;
    return { name, shape: p.shape, weights: p.numel, zeros, ...groupZeros(group, p, values) };
  });
}
