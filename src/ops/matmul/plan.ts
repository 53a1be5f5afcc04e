// Chooses the matrix product kernel by rule, and lists alternatives for the autotuner on hardware. On a software
// adapter the rule decides alone: compiling a candidate costs more than it can save.
import type { AdapterReport } from "../../gpu/index.ts";
import {
  bestParts,
  hasFewRegisters,
  leastParts,
  type Parts,
  plausibleTiles,
  RULE_TILES,
  SOFTWARE_TILE,
  type Tile,
  type TiledSize,
  TRIED_TILES,
  termsOfPart,
} from "./tiles.ts";

/**
 * subgroup: register tiles fed by broadcast; rows: the same for one to four rows; tile: workgroup memory; naive: one result
 * per invocation (tests, bench, small products on software adapters without subgroups); matrix: matrix units of f16 (matrix_units.ts).
 */
export type GemmFamily = "subgroup" | "rows" | "tile" | "naive" | "matrix";

type Lanes = Pick<AdapterReport, "software" | "subgroupSize"> & Partial<Pick<AdapterReport, "vendor">>;

/** A kernel and the tile of results of one workgroup. */
interface GemmTile {
  readonly family: GemmFamily;
  readonly rows: number;
  readonly columns: number;
  /** Constants of the shader. */
  readonly spec: Readonly<Record<string, number>>;
  readonly label: string;
}

export interface GemmPlan extends GemmTile {
  /** Computes yᵀ = bᵀ aᵀ instead; the layout of y in memory stays. */
  readonly swap: boolean;
  /** Parts of k; each is summed separately, then the parts are added in order. */
  readonly splits: number;
}

/** Most rows of the "rows" kernel; above, its loads of b no longer outnumber those of the wide tile. */
const MOST_ROWS = 4;

const subgroupTile = (lanes: number): GemmTile => ({
  family: "subgroup",
  rows: 16,
  columns: 8 * lanes,
  spec: { LANES: lanes },
  label: "subgroup",
});

/** For an a of `m` rows; three are treated as four, which saves compiling a kernel. */
function rowsTile(m: number, lanes: number): GemmTile {
  const rows = m <= 2 ? m : MOST_ROWS;
  return { family: "rows", rows, columns: lanes, spec: { S: lanes, ROWS: rows }, label: `rows ${rows}` };
}

const tileLabel = ({ rows, columns, spec }: Tile) => `tile ${rows}x${columns}x${spec.DEPTH}`;
const tiled = (tile: Tile, splits: number): GemmPlan => ({
  ...{ family: "tile", rows: tile.rows, columns: tile.columns, spec: tile.spec, swap: false, splits },
  label: `${tileLabel(tile)}${splits > 1 ? " split" : ""}`,
});

const tiles = (m: number, n: number, { rows, columns }: Pick<GemmTile, "rows" | "columns">) =>
  Math.ceil(m / rows) * Math.ceil(n / columns);

// Workgroups that keep a software adapter busy: it has a few cores.
const BUSY_SOFTWARE = 8;
// Shorter sums are not worth a second dispatch: a term of the "rows" kernel takes a tenth of what one of a wide tile does.
const minTerms = (family: GemmFamily) => (family === "rows" ? 1024 : 256);
const MAX_SPLITS = 64;
const SPLIT_STEP = 256; // BLOCK of lib/gemm.wgsl: a split ends where a block does
const LONGEST_SUM = 4096; // terms that the tile kernel adds up one after another: keeps rounding near 1e-6 of the sum

function familyOf({ software, subgroupSize }: Lanes, { m, n }: TiledSize): GemmFamily {
  if (!software) return "tile";
  if (subgroupSize > 0) return Math.min(m, n) <= MOST_ROWS ? "rows" : "subgroup";
  const { rows, columns } = SOFTWARE_TILE;
  return (m * n) / tiles(m, n, SOFTWARE_TILE) / (rows * columns) < 1 / 4 ? "naive" : "tile";
}

