// Tiles of the matrix product on hardware: their sizes, and an estimate of the time that a product takes with each.

/** Constants of lib/tile_product.wgsl: X by Y invocations, each with 4 ROW_QUADS by 4 COLUMN_QUADS results. */
export interface TileSpec extends Readonly<Record<string, number>> {
  readonly X: number;
  readonly Y: number;
  readonly ROW_QUADS: number;
  readonly COLUMN_QUADS: number;
  /** Terms of a stage. */
  readonly DEPTH: number;
}

/** A tile of results of one workgroup. */
export interface Tile {
  readonly rows: number;
  readonly columns: number;
  readonly lanes: number;
  readonly spec: TileSpec;
}

function tile(X: number, Y: number, ROW_QUADS: number, COLUMN_QUADS: number, DEPTH: number): Tile {
  const spec = { X, Y, ROW_QUADS, COLUMN_QUADS, DEPTH };
  return { rows: 4 * Y * ROW_QUADS, columns: 4 * X * COLUMN_QUADS, lanes: X * Y, spec };
}

const deep = (depth: number): Tile[] => [tile(16, 8, 2, 2, depth), tile(8, 16, 2, 2, depth), tile(8, 8, 2, 2, depth)];
/** Large tiles: 64x128, 128x64, 64x64 and 128x128, 8 terms deep. The last one 16 deep exceeds WebGPU's default limits. */
const LARGE = [...deep(8), tile(16, 16, 2, 2, 8)];
/** The same, 16 deep: half the barriers, more registers. */
const DEEP = deep(16);
/** 32x32 for few results; 128x16 and 16x128 for few columns or rows. */
export const SMALL_TILE = tile(8, 8, 1, 1, 16);
const SMALL = [SMALL_TILE, tile(4, 16, 2, 1, 8), tile(16, 4, 1, 2, 8)];

/** Tiles of the rule, and those that trials may replace them by. */
export const RULE_TILES: readonly Tile[] = [...LARGE, ...SMALL];
export const TRIED_TILES: readonly Tile[] = [...LARGE, ...DEEP, ...SMALL];

/** Sizes of a batch of products. */
export interface TiledSize {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch: number;
}

export function workgroups({ m, n, batch }: TiledSize, { rows, columns }: Pick<Tile, "rows" | "columns">): number {
  return batch * Math.ceil(m / rows) * Math.ceil(n / columns);
}

// A card of nominal speed: multiply-adds and bytes per microsecond, invocations that keep it busy, and microseconds of
// the loads of one stage and of one more dispatch.
const MULTIPLY_ADDS = 25e6;
const BYTES = 3e6;
const BUSY_LANES = 32768;
const STAGE = 0.5;
const DISPATCH = 4;

/** Return the share of the multiply-adds among the instructions of an invocation: larger tiles load less for each. */
function efficiency({ spec }: Tile): number {
  const [r, c] = [4 * spec.ROW_QUADS, 4 * spec.COLUMN_QUADS];
  return (r * c) / (r * c + 2 * (r + c));
}

/** Return about the microseconds of a product with `splits` parts of its sum, on a card of nominal speed. */
export function estimate(size: TiledSize, tile: Tile, splits: number): number {
  const { m, n, k, batch } = size;
  const groups = workgroups(size, tile) * splits;
  const work = (groups * tile.rows * tile.columns * (k / splits)) / efficiency(tile);
  const busy = Math.min(1, (groups * tile.lanes) / BUSY_LANES);
  const loading = (k / splits / tile.spec.DEPTH) * STAGE;
  const adding = splits > 1 ? DISPATCH + (4 * (2 * splits + 1) * m * n * batch) / BYTES : 0;
  return Math.max(work / busy / MULTIPLY_ADDS, loading) + adding;
}
