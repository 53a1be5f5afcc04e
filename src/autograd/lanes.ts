// How many invocations of a workgroup of 64 work on one sum, maximum or row.
import { type Grid, grid1d } from "../gpu/index.ts";

/**
 * Lanes per result for `results` results over `terms` terms each, and the grid. One lane for short rows, where a tree
 * would cost more than the terms; eight where there are many medium ones; a whole workgroup for long or few ones.
 * A function of the sizes alone, so that equal shapes add up in equal order on every adapter.
 */
export function lanesFor(terms: number, results: number): { spec: { LANES: number }; grid: Grid } {
  const LANES = terms < 64 ? 1 : terms < 2048 && results >= 64 ? 8 : 64;
  return { spec: { LANES }, grid: grid1d(results * LANES) };
}
