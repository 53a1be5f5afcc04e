// Correlations on software adapters: a team keeps a patch of pixels in registers. Loaded where the adapter is one.
import broadcastWgsl from "../../../shaders/conv2d_broadcast.wgsl";
import plainWgsl from "../../../shaders/conv2d_plain.wgsl";
import { currentGpu, grid1d, kernel } from "../../gpu/index.ts";
import { type Correlation, correlationParams } from "./correlation.ts";
import type { CorrelationTensors } from "./tile.ts";
import { patchSpec } from "./tiles.ts";

const broadcastKernel = kernel("conv2d_broadcast", broadcastWgsl);
const plainKernel = kernel("conv2d_plain", plainWgsl);

/** Run the "broadcast" or "plain" kernel. Returns false if the window is too large to unroll. */
export function correlatePatch(
  c: Correlation,
  algorithm: "broadcast" | "plain",
  { x, w, b, y }: CorrelationTensors,
): boolean {
  const spec = patchSpec(c, algorithm === "broadcast" ? currentGpu().adapter.subgroupSize : 1);
  if (!spec) return false;
  const blocks = Math.ceil(c.rows.pixels / spec.PY) * Math.ceil(c.columns.pixels / spec.PX);
  const teams = c.batch * c.groups * blocks * Math.ceil(c.written / (spec.OB * spec.S));
  const params = correlationParams(c, b !== null);
  const run = { bind: { x, w, b: b ?? w, y }, params, spec, grid: grid1d(teams * spec.S) };
  (algorithm === "broadcast" ? broadcastKernel : plainKernel).run(run);
  return true;
}
