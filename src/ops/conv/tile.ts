// A correlation by tiles in workgroup memory: all phases of it in one dispatch, after one that packs the weights.

import tileWgsl from "../../../shaders/conv2d.wgsl";
import packWgsl from "../../../shaders/conv2d_pack.wgsl";
import { currentGpu, groups1d, kernel } from "../../gpu/index.ts";
import { empty, type Tensor } from "../../tensor/index.ts";
import { chooseTile, type Tile, tilesToTry } from "../tuning/tile.ts";
import type { Correlation, Line } from "./correlation.ts";
import { termTable } from "./term_table.ts";

const tileKernel = kernel("conv2d", tileWgsl);
const packKernel = kernel("conv2d_pack", packWgsl);
const PACKED_TERMS = 16; // of a workgroup, and as many channels

export interface CorrelationTensors {
  readonly x: Tensor;
  readonly w: Tensor;
  /** Added to each written channel; null adds nothing. */
  readonly b: Tensor | null;
  readonly y: Tensor;
}

const area = (c: Correlation, side: "source" | "plane" | "pixels") => c.rows[side] * c.columns[side];

/** Rows and columns of the matrix product, for all phases alike. */
function productSize(phases: readonly Correlation[]) {
  const { batch, groups, written } = phases[0]!;
  const pixels = Math.max(...phases.map((c) => area(c, "pixels")));
  return { rows: written, columns: batch * pixels, products: groups * phases.length };
}

export const tileByRule = (phases: readonly Correlation[]): Tile => chooseTile(productSize(phases));
export const tilesOf = (phases: readonly Correlation[]): Tile[] => tilesToTry(productSize(phases));

const isPoint = (l: Line) => l.taps === 1 && l.step === 1 && l.start === 0 && l.source === l.pixels;
const isWhole = (l: Line) => l.planeStart === 0 && l.planeStep === 1 && l.pixels === l.plane;

/** Return the constants of the kernel that depend on the layer: the accesses that bring or store four numbers. */
function accessSpec(phases: readonly Correlation[], masked: boolean) {
  const [c] = phases as [Correlation];
  const whole = phases.length === 1 && isWhole(c.rows) && isWhole(c.columns) && area(c, "plane") % 4 === 0;
  const points = masked && whole && isPoint(c.rows) && isPoint(c.columns);
  return {
    MASKED: masked,
    ...(points ? { WIDE_X: true, Source: "vec4<f32>" } : {}),
    ...(whole ? { WIDE_Y: true, Target: "vec4<f32>", target_of: "v" } : {}),
  };
}

/** Write the pixels of y that the phases name, in all channels. The phases differ in their lines only. */
export function correlateTile(phases: readonly Correlation[], tile: Tile, { x, w, b, y }: CorrelationTensors): void {
  const [c] = phases as [Correlation];
  const { table, terms, masked } = termTable(phases);
  const size = productSize(phases);
  const columnTiles = Math.ceil(size.columns / tile.columns);
  const quads = tile.rows / 4; // of a row tile
  const tileBytes = c.groups * Math.max(terms, 1) * tile.rows * 4;
  const most = Math.max(1, Math.floor(currentGpu().adapter.limits.maxStorageBufferBindingSize / tileBytes));
  const rowTiles = Math.ceil(c.written / tile.rows);
  for (let first = 0; first < rowTiles; first += most) {
    const part = Math.min(most, rowTiles - first);
    using packed = empty([Math.max((part * tileBytes) / 4, 4)]);
    const packedQuads = part * quads;
    const packing = {
      first_quad: first * quads,
      written: c.written,
      quads: packedQuads,
      tile_quads: quads,
      terms,
      groups: c.groups,
      first_term: 2 * phases.length,
      w_group: c.weightGroup,
      w_written: c.weightWritten,
    };
    const blocks = (terms / PACKED_TERMS) * Math.ceil((4 * packedQuads) / PACKED_TERMS) * c.groups;
    if (terms > 0) packKernel.run({ bind: { w, table, packed }, params: packing, grid: groups1d(blocks) });
    tileKernel.run({
      bind: { x, w: packed, b: b ?? w, table, y },
      params: {
        batch: c.batch,
        groups: c.groups,
        written: c.written,
        first_row: first * tile.rows,
        row_tiles: part,
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
      },
      spec: { ...tile.spec, ...accessSpec(phases, masked) },
      grid: groups1d(part * columnTiles * size.products),
    });
  }
}
