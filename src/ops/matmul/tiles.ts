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

/** Describe the tile of these constants. */
export function tile(X: number, Y: number, ROW_QUADS: number, COLUMN_QUADS: number, DEPTH: number): Tile {
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
/** Compiles in half the time on software adapters, which run these kernels only where no other can. */
export const SOFTWARE_TILE = tile(8, 8, 1, 1, 8);
const SMALL = [SMALL_TILE, tile(4, 16, 2, 1, 8), tile(16, 4, 1, 2, 8)];

/** Tiles of the rule, and those that trials may replace them by. */
export const RULE_TILES: readonly Tile[] = [...LARGE, ...SMALL];
export const TRIED_TILES: readonly Tile[] = [...LARGE, ...DEEP, ...SMALL];
/** Tiles of weight gradients, which need registers for addresses too. 64x64 has 8x4 results an invocation. */
const GRADIENT = [
  ...[tile(16, 8, 2, 2, 8), tile(8, 16, 2, 2, 8), tile(16, 16, 2, 2, 8)],
  ...[tile(16, 8, 2, 1, 8), SMALL_TILE, tile(4, 16, 2, 1, 8), tile(16, 4, 1, 2, 8)],
];

/** True for a GPU of 128 registers an invocation: Apple's, which has the vendor "mesa" on Linux. */
export const hasFewRegisters = (vendor: string | undefined): boolean => vendor === "apple" || vendor === "mesa";

/** Return the tiles of weight gradients. With few registers, 8 columns of results an invocation spill. */
export function gradientTiles(vendor: string): readonly Tile[] {
  return hasFewRegisters(vendor) ? GRADIENT.filter(({ spec }) => spec.COLUMN_QUADS === 1) : GRADIENT;
}

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
const BUSY_LANES = 65536;
const STAGE = 0.5;
const DISPATCH = 4;

/** Instructions of an invocation per quad that it reads from workgroup memory. */
const READ = 2;

/** Return the share of the multiply-adds among the instructions of an invocation: larger tiles load less for each. */
function efficiency({ rows, columns, lanes, spec: { ROW_QUADS, COLUMN_QUADS } }: Tile, loads: Parts["loads"]): number {
  const multiplyAdds = 16 * ROW_QUADS * COLUMN_QUADS;
  const loading = (loads[0] * rows + loads[1] * columns) / lanes;
  return multiplyAdds / (multiplyAdds + READ * (ROW_QUADS + COLUMN_QUADS) + loading);
}

/** Return about the microseconds of a product with `splits` parts of its sum, on a card of nominal speed. */
function estimate(size: TiledSize, tile: Tile, splits: number, { loads }: Parts): number {
  const { m, n, k, batch } = size;
  const groups = workgroups(size, tile) * splits;
  const work = (groups * tile.rows * tile.columns * (k / splits)) / efficiency(tile, loads);
  const busy = Math.min(1, (groups * tile.lanes) / BUSY_LANES);
  const loading = (k / splits / tile.spec.DEPTH) * STAGE;
  const adding = splits > 1 ? DISPATCH + (4 * (2 * splits + 1) * m * n * batch) / BYTES : 0;
  return Math.max(work / busy / MULTIPLY_ADDS, loading) + adding;
}

/** Workgroups beyond which no sum is cut for the sake of more of them. */
const BUSY_GROUPS = 2048;
const MOST_PARTIAL_BYTES = 2 ** 27; // one binding of an adapter with default limits

/** Limits of the parts of a sum. */
export interface Parts {
  /** Most parts: of a workspace, or of the kernel that adds them. */
  readonly most: number;
  /** Terms that one invocation may add up, for the sake of rounding. */
  readonly longest: number;
  /** All parts but the last have a multiple of this many terms. */
  readonly step: number;
  /** Instructions of an invocation per number that it loads of a row and of a column, with addresses and tests. */
  readonly loads: readonly [row: number, column: number];
}

/** Return the terms of each part but the last. */
export function termsOfPart(k: number, parts: number, { step }: Pick<Parts, "step">): number {
  return parts === 1 ? k : Math.ceil(k / parts / step) * step;
}

/** Return the number of parts that a workspace holds. */
const mostParts = ({ m, n, batch }: TiledSize, { most }: Parts): number =>
  Math.min(most, Math.max(1, Math.floor(MOST_PARTIAL_BYTES / (4 * m * n * batch))));

/** Return the number of parts for the sake of rounding, as far as the workspace allows. */
export const leastParts = (size: TiledSize, parts: Parts): number =>
  Math.min(Math.ceil(size.k / parts.longest), mostParts(size, parts));

/** Return the numbers of parts to consider for one tile: as few as rounding allows, then powers of two. */
function partsToTry(size: TiledSize, tile: Tile, parts: Parts): number[] {
  const { k } = size;
  const whole = (wanted: number) => Math.ceil(k / termsOfPart(k, wanted, parts));
  const most = mostParts(size, parts);
  const least = leastParts(size, parts);
  const found = new Set([whole(least)]);
  const useful = Math.min(most, Math.floor(k / parts.step));
  for (let s = 2; s <= useful && s * workgroups(size, tile) <= BUSY_GROUPS; s *= 2) {
    if (s > least) found.add(whole(s));
  }
  return [...found];
}

/** Return the number of parts of least estimated time for one tile. */
export function bestParts(size: TiledSize, tile: Tile, parts: Parts): { parts: number; time: number } {
  return partsToTry(size, tile, parts)
    .map((count) => ({ parts: count, time: estimate(size, tile, count, parts) }))
    .reduce((a, b) => (b.time < a.time ? b : a));
}

/** A tile is tried if its estimate is within this factor of the best. */
const PLAUSIBLE = 2.5;

/** Return the tiles that may be fastest with their parts, in the order of their estimated times. */
export function plausibleTiles(size: TiledSize, tiles: readonly Tile[], parts: Parts) {
  const found = tiles.map((tile) => ({ tile, ...bestParts(size, tile, parts) })).sort((a, b) => a.time - b.time);
  return found.filter(({ time }) => time <= PLAUSIBLE * found[0]!.time);
}
