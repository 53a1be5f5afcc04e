// Magnitudes that a share of zeros ranks: those of the weights, or the thresholds at which groups of weights become zero.
import type { Module } from "../../nn/index.ts";
import { layoutOf } from "../../optim/group_tables.ts";
import type { Optimizer } from "../../optim/index.ts";
import type { ArenaChunk } from "../../optim/param_arena.ts";
import { GROUP_SHARE, type WeightGroupName } from "../../optim/weight_groups.ts";
import { ArgumentError } from "../../text/index.ts";
import { check, type PruneConfig, targetOf } from "../config.ts";
import type { CutArena } from "../cut.ts";
import { groupScores } from "../group_scores.ts";
import { noteGroups } from "../groups.ts";
import type { MagnitudeArena } from "../magnitude_select.ts";
import type { SearchedChunk } from "../steer_search.ts";
import { prunedArenas, shareOfPruned } from "./pruned.ts";

type Trained = { readonly model: Module; readonly optimizer: Optimizer };

/** Returns what to rank and count, the share of it that is zero at the end, and the mean number of weights that have a magnitude in common. */
export type RankedAim = (run: Trained) => {
  readonly chunks: readonly SearchedChunk[];
  readonly target: number;
  readonly members: number;
};

/** Return the chunks of the groups with a threshold. */
const prunedChunks = ({ groups }: Optimizer) =>
  groups.filter((g) => g.options.mode !== "none").flatMap((g) => g.chunks);

/** Check the target of a config, and return what it ranks. Errors: ArgumentError for a target out of range. */
export function rankedAim(config: PruneConfig, method: string): RankedAim {
  const { group, groupSparsity } = config;
  if (groupSparsity === undefined) {
    const target = targetOf(config, method);
    return ({ model, optimizer }) => {
      const arenas = prunedArenas(optimizer);
      const chunks = prunedChunks(optimizer);
      const counted = chunks.map((chunk, i): SearchedChunk => {
        const { tally: counts, layers } = chunk;
        return { arena: group ? groupScores(chunk, config, "weight")! : arenas[i]!, counts, from: 0, layers };
      });
      const members = group ? meanMembers(config, chunks) : 1;
      return { chunks: counted, target: shareOfPruned(target, model, arenas), members };
    };
  }
  check("groupSparsity", "a number in (0, 1)", groupSparsity, groupSparsity > 0 && groupSparsity < 1);
  return ({ model, optimizer }) => {
    const chunks = prunedChunks(optimizer);
    const counted = chunks.flatMap((chunk): SearchedChunk[] => {
      const arena = groupScores(chunk, config, "group");
      const { tally: counts, layers } = chunk;
      // Row 4 of the tally: live groups.
      return arena ? [{ arena, counts, from: 4 * layers, layers }] : [];
    });
    const arenas = counted.map((c) => c.arena);
    return {
      chunks: counted,
      target: shareOfGroups(groupSparsity, model, arenas, group!),
      members: meanMembers(config, chunks),
    };
  };
}

/** Return the weights of a chunk's groups for each magnitude. A threshold of which only a share acts on groups has a part of them. */
function meanMembers(
  { group, groupShare = GROUP_SHARE }: PruneConfig,
  chunks: readonly Pick<ArenaChunk, "params">[],
): number {
  let [weights, magnitudes] = [0, 0];
  for (const p of chunks.flatMap((c) => c.params)) {
    const { size, groups } = layoutOf(group!, p);
    weights += p.numel;
    magnitudes += size === 0 ? p.numel : groups;
  }
  return (weights / magnitudes) ** groupShare;
}

/** Convert a share of all groups of prunable weights to one of those outside dense layers. Throws ArgumentError if they are too few. */
function shareOfGroups(
  target: number,
  model: Module,
  arenas: readonly MagnitudeArena[],
  name: WeightGroupName,
): number {
  const total = model
    .parameters()
    .filter((p) => p.prunable)
    .map((p) => layoutOf(name, p))
    .reduce((n, { size, groups }) => n + (size === 0 ? 0 : groups), 0);
  const pruned = arenas.flatMap((a) => a.elements).reduce((n, count) => n + count, 0);
  if (target * total <= pruned && pruned > 0) return pruned === total ? target : (target * total) / pruned;
  const most = total === 0 ? 0 : Math.floor((10000 * pruned) / total) / 100;
  throw new ArgumentError(
    `pruning: groupSparsity: expected at most ${most} %, the share of groups ${name} outside dense layers, got ${100 * target} %`,
  );
}

/** Return the weights to cut by magnitude; with groups, all weights of a group by its root mean square. */
export function arenasToCut({ model, optimizer }: Trained, group: WeightGroupName | undefined): CutArena[] {
  if (!group) return prunedArenas(optimizer);
  const chunks = prunedChunks(optimizer);
  noteGroups(
    model,
    chunks.flatMap((c) => [...c.params]),
  );
  return chunks.map((c) => ({
    ...groupScores(c, { group }, "weight")!,
    velocity: c.theta,
    copies: c.velocity ? [c.velocity] : [],
  }));
}
