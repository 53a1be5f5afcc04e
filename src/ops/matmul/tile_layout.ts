// Constants of matmul_tile.wgsl that follow from the layout of the matrices: the axis along which each is contiguous, and
// whether four numbers are one load or store.
import type { Spec } from "../../gpu/index.ts";
import type { Matrix } from "./matrix.ts";

/** True if groups of four lines, which are neighbours, begin at multiples of four numbers. */
function isWide(count: number, term: number, batch: readonly number[]): boolean {
  return [count, term, ...batch].every((stride) => stride % 4 === 0);
}

/** Return the constants for y [m, n] = a b. */
export function tileLayout(a: Matrix, b: Matrix, { m, n }: { readonly m: number; readonly n: number }): Spec {
  const aAlong = a.col === 1;
  const bAlong = b.row === 1;
  const aWide = !aAlong && a.row === 1 && isWide(m, a.col, a.batch ?? []);
  const bWide = !bAlong && b.col === 1 && isWide(n, b.row, b.batch ?? []);
  const vec4 = "vec4<f32>";
  return {
    ...(aAlong ? { A_ALONG: true } : {}),
    ...(bAlong ? { B_ALONG: true } : {}),
    ...(aWide ? { A_WIDE: true, A: vec4, from_a: "v" } : {}),
    ...(bWide ? { B_WIDE: true, B: vec4, from_b: "v" } : {}),
    ...(n % 4 === 0 ? { Y_WIDE: true, Result: vec4, to_y: "v" } : {}),
  };
}
