// The share of zero groups of a model, from the counts of its layers.
import { groupCounts } from "../optim/group_tables.ts";
import type { ParameterCounts } from "../optim/parameter_counts.ts";
import type { WeightGroupName } from "../optim/weight_groups.ts";
import type { GroupZeros } from "../prune/zero_groups.ts";

/** Return the share of zero groups of all layers; undefined without groups. */
export function groupSparsityOf(layers: readonly GroupZeros[]): number | undefined {
  const groups = layers.reduce((n, l) => n + (l.groups ?? 0), 0);
  return groups === 0 ? undefined : layers.reduce((n, l) => n + (l.zeroGroups ?? 0), 0) / groups;
}

/** Return the same from the counts of an update; groups of layers without a threshold are live. Undefined if it counts no groups. */
export function groupSparsityOfCounts(counts: readonly ParameterCounts[], name?: WeightGroupName): number | undefined {
  if (name === undefined || !counts.some((c) => c.groups)) return undefined;
  const prunable = counts.filter((c) => c.param.prunable);
  return groupSparsityOf(
    prunable.map((c) => (c.groups ? c : { groups: groupCounts(name, { params: [c.param] })[0]! })),
  );
}
