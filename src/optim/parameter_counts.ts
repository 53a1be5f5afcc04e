// Counts of the parameters by the last update.
import type { Parameter } from "../nn/parameter.ts";
import type { ArenaChunk } from "./param_arena.ts";

/** Counts of one parameter by the last update. */
export interface ParameterCounts {
  /** The parameter. */
  readonly param: Parameter;
  /** Entries that are not 0. */
  readonly nonzero: number;
  /** Entries that went from non-zero to zero since the start. */
  readonly pruned: number;
  /** Entries that went from zero to non-zero since the start. */
  readonly regrown: number;
  /** First step, by `stepsDone`, whose update wrote a NaN or an infinity; null while all entries are finite. */
  readonly badStep: number | null;
  /** Groups of the weight, if thresholds act on them, and those without a non-zero weight after the last update. */
  readonly groups?: number;
  readonly zeroGroups?: number;
}

/** Return the counts from the values of the chunks' tallies. */
export function countsOf(chunks: readonly ArenaChunk[], tallies: readonly ArrayLike<number>[]): ParameterCounts[] {
  return chunks.flatMap((c, k) => {
    const n = c.params.length;
    const at = (row: number, i: number) => tallies[k]![row * n + i]!;
    const badStep = (i: number) => (at(3, i) === 0 ? null : ~at(3, i) >>> 0);
    return c.params.map((param, i) => {
      const groups = c.groups?.[i] ?? 0;
      return {
        ...{ param, nonzero: at(0, i), pruned: at(1, i), regrown: at(2, i), badStep: badStep(i) },
        ...(groups > 0 ? { groups, zeroGroups: groups - at(4, i) } : {}),
      };
    });
  });
}
