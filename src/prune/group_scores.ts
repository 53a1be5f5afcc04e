// Thresholds at which groups of weights become zero, as magnitudes to select from: the D of a target share of zeros, and the
// order of magnitude pruning.
import blockWgsl from "../../shaders/group_critical_block.wgsl";
import rowsWgsl from "../../shaders/group_critical_rows.wgsl";
import { groups1d, kernel } from "../gpu/index.ts";
import { groupCounts, groupTable } from "../optim/group_tables.ts";
import { type ArenaChunk, SEGMENT } from "../optim/param_arena.ts";
import { blockSize, GROUP_SHARE, type WeightGroupName } from "../optim/weight_groups.ts";
import { persistent } from "../tensor/index.ts";
import { type MagnitudeArena, magnitudeArena } from "./magnitude_select.ts";

const blockKernel = kernel("group_critical_block", blockWgsl);
const rowsKernel = kernel("group_critical_rows", rowsWgsl);

/** Newton's steps to the root, if it has no closed form. */
const STEPS = 16;

/** Groups of a run, and the share of the threshold that acts on them. */
export interface Grouped {
  readonly group?: WeightGroupName | undefined;
  readonly groupShare?: number | undefined;
}

/** Return an arena with one number for each group of a chunk, without layers of single weights; and the first place of each layer. */
function groupArena(counts: readonly number[]) {
  const table: number[] = [];
  const places: number[] = [];
  let row = 0;
  for (const count of counts) {
    places.push((table.length / 2) * SEGMENT);
    for (let done = 0; done < count; done += SEGMENT) table.push(row, Math.min(SEGMENT, count - done));
    if (count > 0) row++;
  }
  const segments = table.length / 2;
  const make = () => ({
    segments,
    segmentTable: persistent(Uint32Array.from(table), [segments, 2]),
    elements: counts.filter((n) => n > 0),
  });
  return { places, segments, make };
}

/**
 * Return magnitudes of a chunk that `MagnitudeSelect` computes again before each selection: the threshold D at which a weight or a
 * group becomes zero, with d1 = (1 - share) D and d2 = share D. Null if no layer of the chunk has groups, for scores of groups.
 * The selection frees them.
 */
export function groupScores(
  chunk: ArenaChunk,
  { group, groupShare: share = GROUP_SHARE }: Grouped,
  per: "weight" | "group",
): MagnitudeArena | null {
  const name = group!;
  const ofGroups = per === "group" ? groupArena(groupCounts(name, chunk)) : null;
  if (ofGroups?.segments === 0) return null;
  const { rows: table, count: rows } = groupTable(name, chunk, "pruning", (layer) => ofGroups?.places[layer] ?? 0);
  const total = (ofGroups?.segments ?? chunk.segments) * SEGMENT;
  const scores = persistent(new Float32Array(total), [total]);
  const own = ofGroups?.make();
  const block = blockSize(name);
  const common = { STEPS: share === 1 ? 1 : STEPS, PER_GROUP: per === "group" };
  return {
    ...magnitudeArena(chunk, scores),
    ...own,
    values: scores,
    refresh() {
      (block ? blockKernel : rowsKernel).run({
        bind: { values: chunk.theta, table, scores },
        params: { rows, share },
        spec: block ? { ...common, BLOCK: block } : common,
        grid: groups1d(rows),
      });
    },
    dispose() {
      for (const t of [scores, table, own?.segmentTable]) t?.dispose();
    },
  };
}
