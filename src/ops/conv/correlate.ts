// Runs one correlation: the forward pass, or one phase of the input gradient.

import tileWgsl from "../../../shaders/conv2d.wgsl";
import broadcastWgsl from "../../../shaders/conv2d_broadcast.wgsl";
import plainWgsl from "../../../shaders/conv2d_plain.wgsl";
import { currentGpu, grid1d, kernel } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { chooseEach } from "./choose.ts";
import { type Correlation, correlationParams } from "./correlation.ts";
import type { TiledAlgorithm } from "./shape.ts";
import { patchSpec } from "./tiles.ts";

const tileKernel = kernel("conv2d", tileWgsl);
const broadcastKernel = kernel("conv2d_broadcast", broadcastWgsl);
const plainKernel = kernel("conv2d_plain", plainWgsl);
// Written channels and pixels (of the others: invocations) per workgroup, as in the shaders.
const TILE_ROWS = 4; // times EACH
const TILE_COLUMNS = 64;
const LANES = 64;

export interface CorrelationTensors {
  readonly x: Tensor;
  readonly w: Tensor;
  /** Added to each written channel; null adds nothing. */
  readonly b: Tensor | null;
  readonly y: Tensor;
}

/** Writes the pixels of y that the correlation names, all channels of them. */
export function correlate(c: Correlation, algorithm: TiledAlgorithm, { x, w, b, y }: CorrelationTensors): void {
  const bind = { x, w, b: b ?? w, y };
  const params = correlationParams(c, b !== null);
  const spec =
    algorithm === "tile" ? null : patchSpec(c, algorithm === "broadcast" ? currentGpu().adapter.subgroupSize : 1);
  if (spec) {
    const blocks = Math.ceil(c.rows.pixels / spec.PY) * Math.ceil(c.columns.pixels / spec.PX);
    const teams = c.batch * c.groups * blocks * Math.ceil(c.written / (spec.OB * spec.S));
    const groups = Math.ceil(teams / (LANES / spec.S));
    (algorithm === "broadcast" ? broadcastKernel : plainKernel).run({ bind, params, spec, grid: grid1d(groups, 1) });
  } else {
    const each = chooseEach(c.written, TILE_ROWS, 8);
    const pixels = c.batch * c.rows.pixels * c.columns.pixels;
    const groups = Math.ceil(pixels / TILE_COLUMNS) * Math.ceil(c.written / (TILE_ROWS * each)) * c.groups;
    tileKernel.run({ bind, params, spec: { EACH: each }, grid: grid1d(groups, 1) });
  }
}
