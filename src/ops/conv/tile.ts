// A correlation by tiles in workgroup memory: all phases of it in one dispatch, after one that packs the weights.

import tileWgsl from "../../../shaders/conv2d.wgsl";
import packWgsl from "../../../shaders/conv2d_pack.wgsl";
import { currentGpu, groups1d, kernel } from "../../gpu/index.ts";
import { actSpec, type DType, empty } from "../../tensor/index.ts";
import { type Parts, plausibleTiles, type Tile, type TiledSize, tile, workgroups } from "../matmul/tiles.ts";
import type { Correlation, Line } from "./correlation.ts";
import { isMasked, termTable } from "./term_table.ts";
import type { CorrelationTensors, Way } from "./ways.ts";

const tileKernel = kernel("conv2d", tileWgsl);
const packKernel = kernel("conv2d_pack", packWgsl);
// Terms of a workgroup that packs, and quads of channels.
const PACKED_TERMS = 16;
const PACKED_QUADS = 4;

/** Tiles from few rows, for few channels, to many. An invocation of a large tile has 8 x 8 results, one of the others 4 x 8. */
export const TILES = [
  tile(32, 2, 1, 2, 8),
  tile(32, 4, 1, 2, 8),
  tile(16, 8, 1, 2, 8),
  tile(32, 8, 1, 2, 8),
  tile(8, 16, 1, 2, 8),
  tile(16, 8, 2, 2, 8),
  tile(8, 16, 2, 2, 8),
  tile(16, 16, 2, 2, 8),
];
/** Longer stages have fewer barriers. With 8 x 8 results an invocation, compilers then run out of registers. */
export const DEEP_TILES = [tile(8, 16, 1, 2, 16), tile(16, 8, 1, 2, 16)];
/** Leaves registers for the test of taps by their distances. */
export const SMALL_TILE = tile(16, 8, 1, 2, 8);
/** Compiles in a second on software adapters, which run this kernel only where no other can. */
const SOFTWARE_TILE = tile(16, 8, 1, 2, 4);
const MOST_TRIED = 6;
/** A sum is not cut. Weights are packed, so that their loads cost little. */
const WHOLE: Parts = { most: 1, longest: 2 ** 31, step: 1, loads: [1, 8] };

const area = (c: Correlation, side: "source" | "plane" | "pixels") => c.rows[side] * c.columns[side];

/** Sizes of the matrix product: for all phases, those of the largest. */
function productSize(phases: readonly Correlation[]): TiledSize {
  const { batch, groups, written } = phases[0]!;
  const n = batch * Math.max(...phases.map((c) => area(c, "pixels")));
  const k = Math.max(...phases.map((c) => c.reduced * c.rows.taps * c.columns.taps));
  return { m: written, n, k, batch: groups * phases.length };
}

/** Return tiles with their estimated times, the fastest first. Rows beyond twice the channels would be idle work on small GPUs. */
function fitting(size: TiledSize, tiles: readonly Tile[]) {
  const least = Math.min(...tiles.map(({ rows }) => rows));
  return plausibleTiles(
    size,
    tiles.filter(({ rows }) => rows < 2 * size.m || rows === least),
    WHOLE,
  );
}

const wayOf = (phases: readonly Correlation[], tile: Tile): Way => ({
  label: `tile ${tile.rows}x${tile.columns}x${tile.spec.DEPTH}`,
  run: (tensors) => correlateTile(phases, tile, tensors),
});

/** Return the tile by rule. Of those that take about as long it wastes least, and is the largest. */
export function tileByRule(phases: readonly Correlation[]): Tile {
  if (currentGpu().adapter.software) return SOFTWARE_TILE;
  if (!isMasked(phases)) return SMALL_TILE;
  const size = productSize(phases);
  const found = fitting(size, TILES);
  const good = found.filter(({ time }) => time <= 1.02 * found[0]!.time).map(({ tile }) => tile);
  const waste = (t: Tile) => workgroups(size, t) * t.rows * t.columns;
  return good.sort((a, b) => waste(a) - waste(b) || b.rows * b.columns - a.rows * a.columns)[0]!;
}

export const tileWayByRule = (phases: readonly Correlation[]): Way => wayOf(phases, tileByRule(phases));

/** Return ways to try, those that may be fastest first. None packs weights into more memory than the rule's. */
export function tileWays(phases: readonly Correlation[]): Way[] {
  if (!isMasked(phases)) return [];
  const size = productSize(phases);
  const padded = ({ rows }: Tile) => Math.ceil(size.m / rows) * rows;
  const most = padded(tileByRule(phases));
  const tiles = fitting(size, [...TILES, ...DEEP_TILES]).map(({ tile }) => tile);
  return tiles
    .filter((t) => padded(t) <= most)
    .slice(0, MOST_TRIED)
    .map((t) => wayOf(phases, t));
}

