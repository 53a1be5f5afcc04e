// Chooses the number of invocations, of a workgroup of 64, that compute one sum, maximum or row.
import { type Grid, grid1d } from "../gpu/index.ts";

/**
 * Return the lanes per result, the loads that a lane issues at once and the grid, for `results` results over `terms` terms each. One
 * lane for short rows, where a tree would cost more than the terms; eight for many medium ones; a whole workgroup for long or
 * few ones. It depends on the sizes alone, so that equal shapes add up in equal order on every adapter.
 */
export function lanesFor(terms: number, results: number): { spec: { LANES: number; TURNS: number }; grid: Grid } {
  const LANES = terms < 64 ? 1 : terms < 2048 && results >= 64 ? 8 : 64;
  return { spec: { LANES, TURNS: terms < 4 * LANES ? 1 : 4 }, grid: grid1d(results * LANES) };
}
