// Loads thresholds on groups of weights: the option `group` of the optimisers. One dispatch per parameter group and arena chunk, as
// without.
import adamBlockWgsl from "../../shaders/adam_block.wgsl";
import adamRowsWgsl from "../../shaders/adam_rows.wgsl";
import rmspropBlockWgsl from "../../shaders/rmsprop_block.wgsl";
import rmspropRowsWgsl from "../../shaders/rmsprop_rows.wgsl";
import sgdBlockWgsl from "../../shaders/sgd_block.wgsl";
import sgdRowsWgsl from "../../shaders/sgd_rows.wgsl";
import strBlockWgsl from "../../shaders/str_block.wgsl";
import strRowsWgsl from "../../shaders/str_rows.wgsl";
import { currentGpu, type Dispatch, groups1d, type Kernel, kernel, OpError, type Spec } from "../gpu/index.ts";
import { fillZero, stretch } from "../tensor/index.ts";
import type { GroupRule } from "./group_rule.ts";
import { type GroupTable, groupCounts, groupTable } from "./group_tables.ts";
import { type GroupedName, setGrouping } from "./grouped_parts.ts";
import type { LayerSums } from "./learned_thresholds.ts";
import type { CommonSettings } from "./optimizer_options.ts";
import type { ArenaChunk } from "./param_arena.ts";
import { blockSize, GROUP_SHARE, WEIGHT_GROUPS } from "./weight_groups.ts";

/** Kernels for blocks, and for rows: filters and neurons. */
interface Kernels {
  readonly block: Kernel;
  readonly rows: Kernel;
}

const sgd: Kernels = { block: kernel("sgd_block", sgdBlockWgsl), rows: kernel("sgd_rows", sgdRowsWgsl) };
const adam: Kernels = { block: kernel("adam_block", adamBlockWgsl), rows: kernel("adam_rows", adamRowsWgsl) };
const rmsprop: Kernels = {
  block: kernel("rmsprop_block", rmspropBlockWgsl),
  rows: kernel("rmsprop_rows", rmspropRowsWgsl),
};
const str: Kernels = { block: kernel("str_block", strBlockWgsl), rows: kernel("str_rows", strRowsWgsl) };

const UPDATES: Readonly<Record<GroupedName, Kernels>> = { SGD: sgd, Adam: adam, AdamW: adam, RMSProp: rmsprop };

/** Add the option `group` to the optimisers. `pruningGroups` calls it for groups that have it. */
export function enableWeightGroups(): void {
  setGrouping(grouping);
}

/** Refuse settings that group thresholds do not have. Throws OpError. */
function check(name: GroupedName, settings: CommonSettings): void {
  const { group, groupShare = GROUP_SHARE, mode, shrink, decayTarget } = settings;
  const refuse = (problem: string) => new OpError(name, problem);
  if (!WEIGHT_GROUPS.includes(group!)) throw refuse(`group: expected one of ${WEIGHT_GROUPS.join(", ")}, got ${group}`);
  if (!(groupShare >= 0 && groupShare <= 1))
    throw refuse(`groupShare: expected a number from 0 to 1, got ${groupShare}`);
  // Their proximal step has another divisor for each weight, so that a group has no closed form.
  const modes = name === "SGD" ? ["latent", "inplace", "str"] : ["latent"];
  const why = name !== "SGD" && mode === "inplace" ? ", whose step has another divisor for each weight" : "";
  if (!modes.includes(mode)) throw refuse(`mode: expected ${listed(modes)} with group ${group}, got ${mode}${why}`);
  if (shrink > 0) throw refuse(`shrink: expected 0 with group ${group}, got ${shrink}`);
  // The latent weight of a group is not w + sign(w) d: its length grows with the threshold.
  if (mode === "inplace" && decayTarget === "latent")
    throw refuse(`decayTarget: expected effective in mode inplace with group ${group}, got latent`);
}

const listed = (names: readonly string[]) =>
  names.length === 1 ? names[0] : `${names.slice(0, -1).join(", ")} or ${names.at(-1)}`;

/** Return the lanes of a workgroup that walks a row. A CPU pays for each barrier between subgroups. */
function rowLanes(): number {
  const { software, subgroupSize } = currentGpu().adapter;
  return software ? Math.max(8, subgroupSize) : 64;
}

/** Constants of single weights that the kernels do not have. */
const OTHERS = ["HELD", "READS_WEIGHT", "LATENT", "INPLACE", "SHRINKS"];

function grouping(name: GroupedName, rule: GroupRule): GroupRule {
  check(name, rule.settings);
  const { group, groupShare: share = GROUP_SHARE, mode } = rule.settings;
  const block = blockSize(group!);
  const of = ({ block: forBlocks, rows }: Kernels) => (block ? forBlocks : rows);
  const size: Spec = block ? { BLOCK: block } : {};
  const form = (): Spec => (block ? size : { LANES: rowLanes() });
  const learned: Spec = mode === "str" ? { TRUE_GRADIENT: true, LEARNED: true } : {};
  const tables = new Map<ArenaChunk, GroupTable>();
  // Learned thresholds of a chunk that takes the place of another ask for its table before `prepare`.
  const tableOf = (chunk: ArenaChunk): GroupTable => {
    const table = tables.get(chunk) ?? groupTable(group!, chunk, name);
    tables.set(chunk, table);
    return table;
  };
  return {
    ...rule,
    kernel: {
      run({ bind, params, spec = {} }: Dispatch, chunk: ArenaChunk) {
        const { rows: table, count: rows } = tableOf(chunk);
        const { segment: _, ...others } = bind;
        const own = Object.fromEntries(Object.entries(spec).filter(([key]) => !OTHERS.includes(key)));
        if (!spec.APPLIES) fillZero(stretch(chunk.tally, 4 * chunk.layers, chunk.layers));
        of(UPDATES[name]).run({
          bind: { ...others, table },
          params: { rows, layers: params!.layers!, share },
          spec: { ...own, ...learned, ...form() },
          grid: groups1d(rows),
        });
      },
    },
    appliesLearned: true,
    ...(rule.learned
      ? {
          learned: (chunk) =>
            rule.learned!(
              chunk,
              groupSums(of(str), size, chunk, () => tableOf(chunk), share),
            ),
        }
      : {}),
    prepare(chunks) {
      for (const chunk of chunks) {
        tableOf(chunk);
        chunk.groups = groupCounts(group!, chunk);
      }
    },
    dispose() {
      for (const { rows } of tables.values()) rows.dispose();
      tables.clear();
    },
  };
}

/** Return the sums of STR over the groups of a chunk. */
function groupSums(own: Kernel, spec: Spec, chunk: ArenaChunk, table: () => GroupTable, share: number): LayerSums {
  const { gradient, theta, hyper } = chunk;
  return {
    counts: table().counts,
    run(sums) {
      const { rows, count } = table();
      own.run({
        bind: { gradient, latent: theta, table: rows, hyper, sums },
        params: { rows: count, share },
        spec,
        grid: groups1d(count),
      });
    },
  };
}
