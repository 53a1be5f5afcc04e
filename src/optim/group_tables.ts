// The table of the groups of a chunk's weights, which kernels with one lane or one workgroup for each group read.
import tableWgsl from "../../shaders/lib/group_table.wgsl";
import { OpError, readStruct } from "../gpu/index.ts";
import type { Parameter } from "../nn/parameter.ts";
import { persistent, type Tensor } from "../tensor/index.ts";
import type { ArenaChunk } from "./param_arena.ts";
import { blockSize, type GroupLayout, groupLayout, type WeightGroupName } from "./weight_groups.ts";

const ROW = readStruct("group_table", tableWgsl, "GroupRow");
/** Blocks of a workgroup. */
const EACH = 128;

/** Groups of the convolutions whose weights have several, set by `noteParts`. */
const parts = new WeakMap<Parameter, number>();

/** Note the groups of a convolution, which blocks of its weight do not cross. */
export function noteParts(weight: Parameter, groups: number): void {
  if (groups > 1) parts.set(weight, groups);
}

/** Return the division of a weight into groups. */
export const layoutOf = (name: WeightGroupName, p: Parameter): GroupLayout =>
  groupLayout(name, p.shape, parts.get(p) ?? 1);

/** Return the number of groups of each layer of a chunk; 0 for layers whose weights are single. */
export const groupCounts = (name: WeightGroupName, { params }: Pick<ArenaChunk, "params">): number[] =>
  params.map((p) => {
    const { size, groups } = layoutOf(name, p);
    return size === 0 ? 0 : groups;
  });

/** The groups of a chunk. */
export interface GroupTable {
  readonly rows: Tensor;
  /** Number of rows: workgroups of a kernel. */
  readonly count: number;
  /** Number of rows of each layer, in order. */
  readonly counts: readonly number[];
}

/** A place for one number of each group: of each layer, the first element, padded as `pad` says. */
export type GroupPlaces = (layer: number) => number;

/**
 * Make the table of a chunk. `owner`: class of the optimiser, for messages. `places`: where the numbers of a layer's groups begin, for
 * kernels that write one for each group.
 * Errors: OpError for a chunk that exceeds a binding.
 */
export function groupTable(
  name: WeightGroupName,
  chunk: Pick<ArenaChunk, "params" | "starts" | "parts">,
  owner = "SGD",
  places: GroupPlaces = () => 0,
): GroupTable {
  if (chunk.parts.length > 1) {
    const shape = chunk.params[0]!.shape;
    throw new OpError(
      owner,
      `group ${name}: expected weights that fit a binding, got [${shape}]: leave the layer dense`,
    );
  }
  const words: Uint32Array[] = [];
  const ends: number[] = [];
  chunk.params.forEach((p, layer) => {
    words.push(...layerRows(name, p, layer, chunk.starts[layer]!, places(layer)));
    ends.push(words.length);
  });
  const each = ROW.bytes / 4;
  const all = new Uint32Array(words.length * each);
  words.forEach((row, k) => {
    all.set(row, k * each);
  });
  const counts = ends.map((end, i) => end - (ends[i - 1] ?? 0));
  return { rows: persistent(all, [words.length, each]), count: words.length, counts };
}

/** Return the rows of a layer. `group`: place of its first group. */
function layerRows(name: WeightGroupName, p: Parameter, layer: number, start: number, group: number): Uint32Array[] {
  const { inner, outputs, size, groups } = layoutOf(name, p);
  if (blockSize(name)) {
    const blocks = Math.ceil(outputs / size);
    return Array.from({ length: Math.ceil(groups / EACH) }, (_, k) => {
      const first = k * EACH;
      return ROW.pack({ layer, start, first, end: groups, inner, outputs, blocks, group: group + first });
    });
  }
  // Single weights are divided among workgroups by their outputs too.
  const single = Number(size === 0);
  return Array.from({ length: p.numel / inner }, (_, output) =>
    ROW.pack({
      ...{ layer, start: start + output * inner, first: 0, end: 1, inner, outputs: 1 },
      ...{ blocks: single, group: group + (single ? output * inner : output) },
    }),
  );
}
