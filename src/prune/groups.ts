// Which parameters a threshold acts on: weights of convolutions and linear layers, never batch norm or biases.

import type { Module, Parameter } from "../nn/index.ts";
import type { ParamGroup } from "../optim/sgd_options.ts";
import { ArgumentError } from "../text/index.ts";

/**
 * Parameter groups for SGD: weights that are to be pruned first, everything else after. `own` is what the first group gets
 * besides its parameters; with mode `none` there is one group.
 *
 * `dense` leaves layers out: `first`, `last`, the name of a layer or weight, or a /regular expression/ found in names.
 *
 * Errors   ArgumentError when no weight is left to prune, when an entry of `dense` finds nothing, or is no expression.
 */
export function pruningGroups(
  model: Module,
  own: Omit<ParamGroup, "params">,
  dense: readonly string[] = [],
): ParamGroup[] {
  const all = model.parameters();
  if (own.mode === undefined || own.mode === "none") return [{ params: all, ...own }];
  const spared = denseLayers(model, dense);
  const thresholded = all.filter((p) => p.prunable && !spared.has(p));
  if (thresholded.length === 0) throw new ArgumentError("pruning: the model has no weight to prune");
  const rest = all.filter((p) => !thresholded.includes(p));
  return [{ params: thresholded, ...own }, ...(rest.length > 0 ? [{ params: rest, mode: "none" as const }] : [])];
}

/** The prunable weights that the entries of `dense` name. Throws ArgumentError as `pruningGroups` does. */
export function denseLayers(model: Module, dense: readonly string[]): Set<Parameter> {
  const prunable = [...model.namedParameters()].filter(([, p]) => p.prunable);
  const names = prunable.map(([name]) => name);
  const spared = new Set<Parameter>();
  for (const entry of dense) {
    const found = matching(names, entry);
    if (found.length === 0) {
      throw new ArgumentError(`pruning: dense wants layers that there are, ${entry} is none of ${names.join(", ")}`);
    }
    for (const name of found) spared.add(prunable.find(([n]) => n === name)![1]);
  }
  return spared;
}

function matching(names: readonly string[], entry: string): string[] {
  if (entry === "first") return names.slice(0, 1);
  if (entry === "last") return names.slice(-1);
  if (entry.length > 2 && entry.startsWith("/") && entry.endsWith("/")) {
    try {
      const pattern = new RegExp(entry.slice(1, -1), "u");
      return names.filter((name) => pattern.test(name));
    } catch (error) {
      throw new ArgumentError(`pruning: dense wants a regular expression, got ${entry}: ${(error as Error).message}`);
    }
  }
  return names.filter((name) => name === entry || name === `${entry}.weight`);
}

/** sign(w)(|w| + d): the latent weight whose soft threshold by d is w. Zeros stay zero. */
export function inverseThreshold(w: Float32Array, d: number): Float32Array {
  return w.map((x) => (x === 0 ? 0 : Math.sign(x) * (Math.abs(x) + d)));
}
