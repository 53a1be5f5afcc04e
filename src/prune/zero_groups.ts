// Counts the groups of weights that are zero, on the host.
import type { Parameter } from "../nn/index.ts";
import type { WeightGroupName } from "../optim/weight_groups.ts";
import { groupFinder } from "./group_members.ts";

/** Groups of a layer's weight. */
export interface GroupZeros {
  /** Number of groups; absent if the run or the layer has none. */
  readonly groups?: number | undefined;
  /** Groups without a live weight. */
  readonly zeroGroups?: number | undefined;
}

/** Count the groups of a weight from its values; returns {} for a weight without groups. */
export function groupZeros(name: WeightGroupName | undefined, p: Parameter, values: ArrayLike<number>): GroupZeros {
  const found = name === undefined ? null : groupFinder(name, p);
  if (!found) return {};
  const live = new Uint8Array(found.groups);
  for (let i = 0; i < values.length; i++) if (values[i] !== 0) live[found.of(i)] = 1;
  return { groups: found.groups, zeroGroups: found.groups - live.reduce((n, v) => n + v, 0) };
}
