// Matrix products on the matrix units of a GPU, from operands of f16 or f32. Loaded where the adapter has such units.
import matrixWgsl from "../../../shaders/matmul_matrix.wgsl";
import splitsWgsl from "../../../shaders/matmul_splits.wgsl";
import { type Bindable, currentGpu, grid1d, groups1d, kernel, OpError, type Spec } from "../../gpu/index.ts";
import { actSpec, type DType, empty } from "../../tensor/index.ts";
import { type MatrixTile, matrixSplits, rankMatrixTiles } from "../tuning/matrix_tile.ts";
import type { Matrix } from "./matrix.ts";

const matrixKernel = kernel("matmul_matrix", matrixWgsl);
const splitsKernel = kernel("matmul_splits", splitsWgsl);
/** A split ends at a multiple of this. */
const SPLIT_STEP = 256;

type Four = readonly [number, number, number, number];

/** Operands of a product as gemm() has them. */
export interface MatrixProduct {
  readonly a: Matrix;
  readonly b: Matrix;
  readonly y: Bindable & { readonly dtype?: DType };
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly bias: Bindable | null;
  /** Sizes of three batch axes, and their strides in a and b. */
  readonly axes: { readonly size: Four; readonly a: Four; readonly b: Four };
}

/** An operand by lines: rows of a, columns of b. */
interface Side {
  readonly dtype: DType;
  readonly lines: number;
  readonly terms: number;
  /** Distances between lines and between terms. */
  readonly line: number;
  readonly term: number;
  readonly batch: Four;
}

const EIGHT = [0, 1, 2, 3, 4, 5, 6, 7];

/** The way in which an operand is fetched: octets along its terms or along its lines, or single numbers. */
type Fetch = "terms" | "lines" | "single";

function fetchOf({ dtype, lines, terms, line, term, batch }: Side): Fetch {
  const width = dtype === "f16" ? 8 : 4;
  const aligned = (...sizes: number[]) => [...sizes, ...batch].every((size) => size % width === 0);
  if (term === 1 && aligned(line, terms)) return "terms";
  return line === 1 && aligned(term, lines) ? "lines" : "single";
}

/** Return the constants of the shader for the way in which an operand is fetched. `name` is that of its binding. */
function fetchSpec(name: "a" | "b", side: Side): Spec {
  const upper = name.toUpperCase();
  const { dtype, line, term } = side;
  const fetch = fetchOf(side);
  if (fetch !== "single") {
    return {
      [upper]: dtype === "f16" ? "vec4<u32>" : "vec4<f32>",
      [`${upper}_WIDTH`]: dtype === "f16" ? 8 : 4,
      [`${upper}_LINES`]: fetch === "lines",
      [`${name}_octet`]: dtype === "f16" ? `${name}[at]` : `octet(${name}[at], ${name}[at + 1u])`,
    };
  }
  const values = EIGHT.map((i) => `f16(${name}[at${i === 0 ? "" : ` + ${i}u * step`}])`);
  const quad = (from: number) => `halves(vec4<f16>(${values.slice(from, from + 4).join(", ")}))`;
  return {
    [upper]: dtype,
    [`${upper}_WIDTH`]: 1,
    [`${upper}_ACROSS`]: line < term,
    [`${name}_octet`]: `vec4<u32>(${quad(0)}, ${quad(4)})`,
  };
}

/** Return the constants for storing rows of `columns` results. */
export function storeSpec(dtype: DType, columns: number): Spec {
  return columns % 4 === 0 ? { Y: `vec4<${dtype}>`, put: "y[at / 4u] = Y(v); return count;" } : { Y: dtype };
}

/** Return both operands by lines. */
function sidesOf({ a, b, m, n, k, axes }: MatrixProduct): { readonly a: Side; readonly b: Side } {
  const typeOf = ({ tensor }: Matrix) => tensor.dtype ?? "f32";
  return {
    a: { dtype: typeOf(a), lines: m, terms: k, line: a.row, term: a.col, batch: axes.a },
    b: { dtype: typeOf(b), lines: n, terms: k, line: b.col, term: b.row, batch: axes.b },
  };
}

/** Most tiles that the tuner tries: each is compiled. */
const TILES_TRIED = 4;
/** Matrices of a subgroup that leave registers for operands which are no octets of f16 in memory. */
const MOST_MATRICES_SINGLE = 8;

/** Return the tiles to try, that of the rule first; none without matrix units. */
export function tilesToTry(product: MatrixProduct): MatrixTile[] {
  const { m, n, k, axes } = product;
  const size = { rows: m, columns: n, products: axes.size[0] * axes.size[1] * axes.size[2] };
  // Octets of f16 need the fewest registers, along the terms fewer than along the lines.
  const ways = Object.values(sidesOf(product)).map((side) => (side.dtype === "f16" ? fetchOf(side) : "single"));
  const fits = ways.includes("terms") || !ways.includes("single");
  const most = fits ? Number.POSITIVE_INFINITY : MOST_MATRICES_SINGLE;
  return rankMatrixTiles(currentGpu().adapter, size, k)
    .filter(({ spec }) => spec["MATRICES_M"]! * spec["MATRICES_N"]! <= most)
    .slice(0, TILES_TRIED);
}

/** Compute the product. Splits of k are added in a fixed order. Throws OpError without matrix units. */
export function runMatrix(product: MatrixProduct, chosen?: MatrixTile): void {
  const { a, b, y, m, n, k, bias, axes } = product;
  const { adapter } = currentGpu();
  const products = axes.size[0] * axes.size[1] * axes.size[2];
  const size = { rows: m, columns: n, products };
  const tile = chosen ?? tilesToTry(product)[0];
  if (!tile) throw new OpError("gemm", "family matrix: expected an adapter with matrix units of f16");
  const wanted = matrixSplits(adapter, tile, size, k);
  const terms = wanted === 1 ? k : Math.ceil(k / wanted / SPLIT_STEP) * SPLIT_STEP;
  const splits = Math.max(1, Math.ceil(k / terms));
  const { dtype = "f32" } = y;
  const sides = sidesOf(product);
  const total = products * m * n;
  const partial = splits > 1 ? empty([splits, total]) : null;
  const fused = bias !== null && !partial;
  const [tilesM, tilesN] = [Math.ceil(m / tile.rows), Math.ceil(n / tile.columns)];
  const groups = tilesM * tilesN * products * splits;
  matrixKernel.run({
    bind: { a: a.tensor, b: b.tensor, bias: fused ? bias : a.tensor, y: partial ?? y },
    params: {
      ...{ batch: axes.size, a_batch: axes.a, b_batch: axes.b, m, n, k },
      ...{ a_row: a.row, a_col: a.col, b_row: b.row, b_col: b.col, y_row: n, y_col: 1, y_batch: m * n, y_split: total },
      ...{ bias_row: 0, bias_col: 1, has_bias: fused ? 1 : 0 },
      ...{ tiles_m: tilesM, tiles_n: tilesN, groups, split_k: terms },
    },
    spec: {
      ...tile.spec,
      ...fetchSpec("a", sides.a),
      ...fetchSpec("b", sides.b),
      ...storeSpec(partial ? "f32" : dtype, n),
    },
    grid: groups1d(groups),
  });
  if (!partial) return;
  splitsKernel.run({
    bind: { partial, bias: bias ?? a.tensor, y },
    params: { n: total, splits, columns: n, has_bias: bias ? 1 : 0 },
    spec: actSpec({ dtype }),
    grid: grid1d(total),
  });
  partial.dispose();
}
