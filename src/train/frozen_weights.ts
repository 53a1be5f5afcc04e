// The weights of a model whose zeros an optimiser keeps.
import type { Module } from "../nn/index.ts";
import type { Optimizer } from "../optim/optimizer.ts";

/** Return the names of the weights that a mask keeps at zero, once zeros are final. */
export function frozenWeights(model: Module, optimizer: Optimizer): Set<string> {
  const masked = optimizer.groups.filter(({ options }) => options.mode !== "none");
  const params = new Set(masked.flatMap(({ chunks }) => chunks.flatMap((c) => [...c.params])));
  return new Set([...model.namedParameters()].flatMap(([name, p]) => (params.has(p) ? [name] : [])));
}
