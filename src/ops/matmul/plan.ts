// Chooses the matrix product kernel by rule, and lists alternatives for the autotuner on hardware. On a software
// adapter the rule decides alone: compiling a candidate costs more than it can save.
import type { AdapterReport } from "../../gpu/index.ts";

/**
 * subgroup: register tiles fed by broadcast; rows: the same for one to four rows; tile: workgroup memory; naive: one result
 * per invocation (tests, bench, small products on software adapters without subgroups).
 */
export type GemmFamily = "subgroup" | "rows" | "tile" | "naive";

interface GemmSize {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Products of this size. */
  readonly batch: number;
}

type Lanes = Pick<AdapterReport, "software" | "subgroupSize">;

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

/** `x` by `y` invocations, each with 4 · rowQuads by 4 · columnQuads results. */
function workgroupTile(x: number, y: number, rowQuads: number, columnQuads: number): GemmTile {
  const spec = { X: x, Y: y, ROW_QUADS: rowQuads, COLUMN_QUADS: columnQuads };
  const [rows, columns] = [4 * y * rowQuads, 4 * x * columnQuads];
  return { family: "tile", rows, columns, spec, label: `tile ${rows}x${columns} by ${x * y}` };
}
const RULE_TILE = workgroupTile(8, 8, 2, 1);
/** 32 x 32 fills an adapter with small products; 64 x 64 has the fewest loads for large ones, by few or by many invocations. */
const OTHER_TILES = [workgroupTile(8, 8, 1, 1), workgroupTile(8, 8, 2, 2), workgroupTile(16, 16, 1, 1)];

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

function tileOf(family: GemmFamily, { m, n }: GemmSize, lanes: number): GemmTile {
  if (family === "subgroup") return subgroupTile(lanes);
  if (family === "rows") return rowsTile(Math.min(m, n), lanes);
  return family === "tile" ? RULE_TILE : { family, rows: 1, columns: 1, spec: {}, label: family };
}

const tiles = (m: number, n: number, { rows, columns }: Pick<GemmTile, "rows" | "columns">) =>
  Math.ceil(m / rows) * Math.ceil(n / columns);

// Workgroups that keep the device busy: a software adapter has a few cores, a GPU some dozens with several groups each.
const BUSY_SOFTWARE = 8;
const BUSY_HARDWARE = 256;
// Shorter sums are not worth a second dispatch: a term of the "rows" kernel takes a tenth of what one of a wide tile does.
const minTerms = (family: GemmFamily) => (family === "rows" ? 1024 : 256);
const MAX_SPLITS = 64;
const SPLIT_STEP = 256; // BLOCK of lib/gemm.wgsl: a split ends where a block does

function familyOf({ software, subgroupSize }: Lanes, size: GemmSize): GemmFamily {
  const { m, n } = size;
  if (software && subgroupSize > 0) return Math.min(m, n) <= MOST_ROWS ? "rows" : "subgroup";
  const covered = (m * n) / Math.min(tiles(m, n, RULE_TILE), tiles(n, m, RULE_TILE)) / (64 * 32);
  return software && covered < 1 / 4 ? "naive" : "tile";
}

/** `splits` null: by rule. */
function planOf(adapter: Lanes, { m, n, k, batch }: GemmSize, tile: GemmTile, splits: number | null): GemmPlan {
  const { family } = tile;
  const swap = family === "rows" ? n < m : family !== "naive" && tiles(n, m, tile) < tiles(m, n, tile);
  if (splits !== null || family === "naive") return { ...tile, swap, splits: splits ?? 1 };
  const groups = batch * (swap ? tiles(n, m, tile) : tiles(m, n, tile));
  const busy = adapter.software ? BUSY_SOFTWARE : BUSY_HARDWARE;
  const wanted = Math.min(Math.floor(busy / groups), Math.floor(k / minTerms(family)), MAX_SPLITS);
  if (wanted <= 1) return { ...tile, swap, splits: 1 };
  const terms = Math.ceil(k / wanted / SPLIT_STEP) * SPLIT_STEP;
  return { ...tile, swap, splits: Math.ceil(k / terms) };
}

/**
 * Plan of `batch` products [m, k] x [k, n].
 *
 * family  "subgroup" on software adapters with one fixed subgroup size: there a load costs 10 to 25 multiply-adds, and
 *         broadcast saves loads (bench/cases/matmul.ts, 512³: 10 to 14 times naive, tile 3 times); "rows" there when a or b
 *         is no more than four rows or columns. Else "tile"; but "naive" on a software adapter when y fills less than a
 *         quarter of the tiles.
 * swap    when the other orientation covers y with fewer tiles: 10 columns of a 64-wide tile would waste the rest.
 * splits  when there are too few tiles to keep the device busy and k is long.
 */
export function planGemm(adapter: Lanes, size: GemmSize, forced?: GemmFamily): GemmPlan {
  const family = forced ?? familyOf(adapter, size);
  return planOf(adapter, size, tileOf(family, size, adapter.subgroupSize), null);
}

/** List alternatives to the rule's plan, with the same splits, so that workspaces stay the same size. */
export function otherPlans(adapter: Lanes, size: GemmSize, { splits }: GemmPlan): GemmPlan[] {
  const { subgroupSize: lanes } = adapter;
  const few = Math.min(size.m, size.n) <= MOST_ROWS;
  const broadcast = lanes === 0 ? [] : [few ? rowsTile(Math.min(size.m, size.n), lanes) : subgroupTile(lanes)];
  return [RULE_TILE, ...OTHER_TILES, ...broadcast].map((tile) => planOf(adapter, size, tile, splits));
}

/** Return the terms of each split but the last, for a plan of `planGemm`. */
export function termsPerSplit(k: number, splits: number): number {
  return splits === 1 ? k : Math.ceil(k / splits / SPLIT_STEP) * SPLIT_STEP;
}