const isPoint = (l: Line) => l.taps === 1 && l.step === 1 && l.start === 0 && l.source === l.pixels;
const isWhole = (l: Line) => l.planeStart === 0 && l.planeStep === 1 && l.pixels === l.plane;

/** Return the constants of the kernel that depend on the layer: the accesses that bring or store four numbers. */
function accessSpec(phases: readonly Correlation[], masked: boolean, dtype: DType) {
  const [c] = phases as [Correlation];
  const whole = phases.length === 1 && isWhole(c.rows) && isWhole(c.columns) && area(c, "plane") % 4 === 0;
  const points = masked && whole && isPoint(c.rows) && isPoint(c.columns);
  return {
    MASKED: masked,
    ...(dtype === "f16" ? { Act: "f16", NextA: "vec4<f16>", NextB: "vec4<f16>" } : {}),
    ...(points ? { WIDE_X: true, Source: "vec4<Act>", number_of: "v.x" } : {}),
    ...(whole ? { WIDE_Y: true, Target: "vec4<Act>", target_of: "Target(v)" } : {}),
  };
}

/** Groups and row tiles of one dispatch. */
interface Share {
  readonly firstGroup: number;
  readonly groups: number;
  readonly firstTile: number;
  readonly tiles: number;
}

/** Cut the groups and their row tiles in as few dispatches as one binding of packed weights allows. */
function sharesOf({ groups, written }: Correlation, tile: Tile, terms: number): Share[] {
  const limit = currentGpu().adapter.limits.maxStorageBufferBindingSize;
  const most = Math.max(1, Math.floor(limit / (terms * tile.rows * 4)));
  const tiles = Math.ceil(written / tile.rows);
  const mostTiles = Math.min(tiles, most);
  const mostGroups = Math.min(groups, Math.max(1, Math.floor(most / tiles)));
  const shares: Share[] = [];
  for (let firstGroup = 0; firstGroup < groups; firstGroup += mostGroups) {
    for (let firstTile = 0; firstTile < tiles; firstTile += mostTiles) {
      const size = { groups: Math.min(mostGroups, groups - firstGroup), tiles: Math.min(mostTiles, tiles - firstTile) };
      shares.push({ firstGroup, firstTile, ...size });
    }
  }
  return shares;
}

/** Write the pixels of y that the phases name, in all channels. The phases differ in their lines only. */
export function correlateTile(phases: readonly Correlation[], tile: Tile, tensors: CorrelationTensors): void {
  const [c] = phases as [Correlation];
  const { table, terms, masked } = termTable(phases);
  const columnTiles = Math.ceil(productSize(phases).n / tile.columns);
  const { x, w, b, y } = tensors;
  const fixed = {
    batch: c.batch,
    groups: c.groups,
    written: c.written,
    column_tiles: columnTiles,
    phases: phases.length,
    terms,
    x_group: c.reduced * area(c, "source"),
    y_width: c.columns.plane,
    y_plane: area(c, "plane"),
    source: [c.rows.source, c.columns.source],
    x_step: [c.rows.step, c.columns.step],
    spread: [c.rows.spread, c.columns.spread],
    y_step: [c.rows.planeStep, c.columns.planeStep],
    has_bias: b ? 1 : 0,
  };
  const spec = { ...tile.spec, ...accessSpec(phases, masked, x.dtype) };
  for (const { firstGroup, groups, firstTile, tiles } of sharesOf(c, tile, terms)) {
    const first = { first_group: firstGroup, first_row: firstTile * tile.rows };
    using packed = empty([Math.max(groups * tiles * terms * tile.rows, 4)], x.dtype);
    const quads = (tiles * tile.rows) / 4;
    const packing = {
      ...first,
      written: c.written,
      quads,
      tile_quads: tile.rows / 4,
      terms,
      groups,
      first_term: 2 * phases.length,
      w_group: c.weightGroup,
      w_written: c.weightWritten,
    };
    const blocks = (terms / PACKED_TERMS) * Math.ceil(quads / PACKED_QUADS) * groups;
    if (blocks > 0)
      packKernel.run({ bind: { w, table, packed }, params: packing, spec: actSpec(x), grid: groups1d(blocks) });
    tileKernel.run({
      bind: { x, w: packed, b: b ?? w, table, y },
      params: { ...fixed, ...first, own_groups: groups, row_tiles: tiles },
      spec,
      grid: groups1d(tiles * columnTiles * groups * phases.length),
    });
  }
}
