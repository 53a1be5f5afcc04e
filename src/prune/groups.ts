// Parameter groups of a pruned model: thresholds act on weights of convolutions and linear layers, never on batch norm or biases.

import { Conv2d, ConvTranspose2d, type Module, type Parameter } from "../nn/index.ts";
import { noteParts } from "../optim/group_tables.ts";
import { enableWeightGroups } from "../optim/grouped.ts";
import { enableLearnedThresholds } from "../optim/learned.ts";
import type { ParamGroup } from "../optim/sgd_options.ts";
import { ArgumentError } from "../text/index.ts";

/**
 * Make parameter groups for SGD: prunable weights first, then all other parameters. `own` are options of the first group; with
 * mode `none` there is one group.
 *
 * `dense` excludes layers: `first`, `last`, the name of a layer or weight, or a /regular expression/ found in names.
 *
 * With `group`, the blocks of a convolution's weight do not cross its groups.
 *
 * Errors   ArgumentError for `group` with a transposed convolution, whose outputs are not axis 0, and if no weight is left to prune, or an entry of `dense` matches nothing or is not a valid expression.
 */
export function pruningGroups(
  model: Module,
  own: Omit<ParamGroup, "params">,
  dense: readonly string[] = [],
): ParamGroup[] {
  const all = model.parameters();
  if (own.mode === undefined || own.mode === "none") return [{ params: all, ...own }];
  if (own.mode === "str" || own.mode === "ltp") enableLearnedThresholds();
  const spared = denseLayers(model, dense);
  const thresholded = all.filter((p) => p.prunable && !spared.has(p));
  if (thresholded.length === 0)
    throw new ArgumentError("pruning: expected a weight to prune, got a model without any outside dense layers");
  if (own.group) {
    enableWeightGroups();
    noteGroups(model, thresholded);
  }
  const rest = all.filter((p) => !thresholded.includes(p));
  return [{ params: thresholded, ...own }, ...(rest.length > 0 ? [{ params: rest, mode: "none" as const }] : [])];
}

/** Note where the blocks of these weights end. Throws ArgumentError for a layer whose outputs are not axis 0. */
export function noteGroups(model: Module, weights: readonly Parameter[]): void {
  for (const [name, layer] of model.namedModules()) {
    if (layer instanceof Conv2d) noteParts(layer.weight, layer.options.groups ?? 1);
    if (layer instanceof ConvTranspose2d && weights.includes(layer.weight))
      throw new ArgumentError(
        `pruning: group: expected convolutions and linear layers, got ConvTranspose2d ${name}: leave it dense`,
      );
  }
}

/** Return the prunable weights that the entries of `dense` name. Throws ArgumentError as `pruningGroups` does. */
export function denseLayers(model: Module, dense: readonly string[]): Set<Parameter> {
  const prunable = [...model.namedParameters()].filter(([, p]) => p.prunable);
  const names = prunable.map(([name]) => name);
  const spared = new Set<Parameter>();
  for (const entry of dense) {
    const found = matching(names, entry);
    if (found.length === 0)
      throw new ArgumentError(`pruning: dense: expected one of ${names.join(", ")}, got ${entry}`);
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
      const problem = `pruning: dense: expected a regular expression, got ${entry}: ${(error as Error).message}`;
      throw new ArgumentError(problem);
    }
  }
  return names.filter((name) => name === entry || name === `${entry}.weight`);
}

/** Compute sign(w)(|w| + d), the latent weight whose soft threshold by d is w. Zeros stay zero. */
export function inverseThreshold(w: Float32Array, d: number): Float32Array {
  return w.map((x) => (x === 0 ? 0 : Math.sign(x) * (Math.abs(x) + d)));
}
