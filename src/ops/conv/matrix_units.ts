// Convolutions on the matrix units of a GPU, from tensors of f16 or f32. Loaded where the adapter has such units.

import gradWeightWgsl from "../../../shaders/conv2d_grad_weight_matrix.wgsl";
import matrixWgsl from "../../../shaders/conv2d_matrix.wgsl";
import packWgsl from "../../../shaders/conv2d_matrix_pack.wgsl";
import { currentGpu, grid1d, groups1d, kernel, type Trial, tuneClass } from "../../gpu/index.ts";
import { empty, type Tensor } from "../../tensor/index.ts";
import { type MatrixTile, rankMatrixTiles } from "../tuning/matrix_tile.ts";
import { disposeAll, trialTensor } from "../tuning/trial_tensor.ts";
import { type Correlation, forwardCorrelation, type Line } from "./correlation.ts";
import { type OctetTable, octetTable } from "./octet_table.ts";
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
/** Most tiles that the tuner tries: each is compiled. */
const TILES_TRIED = 4;

/** A product on matrix units: its key and work for the tuner, and operands for a trial. */
interface Choice {
  readonly key: string;
  readonly work: number;
  readonly bytes: number;
  readonly tiles: readonly MatrixTile[];
  run(tile: MatrixTile): void;
  trial(): Trial<MatrixTile>;
}

/** Run the tile of the rule, or with `tuned` the one that the tuner chooses. Returns false if there is none. */
function runBest({ tiles, run, ...choice }: Choice, tuned: boolean): boolean {
  const [rule, ...others] = tiles.slice(0, TILES_TRIED);
  if (!rule) return false;
  const { tuner } = currentGpu();
  run(tuned && tuner.active ? tuner.pick<MatrixTile>({ ...choice, rule: () => rule, others: () => others }) : rule);
  return true;
}

/** Return the key of a correlation: its sizes, and the class of its pixels. */
function keyOf(what: string, phases: readonly Correlation[], dtypes: readonly string[]): string {
  const line = ({ taps, step, spread }: Line) => [taps, step, spread].join();
  const { batch, groups, reduced, written, rows, columns } = phases[0]!;
  const lines = phases.map((c) => `${line(c.rows)} ${line(c.columns)}`);
  const pixels = tuneClass(batch * rows.pixels * columns.pixels);
  return `${what} by matrix units ${[groups, reduced, written]} pixels ${pixels} ${lines.join(" ")} ${dtypes.join(" ")}`;
}

/** Multiply-adds of all phases. */
function workOf(phases: readonly Correlation[]): number {
  return phases.reduce((sum, c) => {
    return sum + c.batch * c.groups * c.reduced * c.written * area(c, "pixels") * c.rows.taps * c.columns.taps;
  }, 0);
}

const isWhole = (l: Line) => l.planeStart === 0 && l.planeStep === 1 && l.pixels === l.plane;

/**
 * Write the pixels of y that the phases name, in all channels. Returns false if the adapter has no matrix units or the window
 * is too large.
 */
export function correlateMatrix(phases: readonly Correlation[], tensors: CorrelationTensors, tuned = false): boolean {
  const found = octetTable(phases);
  if (!found) return false;
  const [c] = phases as [Correlation];
  const { x, w, y } = tensors;
  const pixels = Math.max(...phases.map((phase) => area(phase, "pixels")));
  const size = { rows: c.written, columns: c.batch * pixels, products: c.groups * phases.length };
  const choice: Choice = {
    key: keyOf("correlation", phases, [x.dtype, y.dtype]),
    work: workOf(phases),
    bytes: x.bytes + w.bytes + y.bytes,
    tiles: rankMatrixTiles(currentGpu().adapter, size, 1),
    run: (tile) => correlateBy(phases, tile, found, tensors),
    trial() {
      const like = (t: Tensor) => trialTensor(t.numel, t.dtype);
      const operands = { x: like(x), w: like(w), b: null, y: like(y) };
      return {
        run: (tile) => correlateBy(phases, tile, found, operands),
        dispose: () => disposeAll(operands),
      };
    },
  };
  return runBest(choice, tuned);
}

function correlateBy(
  phases: readonly Correlation[],
  tile: MatrixTile,
  { table, places, octets, byRow }: OctetTable,
  { x, w, b, y }: CorrelationTensors,
): void {
  const [c] = phases as [Correlation];
  const pixels = Math.max(...phases.map((phase) => area(phase, "pixels")));
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
}

/** Return true if eight pixels in a row are an octet of dy. */
const hasWide = (dy: Tensor, c: Correlation): boolean => dy.dtype === "f16" && area(c, "pixels") % 8 === 0;

/** Compute dw. Returns false if the adapter has no matrix units or the window is too large. */
export function matrixGradWeight(s: ConvShape, tensors: GradWeightTensors, tuned = false): boolean {
  const c = forwardCorrelation(s);
  const found = octetTable([c]);
  if (!found) return false;
  const { dw, x, dy } = tensors;
  const most = hasWide(dy, c) ? Number.POSITIVE_INFINITY : MOST_MATRICES_SINGLE;
  const size = { rows: c.written, columns: 8 * found.octets, products: c.groups };
  const choice: Choice = {
    key: keyOf("weight gradient", [c], [x.dtype, dy.dtype]),
    work: workOf([c]),
    bytes: x.bytes + dy.bytes + dw.bytes,
    tiles: rankMatrixTiles(currentGpu().adapter, size, c.batch * area(c, "pixels")).filter(
      ({ spec }) => spec["MATRICES_M"]! * spec["MATRICES_N"]! <= most,
    ),
    run: (tile) => gradWeightBy(c, tile, found, tensors),
    trial() {
      const like = (t: Tensor) => trialTensor(t.numel, t.dtype);
      const operands = { dw: like(dw), x: like(x), dy: like(dy) };
      return { run: (tile) => gradWeightBy(c, tile, found, operands), dispose: () => disposeAll(operands) };
    },
  };
  return runBest(choice, tuned);
}

function gradWeightBy(
  c: Correlation,
  tile: MatrixTile,
  { table, places, octets, byRow }: OctetTable,
  { dw, x, dy }: GradWeightTensors,
): void {
  const wide = hasWide(dy, c);
  const depth = tile.spec["DEPTH"]!;
  const plane = area(c, "pixels");
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
}
