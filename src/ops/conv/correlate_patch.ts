// Correlations on software adapters: a team keeps a patch of pixels in registers. Loaded where the adapter is one.
import broadcastWgsl from "../../../shaders/conv2d_broadcast.wgsl";
import plainWgsl from "../../../shaders/conv2d_plain.wgsl";
import { currentGpu, grid1d, kernel } from "../../gpu/index.ts";
import { actSpec } from "../../tensor/index.ts";
import { type Correlation, correlationParams } from "./correlation.ts";
import { type PatchSpec, patchSpec } from "./tiles.ts";
import type { CorrelationTensors, Way } from "./ways.ts";

const kernels = {
  broadcast: kernel("conv2d_broadcast", broadcastWgsl),
  plain: kernel("conv2d_plain", plainWgsl),
};

/** Sums per invocation of a broadcast kernel that leaves room for more invocations at a time. */
const FEW_SUMS = 16;

function runPatch(
  c: Correlation,
  algorithm: "broadcast" | "plain",
  spec: PatchSpec,
  { x, w, b, y }: CorrelationTensors,
): void {
  const blocks = Math.ceil(c.rows.pixels / spec.PY) * Math.ceil(c.columns.pixels / spec.PX);
  const teams = c.batch * c.groups * blocks * Math.ceil(c.written / (spec.OB * spec.S));
  const params = correlationParams(c, b !== null);
  kernels[algorithm].run({
    bind: { x, w, b: b ?? w, y },
    params,
    spec: { ...spec, ...actSpec(x) },
    grid: grid1d(teams * spec.S),
  });
}

/** Return the ways by this kernel, the rule's first. None if the window is too large to unroll. */
export function patchWays(c: Correlation, algorithm: "broadcast" | "plain"): Way[] {
  const lanes = algorithm === "broadcast" ? currentGpu().adapter.subgroupSize : 1;
  return [patchSpec(c, lanes), patchSpec(c, lanes, FEW_SUMS)].flatMap((spec) =>
    spec
      ? {
          label: `${algorithm} ${spec.OB}x${spec.PY}x${spec.PX}`,
          run: (tensors) => runPatch(c, algorithm, spec, tensors),
        }
      : [],
  );
}
