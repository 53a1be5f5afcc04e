// The prunable weights of a run, as the optimiser holds them.

import type { Module, Parameter } from "../../nn/index.ts";
import type { Optimizer } from "../../optim/index.ts";
import { ArgumentError } from "../../text/index.ts";
import type { CutArena } from "../cut.ts";
import { type MagnitudeArena, magnitudeArena } from "../magnitude_select.ts";

/** Return the stored weights of all groups with a threshold, with their momentum and effective weights. */
export function prunedArenas(optimizer: Optimizer): CutArena[] {
  return optimizer.groups
    .filter((g) => g.options.mode !== "none")
    .flatMap((g) => g.chunks)
    .map((c) => ({ ...magnitudeArena(c), velocity: c.velocity, copies: c.weight ? [c.weight] : [] }));
}

/** Return the parameters of those arenas, in order. */
export function prunedParameters(optimizer: Optimizer): Parameter[] {
  return optimizer.groups
    .filter((g) => g.options.mode !== "none")
    .flatMap((g) => g.chunks)
    .flatMap((c) => [...c.params]);
}

/**
 * Convert a target sparsity of all prunable weights to the share of those outside dense layers. Throws ArgumentError if even all
 * of them are too few.
 */
export function shareOfPruned(target: number, model: Module, arenas: readonly MagnitudeArena[]): number {
  const total = model.parameters().reduce((n, p) => n + (p.prunable ? p.numel : 0), 0);
  const pruned = arenas.flatMap((a) => a.elements).reduce((n, count) => n + count, 0);
  if (target * total > pruned) {
    const most = Math.floor((10000 * pruned) / total) / 100;
    const problem = `pruning: sparsity: expected at most ${most} %, the share of weights outside dense layers, got ${100 * target} %`;
    throw new ArgumentError(problem);
  }
  // If all weights count, return the target itself: the product and quotient could round a floor down.
  return pruned === total ? target : (target * total) / pruned;
}

/** Set the weights at these places to zero. `weights`: their values now. */
export function cutPlaces(
  params: readonly Parameter[],
  weights: readonly Float32Array[],
  places: readonly Uint32Array[],
): void {
  params.forEach((p, k) => {
    const w = weights[k]!;
    for (const i of places[k]!) w[i] = 0;
    p.set(w);
  });
}
