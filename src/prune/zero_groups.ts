// Counts the groups of weights that are zero, on the host.
import type { Parameter } from "../nn/index.ts";
import { layoutOf } from "../optim/group_tables.ts";
import { blockSize, type WeightGroupName } from "../optim/weight_groups.ts";

/** Groups of a layer's weight. */
export interface GroupZeros {
  /** Number of groups; absent if the run or the layer has none. */
  readonly groups?: number | undefined;
  /** Groups without a live weight. */
  readonly zeroGroups?: number | undefined;
}

/** Count the groups of a weight from its values; returns {} for a weight without groups. */
export function groupZeros(name: WeightGroupName | undefined, p: Parameter, values: ArrayLike<number>): GroupZeros {
  if (name === undefined) return {};
  const { inner, outputs, size, groups } = layoutOf(name, p);
  if (size === 0) return {};
  const strips = Math.ceil(outputs / size);
  const live = new Uint8Array(groups);
  for (let i = 0; i < values.length; i++) {
    if (values[i] === 0) continue;
    const output = Math.floor(i / inner);
    const part = Math.floor(output / outputs);
    const strip = part * strips + Math.floor((output - part * outputs) / size);
    live[blockSize(name) ? strip * inner + (i % inner) : output] = 1;
  }
  return { groups, zeroGroups: groups - live.reduce((n, v) => n + v, 0) };
}
