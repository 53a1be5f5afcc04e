// Runs one correlation: the forward pass, or one phase of the input gradient.

import tileWgsl from "../../../shaders/conv2d.wgsl";
import broadcastWgsl from "../../../shaders/conv2d_broadcast.wgsl";
import { grid1d, kernel } from "../../gpu/index.ts";
import type { Tensor } from "../../tensor/index.ts";
import { chooseEach } from "./choose.ts";
import { type Correlation, correlationParams } from "./correlation.ts";
import { broadcastSpec } from "./tiles.ts";

const tileKernel = kernel("conv2d", tileWgsl);
const broadcastKernel = kernel("conv2d_broadcast", broadcastWgsl);
// Written channels and pixels (of the second: invocations) per workgroup, as in the shaders.
const TILE_ROWS = 4; // times EACH
const TILE_COLUMNS = 64;
const BROADCAST_LANES = 64;

export interface CorrelationTensors {
  readonly x: Tensor;
  readonly w: Tensor;
  /** Added to each written channel; null adds nothing. */
  readonly b: Tensor | null;
  readonly y: Tensor;
}

/** Writes the pixels of y that the correlation names, all channels of them. */
export function correlate(c: Correlation, algorithm: "tile" | "broadcast", { x, w, b, y }: CorrelationTensors): void {
  const bind = { x, w, b: b ?? w, y };
  const params = correlationParams(c, b !== null);
  const spec = algorithm === "broadcast" ? broadcastSpec(c) : null;
  if (spec) {
    const blocks = Math.ceil(c.rows.pixels / spec.PY) * Math.ceil(c.columns.pixels / spec.PX);
    const subgroups = c.batch * c.groups * blocks * Math.ceil(c.written / (spec.OB * spec.S));
    const groups = Math.ceil(subgroups / (BROADCAST_LANES / spec.S));
    broadcastKernel.run({ bind, params, spec, grid: grid1d(groups, 1) });
  } else {
    const each = chooseEach(c.written, TILE_ROWS, 8);
    const pixels = c.batch * c.rows.pixels * c.columns.pixels;
    const groups = Math.ceil(pixels / TILE_COLUMNS) * Math.ceil(c.written / (TILE_ROWS * each)) * c.groups;
    tileKernel.run({ bind, params, spec: { EACH: each }, grid: grid1d(groups, 1) });
  }
}
