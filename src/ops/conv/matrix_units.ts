// Convolutions on the matrix units of a GPU, from tensors of f16 or f32. Loaded where the adapter has such units.

import gradWeightWgsl from "../../../shaders/conv2d_grad_weight_matrix.wgsl";
import matrixWgsl from "../../../shaders/conv2d_matrix.wgsl";
import packWgsl from "../../../shaders/conv2d_matrix_pack.wgsl";
import { currentGpu, grid1d, groups1d, kernel } from "../../gpu/index.ts";
import { empty } from "../../tensor/index.ts";
import { type MatrixTile, type ProductSize, rankMatrixTiles } from "../tuning/matrix_tile.ts";
import { type Correlation, forwardCorrelation, type Line } from "./correlation.ts";
import { octetTable } from "./octet_table.ts";
import type { ConvShape } from "./shape.ts";
import { type GradWeightTensors, sliceCount, sumSlices } from "./slices.ts";
import type { CorrelationTensors } from "./ways.ts";

const matrixKernel = kernel("conv2d_matrix", matrixWgsl);
const packKernel = kernel("conv2d_matrix_pack", packWgsl);
const gradWeightKernel = kernel("conv2d_grad_weight_matrix", gradWeightWgsl);
const WORKGROUPS_WANTED = 512; // enough to fill a large adapter

const area = (c: Correlation, side: "source" | "plane" | "pixels") => c.rows[side] * c.columns[side];

/** Matrices of a subgroup that leave registers for eight loads of single numbers an octet. */
const MOST_MATRICES_SINGLE = 8;

/** Return the tile that the rule chooses; null if the adapter runs none. */
function bestTile(size: ProductSize, most = Number.POSITIVE_INFINITY): MatrixTile | null {
  const matrices = ({ spec }: MatrixTile) => spec["MATRICES_M"]! * spec["MATRICES_N"]!;
  return rankMatrixTiles(currentGpu().adapter, size).find((tile) => matrices(tile) <= most) ?? null;
}

const isWhole = (l: Line) => l.planeStart === 0 && l.planeStep === 1 && l.pixels === l.plane;

/**
 * Write the pixels of y that the phases name, in all channels. Returns false if the adapter has no matrix units or the window
 * is too large.
 */
export function correlateMatrix(phases: readonly Correlation[], { x, w, b, y }: CorrelationTensors): boolean {
  const [c] = phases as [Correlation];
  const pixels = Math.max(...phases.map((phase) => area(phase, "pixels")));
  const tile = bestTile({ rows: c.written, columns: c.batch * pixels, products: c.groups * phases.length });
  const found = octetTable(phases);
  if (!tile || !found) return false;
  const { table, places, octets, byRow } = found;
  const rows = c.groups * c.written;
  using packed = empty([rows * octets * 8], "f16");
  packKernel.run({
    bind: { w, places, packed },
    params: { n: rows * octets, octets, written: c.written, w_group: c.weightGroup, w_written: c.weightWritten },
    grid: grid1d(rows * octets),
  });
  const rowTiles = Math.ceil(c.written / tile.rows);
  const columnTiles = Math.ceil((c.batch * pixels) / tile.columns);
  const whole = phases.length === 1 && isWhole(c.rows) && isWhole(c.columns) && area(c, "plane") % 4 === 0;
  matrixKernel.run({
    bind: { x, w: packed, b: b ?? w, table, y },
    params: {
      ...{ batch: c.batch, groups: c.groups, written: c.written, phases: phases.length, octets },
      ...{ row_tiles: rowTiles, column_tiles: columnTiles },
      ...{ x_group: c.reduced * area(c, "source"), y_width: c.columns.plane, y_plane: area(c, "plane") },
      source: [c.rows.source, c.columns.source],
      x_step: [c.rows.step, c.columns.step],
      spread: [c.rows.spread, c.columns.spread],
      y_step: [c.rows.planeStep, c.columns.planeStep],
      has_bias: b ? 1 : 0,
    },
    spec: {
      ...tile.spec,
      ...{ BY_ROW: byRow, Act: x.dtype },
      ...(whole ? { WIDE_Y: true, Y: `vec4<${y.dtype}>`, put: "y[at] = Y(v); return at;" } : { Y: y.dtype }),
    },
    grid: groups1d(rowTiles * columnTiles * c.groups * phases.length),
  });
  return true;
}

/** Compute dw. Returns false if the adapter has no matrix units or the window is too large. */
export function matrixGradWeight(s: ConvShape, { dw, x, dy }: GradWeightTensors): boolean {
  const c = forwardCorrelation(s);
  const found = octetTable([c]);
  if (!found) return false;
  const { table, places, octets, byRow } = found;
  const plane = area(c, "pixels");
  const wide = dy.dtype === "f16" && plane % 8 === 0;
  const size = { rows: c.written, columns: 8 * octets, products: c.groups };
  const tile = bestTile(size, wide ? undefined : MOST_MATRICES_SINGLE);
  if (!tile) return false;
  const depth = tile.spec["DEPTH"]!;
  const pixels = c.batch * plane;
  const rowTiles = Math.ceil(c.written / tile.rows);
  const columnTiles = Math.ceil((8 * octets) / tile.columns);
  const stages = Math.ceil(pixels / depth);
  const items = rowTiles * columnTiles * c.groups;
  const slice = Math.ceil(stages / sliceCount(stages, depth, items, WORKGROUPS_WANTED, dw.bytes)) * depth;
  const slices = Math.ceil(pixels / slice);
  sumSlices(dw, slices, (partial) => {
    gradWeightKernel.run({
      bind: { x, dy, table, places, dw: partial },
      params: {
        ...{ batch: c.batch, groups: c.groups, written: c.written, phases: 1, slice, slices, dw_size: dw.numel },
        ...{ row_tiles: rowTiles, column_tiles: columnTiles },
        ...{ x_group: c.reduced * area(c, "source"), w_group: c.weightGroup, w_written: c.weightWritten },
        source: [c.rows.source, c.columns.source],
        x_step: [c.rows.step, c.columns.step],
        spread: [c.rows.spread, c.columns.spread],
        stage: [
          Math.floor(depth / plane),
          Math.floor((depth % plane) / c.columns.pixels),
          (depth % plane) % c.columns.pixels,
        ],
      },
      spec: {
        ...tile.spec,
        ...{ BY_ROW: byRow, Act: x.dtype },
        ...(wide ? { Dy: "vec4<u32>", DY_WIDTH: 8, A_LINES: false, dy_octet: "dy[at]" } : { Dy: dy.dtype }),
      },
      grid: groups1d(items * slices),
    });
  });
  return true;
}