/** Return the parts of a sum of `k` terms when about `wanted` are useful: all but the last end where a block does. */
function wholeSplits(k: number, wanted: number): number {
  return wanted <= 1 ? 1 : Math.ceil(k / termsPerSplit(k, wanted));
}

/** Plan a kernel of a software adapter. */
function softwarePlan({ m, n, k, batch }: TiledSize, tile: GemmTile): GemmPlan {
  const { family } = tile;
  const swap = family === "rows" ? n < m : family === "subgroup" && tiles(n, m, tile) < tiles(m, n, tile);
  if (family === "naive") return { ...tile, swap, splits: 1 };
  const groups = batch * (swap ? tiles(n, m, tile) : tiles(m, n, tile));
  const wanted = Math.min(Math.floor(BUSY_SOFTWARE / groups), Math.floor(k / minTerms(family)), MAX_SPLITS);
  // The other kernels sum in blocks.
  const least = family === "tile" ? leastParts({ m, n, k, batch }, PARTS) : 1;
  return { ...tile, swap, splits: wholeSplits(k, Math.max(wanted, least)) };
}

const PARTS: Parts = { most: MAX_SPLITS, longest: LONGEST_SUM, step: SPLIT_STEP, loads: [6, 6] };

/**
 * Plan of `batch` products [m, k] x [k, n].
 *
 * family  "subgroup" on software adapters with one fixed subgroup size: there a load costs 10 to 25 multiply-adds, and
 *         broadcast saves loads (bench/cases/matmul.ts, 512³: 10 to 14 times naive, tile 3 times); "rows" there when a or b
 *         is no more than four rows or columns. Else "tile"; but "naive" on a software adapter when y fills less than a
 *         quarter of the tiles.
 * swap    when the other orientation covers y with fewer tiles: 10 columns of a 64-wide tile would waste the rest.
 * splits  when there are too few tiles to keep the device busy and k is long.
 *
 * On hardware the tile and the splits of least estimated time are chosen (tiles.ts).
 */
export function planGemm(adapter: Lanes, size: TiledSize, forced?: GemmFamily): GemmPlan {
  const family = forced ?? familyOf(adapter, size);
  const lanes = adapter.subgroupSize;
  if (family === "subgroup") return softwarePlan(size, subgroupTile(lanes));
  if (family === "rows") return softwarePlan(size, rowsTile(Math.min(size.m, size.n), lanes));
  if (family === "naive") return softwarePlan(size, { family, rows: 1, columns: 1, spec: {}, label: family });
  if (adapter.software) return softwarePlan(size, tiled(SOFTWARE_TILE, 1));
  const { tile, parts } = plausibleTiles(size, RULE_TILES, PARTS)[0]!;
  return tiled(tile, parts);
}

const MOST_TRIED = 8;

/** List alternatives to the rule's plan for a trial, with no more splits, so that workspaces are no larger. */
export function otherPlans(adapter: Lanes, size: TiledSize, rule: GemmPlan): GemmPlan[] {
  const tried = TRIED_TILES.filter(
    ({ spec, lanes }) => spec.DEPTH === 8 || lanes === 64 || !hasFewRegisters(adapter.vendor),
  );
  const [best, ...rest] = plausibleTiles(size, tried, { ...PARTS, most: rule.splits });
  const { tile, parts } = best!;
  const whole = parts > 1 ? [tiled(tile, bestParts(size, tile, { ...PARTS, most: 1 }).parts)] : [];
  const others = [tiled(tile, parts), ...whole, ...rest.map((t) => tiled(t.tile, t.parts))];
  return others.filter(({ label }) => label !== rule.label).slice(0, MOST_TRIED);
}

/** Return the terms of each split but the last, for a plan of `planGemm`. */
export function termsPerSplit(k: number, splits: number): number {
  return termsOfPart(k, splits, PARTS);
}
