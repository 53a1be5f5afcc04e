// Constants of matmul_tile.wgsl that follow from the layout of the matrices: the axis along which each is contiguous, and
// whether four numbers are one load or store.
import type { Spec } from "../../gpu/index.ts";
import type { DType } from "../../tensor/index.ts";
import type { Matrix } from "./matrix.ts";

/** True if groups of four lines, which are neighbours, begin at multiples of four numbers. */
function isWide(count: number, term: number, batch: readonly number[]): boolean {
  return [count, term, ...batch].every((stride) => stride % 4 === 0);
}

/** Return the constants of one operand: `name` is that of its binding. */
function operandSpec(name: "a" | "b", dtype: DType, isAlong: boolean, wide: boolean): Spec {
  const upper = name.toUpperCase();
  return {
    ...(isAlong ? { [`${upper}_ALONG`]: true } : {}),
    ...(wide ? { [`${upper}_WIDE`]: true, [`from_${name}`]: dtype === "f32" ? "v" : "vec4<f32>(v)" } : {}),
    ...elementSpec(upper, dtype, wide),
  };
}

/** Return the constant of an element type; none for f32, the default. */
function elementSpec(name: string, dtype: DType, wide: boolean): Spec {
  if (wide) return { [name]: `vec4<${dtype}>` };
  return dtype === "f32" ? {} : { [name]: dtype };
}

/** Element types of a product in memory. */
export interface ProductTypes {
  readonly a: DType;
  readonly b: DType;
  readonly y: DType;
}

/** Return the constants of the element types for kernels that load single numbers. */
export function typeSpec({ a, b, y }: ProductTypes): Spec {
  return { ...elementSpec("A", a, false), ...elementSpec("B", b, false), ...elementSpec("Result", y, false) };
}

/** Return the constants of matmul_tile.wgsl for y [m, n] = a b. */
export function tileLayout(
  a: Matrix,
  b: Matrix,
  { m, n }: { readonly m: number; readonly n: number },
  types: ProductTypes,
): Spec {
  const aAlong = a.col === 1;
  const bAlong = b.row === 1;
  const yWide = n % 4 === 0;
  return {
    ...operandSpec("a", types.a, aAlong, !aAlong && a.row === 1 && isWide(m, a.col, a.batch ?? [])),
    ...operandSpec("b", types.b, bAlong, !bAlong && b.col === 1 && isWide(n, b.row, b.batch ?? [])),
    ...elementSpec("Result", types.y, yWide),
    ...(yWide ? { Y_WIDE: true, to_y: types.y === "f32" ? "v" : "Result(v)" } : {}),
  };
}
