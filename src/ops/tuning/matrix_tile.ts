// Tiles of the kernels on matrix units (shaders/lib/matrix_product.wgsl), and the rule that chooses one.
import type { AdapterReport, MatrixShape } from "../../gpu/index.ts";

/** Facts of the adapter that the tiles depend on. */
export type MatrixAdapter = Pick<AdapterReport, "software" | "vendor" | "matrices" | "limits">;

/** A tile of results of one workgroup. */
export interface MatrixTile {
  readonly label: string;
  readonly rows: number;
  readonly columns: number;
  /** Constants of the shader. */
  readonly spec: Readonly<Record<string, number>>;
}

/** Rows and columns of a product, and the number of products in one dispatch. */
export interface ProductSize {
  readonly rows: number;
  readonly columns: number;
  readonly products: number;
}

/** Terms of a stage. Software adapters compile fewer faster. */
const DEPTH = 32;
const DEPTH_SOFTWARE = 16;
/** Subgroups of a workgroup, down and along. */
const SUBGROUPS = 2;
/** Matrices of a subgroup, down and along; the largest tile first. */
const MATRICES = [
  [4, 4],
  [4, 2],
  [2, 4],
  [2, 2],
  [2, 1],
  [1, 2],
  [1, 1],
] as const;
/** Sums that a lane keeps in registers. Half of Intel's registers hold 64. */
const MOST_SUMS = 128;
const MOST_SUMS_INTEL = 64;
/** Matrices of a subgroup on software adapters, which take half a minute to compile the largest tile. */
const MOST_MATRICES_SOFTWARE = 4;

/** Workgroups that fill an adapter: with fewer, a smaller tile is faster. */
const WORKGROUPS_HARDWARE = 256;
const WORKGROUPS_SOFTWARE = 8;

const powerOfTwo = (n: number): number => 2 ** Math.floor(Math.log2(Math.max(n, 1)));

function tileOf(
  { m, n, k, lanes }: MatrixShape,
  depth: number,
  down: number,
  along: number,
): MatrixTile & { octets: number } {
  const [rows, columns] = [m * down * SUBGROUPS, n * along * SUBGROUPS];
  const octets = (rows + columns) * (depth / 8 + 1);
  const stored = Math.min(along, powerOfTwo(octets / (SUBGROUPS ** 2 * m * (n / 4))));
  const shape = { M: m, N: n, K: k, S: lanes };
  const subgroups = { SUBGROUPS_M: SUBGROUPS, SUBGROUPS_N: SUBGROUPS, MATRICES_M: down, MATRICES_N: along };
  const label = `matrix ${rows}x${columns}`;
  return { label, rows, columns, octets, spec: { ...shape, ...subgroups, DEPTH: depth, STORED: stored } };
}

/** Return the tiles that an adapter can run, the largest first; none without matrix units. */
export function matrixTiles({ vendor, software, matrices, limits }: MatrixAdapter): MatrixTile[] {
  const shape = matrices[0];
  if (!shape) return [];
  const { m, n, lanes } = shape;
  const mostSums = vendor === "intel" ? MOST_SUMS_INTEL : MOST_SUMS;
  const depth = software ? DEPTH_SOFTWARE : DEPTH;
  const invocations = lanes * SUBGROUPS ** 2;
  if (invocations > limits.maxComputeInvocationsPerWorkgroup) return [];
  return MATRICES.filter(([down, along]) => (down * along * m * n) / lanes <= mostSums)
    .map(([down, along]) => tileOf(shape, depth, down, along))
    .filter(({ rows, columns, octets, spec }) => {
      const fetched = Math.min(rows, columns) * (depth / 8);
      const used = Math.max(octets, SUBGROUPS ** 2 * m * (n / 4) * spec["STORED"]!);
      return fetched % invocations === 0 && 16 * used <= limits.maxComputeWorkgroupStorageSize;
    });
}

const groupsOf = ({ rows, columns }: MatrixTile, size: ProductSize): number =>
  Math.ceil(size.rows / rows) * Math.ceil(size.columns / columns) * size.products;

/** Return the cost of a product: the sums of all tiles, and the operands that each tile reads. */
function costOf(tile: MatrixTile, size: ProductSize, wanted: number): number {
  const each = tile.rows * tile.columns + READ * (tile.rows + tile.columns);
  return each * Math.max(groupsOf(tile, size), wanted);
}
/** Cost of a term of a row or column that is read, in terms of sums: it passes through workgroup memory. */
const READ = 16;

/** Return the tiles for a product that an adapter can run, the best by rule first. The sum over `terms` may be split. */
export function rankMatrixTiles(adapter: MatrixAdapter, { rows, columns, products }: ProductSize, terms: number) {
  const wanted = adapter.software ? WORKGROUPS_SOFTWARE : WORKGROUPS_HARDWARE;
  const parts = Math.min(MOST_SPLITS, Math.max(1, Math.floor(terms / USUAL_SUM)));
  const size = { rows, columns, products: products * parts };
  return matrixTiles(adapter)
    .filter(({ spec }) => !adapter.software || spec["MATRICES_M"]! * spec["MATRICES_N"]! <= MOST_MATRICES_SOFTWARE)
    .map((tile) => ({ tile, cost: costOf(tile, size, wanted) }))
    .sort((a, b) => a.cost - b.cost)
    .map(({ tile }) => tile);
}

/** Return the parts of a sum over `terms`: enough workgroups, and no part so long that its rounding shows. */
export function matrixSplits(adapter: MatrixAdapter, tile: MatrixTile, size: ProductSize, terms: number): number {
  const wanted = adapter.software ? WORKGROUPS_SOFTWARE : WORKGROUPS_HARDWARE;
  const forWork = Math.min(Math.floor(wanted / groupsOf(tile, size)), Math.floor(terms / SHORTEST_SUM));
  return Math.max(1, Math.min(forWork, MOST_SPLITS), Math.ceil(terms / LONGEST_SUM));
}
/** Terms of a part that a rule may count on. */
const USUAL_SUM = 2048;
/** Terms of a part: shorter ones are not worth a second dispatch, longer ones lose digits. */
const SHORTEST_SUM = 512;
const LONGEST_SUM = 4096;
const MOST_SPLITS = 64;
