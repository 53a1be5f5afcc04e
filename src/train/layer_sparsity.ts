// Zeros of the layers of a model, counted from the weights themselves.
import type { Module, Parameter, StateDict } from "../nn/index.ts";

/** Zeros of one prunable layer. */
export interface LayerSparsity {
  readonly name: string;
  readonly shape: readonly number[];
  readonly weights: number;
  readonly zeros: number;
}

/** Zeros of each prunable layer of a model. Waits for the GPU. */
export async function layerSparsity(model: Module): Promise<LayerSparsity[]> {
  return layersOf(model, await model.stateDict());
}

/** The same of weights that were read already. */
export function layersOf(model: Module, state: StateDict): LayerSparsity[] {
  const prunable = [...model.namedParameters()].filter((entry): entry is [string, Parameter] => entry[1].prunable);
  return prunable.map(([name, p]) => {
    let zeros = 0;
    for (const v of state.get(name)?.data ?? []) if (v === 0) zeros++;
    return { name, shape: p.shape, weights: p.numel, zeros };
  });
}
