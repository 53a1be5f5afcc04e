// The share of zero groups of a model, from the counts of its layers.
import type { GroupZeros } from "../prune/zero_groups.ts";

/** Return the share of zero groups of all layers; undefined without groups. */
export function groupSparsityOf(layers: readonly GroupZeros[]): number | undefined {
  const groups = layers.reduce((n, l) => n + (l.groups ?? 0), 0);
  return groups === 0 ? undefined : layers.reduce((n, l) => n + (l.zeroGroups ?? 0), 0) / groups;
}
