// Loads thresholds on groups of weights: the option `group` of SGD. One dispatch per parameter group and arena chunk, as without.
import blockWgsl from "../../shaders/sgd_block.wgsl";
import rowsWgsl from "../../shaders/sgd_rows.wgsl";
import { type Dispatch, groups1d, kernel, OpError, type Spec } from "../gpu/index.ts";
import type { GroupRule } from "./group_rule.ts";
import { type GroupTable, groupTable } from "./group_tables.ts";
import { setGrouping } from "./grouped_parts.ts";
import type { ArenaChunk } from "./param_arena.ts";
import type { GroupSettings } from "./sgd_options.ts";
import { blockSize, GROUP_SHARE, WEIGHT_GROUPS } from "./weight_groups.ts";

const blockKernel = kernel("sgd_block", blockWgsl);
const rowsKernel = kernel("sgd_rows", rowsWgsl);

/** Add the option `group` to SGD. `pruningGroups` calls it for groups that have it. */
export function enableWeightGroups(): void {
  setGrouping(grouping);
}

/** Refuse settings that group thresholds do not have. Throws OpError. */
function check({ group, groupShare = GROUP_SHARE, mode, gradient, shrink, decayTarget }: GroupSettings): void {
  const refuse = (problem: string) => new OpError("SGD", problem);
  if (!WEIGHT_GROUPS.includes(group!)) throw refuse(`group: expected one of ${WEIGHT_GROUPS.join(", ")}, got ${group}`);
  if (!(groupShare >= 0 && groupShare <= 1))
    throw refuse(`groupShare: expected a number from 0 to 1, got ${groupShare}`);
  if (mode !== "latent" && mode !== "inplace")
    throw refuse(`mode: expected latent or inplace with group ${group}, got ${mode}`);
  if (gradient === "true") throw refuse(`gradient: expected straight-through with group ${group}, got true`);
  if (shrink > 0) throw refuse(`shrink: expected 0 with group ${group}, got ${shrink}`);
  // The latent weight of a group is not w + sign(w) d: its length grows with the threshold.
  if (mode === "inplace" && decayTarget === "latent")
    throw refuse(`decayTarget: expected effective in mode inplace with group ${group}, got latent`);
}

/** Constants of the frame that the kernels have. */
const SPEC = ["MOMENTUM", "NESTEROV", "DECAY_EFFECTIVE", "STORES_WEIGHT", "SCALED"] as const;

function grouping(rule: GroupRule, settings: GroupSettings): GroupRule {
  check(settings);
  const { group, groupShare: share = GROUP_SHARE } = settings;
  const block = blockSize(group!);
  const tables = new Map<ArenaChunk, GroupTable>();
  return {
    ...rule,
    kernel: {
      run({ bind, params, spec = {} }: Dispatch, chunk: ArenaChunk) {
        const { rows: table, count: rows } = tables.get(chunk)!;
        const { segment: _, ...others } = bind;
        const own: Spec = Object.fromEntries(
          SPEC.flatMap((key) => (spec[key] === undefined ? [] : [[key, spec[key]]])),
        );
        (block ? blockKernel : rowsKernel).run({
          bind: { ...others, table },
          params: { rows, layers: params!.layers!, share },
          spec: block ? { ...own, BLOCK: block } : own,
          grid: groups1d(rows),
        });
      },
    },
    prepare(chunks) {
      for (const chunk of chunks) tables.set(chunk, groupTable(group!, chunk));
    },
    dispose() {
      for (const { rows } of tables.values()) rows.dispose();
      tables.clear();
    },
  };
}
