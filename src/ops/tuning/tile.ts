// Tiles of the kernels that multiply in workgroup memory (shaders/lib/tile_product.wgsl), and the rule that chooses one.

/** Constants of the shader: invocations along columns and rows, results of each in fours, terms of a stage. */
export type TileSpec = Readonly<Record<"X" | "Y" | "ROW_QUADS" | "COLUMN_QUADS" | "DEPTH", number>>;

/** A tile of results of one workgroup. */
export interface Tile {
  readonly label: string;
  readonly rows: number;
  readonly columns: number;
  readonly lanes: number;
  readonly spec: TileSpec;
}

function tile(X: number, Y: number, ROW_QUADS: number, COLUMN_QUADS: number, DEPTH = 8): Tile {
  const [rows, columns] = [4 * Y * ROW_QUADS, 4 * X * COLUMN_QUADS];
  const spec = { X, Y, ROW_QUADS, COLUMN_QUADS, DEPTH };
  return { label: `tile ${rows}x${columns}x${DEPTH}`, rows, columns, lanes: X * Y, spec };
}

/** Large tiles have 8 x 8 results an invocation, those for fewer rows or columns 4 x 8. Tiles of few rows are for few channels. */
const TILES = [
  tile(16, 16, 2, 2),
  tile(16, 8, 2, 2),
  tile(8, 16, 2, 2),
  tile(8, 16, 1, 2),
  tile(32, 8, 1, 2),
  tile(16, 8, 1, 2),
  tile(32, 4, 1, 2),
  tile(32, 2, 1, 2),
];
/** Longer stages have fewer barriers. With 8 x 8 results an invocation, compilers then run out of registers. */
const DEEP = [tile(8, 16, 1, 2, 16), tile(16, 8, 1, 2, 16)];
/** Leaves registers for kernels that need more than others. */
export const SMALL_TILE: Tile = tile(16, 8, 1, 2);
/** Compiles in a second on software adapters, which run these kernels only where no other can. */
const SOFTWARE_TILE = tile(16, 8, 1, 2, 4);

/** Invocations that fill a large adapter: with fewer, a smaller tile is faster. */
const LANES_WANTED = 2 ** 16;
/** Instructions per quad that is read from workgroup memory, and per quad that is loaded: four numbers with their addresses. */
const READ = 2;
const LOAD = 24;

/** Return the time of a product on a large adapter, in instructions. */
function costOf({ rows, columns, lanes, spec }: Tile, size: ProductSize): number {
  const groups = Math.ceil(size.rows / rows) * Math.ceil(size.columns / columns) * size.products;
  const { ROW_QUADS, COLUMN_QUADS } = spec;
  const each = 16 * ROW_QUADS * COLUMN_QUADS + READ * (ROW_QUADS + COLUMN_QUADS) + (LOAD * columns) / 4 / lanes;
  return each * Math.max(groups * lanes, LANES_WANTED);
}

interface ProductSize {
  readonly rows: number;
  readonly columns: number;
  /** Products of this size in one dispatch. */
  readonly products: number;
}

const cheapest = (size: ProductSize): Tile =>
  TILES.reduce((best, t) => (costOf(t, size) < costOf(best, size) ? t : best));

/** Return the tile for a product by rule. */
export function chooseTile(size: ProductSize, { software }: { readonly software: boolean }): Tile {
  return software ? SOFTWARE_TILE : cheapest(size);
}

/** Return tiles to try: 128x128, 64x128, 128x64 and 64x64, some with longer stages, unless they waste half as much again as the rule's. */
export function tilesToTry(size: ProductSize): Tile[] {
  const most = 1.5 * costOf(cheapest(size), size);
  return [...TILES.slice(0, 4), ...DEEP].filter((t) => costOf(t, size) <= most);
}
