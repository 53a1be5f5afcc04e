// The members of groups of weights, on the host.
import type { Parameter } from "../nn/index.ts";
import { layoutOf } from "../optim/group_tables.ts";
import { blockSize, type WeightGroupName } from "../optim/weight_groups.ts";

/** Return the group of weight i of a parameter, from 0; null if its weights are single. */
export function groupFinder(name: WeightGroupName, p: Parameter): { groups: number; of(i: number): number } | null {
  const { inner, outputs, size, groups } = layoutOf(name, p);
  if (size === 0) return null;
  const strips = Math.ceil(outputs / size);
  const of = (i: number) => {
    const output = Math.floor(i / inner);
    if (!blockSize(name)) return output;
    const part = Math.floor(output / outputs);
    const strip = part * strips + Math.floor((output - part * outputs) / size);
    return strip * inner + (i % inner);
  };
  return { groups, of };
}

/** Weights of some layers, divided into units that are cut together: groups, or single weights. */
export interface Units {
  /** Units of the weights, for each layer; they are counted over all layers. */
  readonly of: readonly Uint32Array[];
  /** Number of weights of each unit. */
  readonly sizes: Uint32Array;
}

/** Divide the weights of some layers into units. Without `name` each weight is one. */
export function unitsOf(name: WeightGroupName | undefined, params: readonly Parameter[]): Units {
  let count = 0;
  const of = params.map((p) => {
    const found = name === undefined ? null : groupFinder(name, p);
    const first = count;
    count += found?.groups ?? p.numel;
    return new Uint32Array(p.numel).map((_, i) => first + (found?.of(i) ?? i));
  });
  const sizes = new Uint32Array(count);
  for (const layer of of) for (const unit of layer) sizes[unit]!++;
  return { of, sizes };
}

/** Return the places of the first units of `order` that have at least `zeros` weights together, by layer. */
export function placesOf({ of, sizes }: Units, order: Iterable<number>, zeros: number): Uint32Array[] {
  const gone = new Uint8Array(sizes.length);
  let left = zeros;
  for (const unit of order) {
    if (left <= 0) break;
    gone[unit] = 1;
    left -= sizes[unit]!;
  }
  return of.map((layer) => Uint32Array.from(layer.keys()).filter((i) => gone[layer[i]!] === 1));
}
