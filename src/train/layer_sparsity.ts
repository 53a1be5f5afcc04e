// Counts the zeros of a model's layers from the weights.
import type { Module, Parameter, StateDict } from "../nn/index.ts";

/** Zeros of one prunable layer. */
export interface LayerSparsity {
  readonly name: string;
  readonly shape: readonly number[];
  readonly weights: number;
  readonly zeros: number;
}

/** Count the zeros of each prunable layer. Waits for the GPU. */
export async function layerSparsity(model: Module): Promise<LayerSparsity[]> {
  return layersOf(model, await model.stateDict());
}

/** Count the zeros of weights that were read before. */
export function layersOf(model: Module, state: StateDict): LayerSparsity[] {
  const prunable = [...model.namedParameters()].filter((entry): entry is [string, Parameter] => entry[1].prunable);
  return prunable.map(([name, p]) => {
    let zeros = 0;
    for (const v of state.get(name)?.data ?? []) if (v === 0) zeros++;
    return { name, shape: p.shape, weights: p.numel, zeros };
  });
}
