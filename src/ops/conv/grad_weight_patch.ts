// The weight gradient on software adapters: a team keeps the gradients of some channels and taps in registers. Loaded
// where the adapter is one.
import broadcastWgsl from "../../../shaders/conv2d_grad_weight_broadcast.wgsl";
import plainWgsl from "../../../shaders/conv2d_grad_weight_plain.wgsl";
import { currentGpu, grid1d, groups1d, kernel, type Spec } from "../../gpu/index.ts";
import type { DType } from "../../tensor/index.ts";
import { type ConvShape, definitionParams } from "./shape.ts";
import { type GradWeightTensors, sliceCount, sumSlices } from "./slices.ts";
import { gradWeightSpec } from "./tiles.ts";

const broadcastKernel = kernel("conv2d_grad_weight_broadcast", broadcastWgsl);
const plainKernel = kernel("conv2d_grad_weight_plain", plainWgsl);
const SUBGROUPS_WANTED = 48; // enough for the cores of an adapter, few enough for sum_to to add in one invocation each

/** Return the constants for the element type of x and dy. */
function typeSpec(dtype: DType, each: number): Spec {
  if (dtype === "f32") return {};
  return each === 4 ? { Act: dtype, Grads: `vec4<${dtype}>` } : { Act: dtype, Grads: dtype, from_dy: "vec4(f32(v))" };
}

/** Run the "broadcast" or "plain" kernel. Returns false if the window is too large to unroll. */
export function patchGradWeight(
  s: ConvShape,
  algorithm: "broadcast" | "plain",
  { dw, x, dy }: GradWeightTensors,
): boolean {
  const layout = gradWeightSpec(s, algorithm === "broadcast" ? currentGpu().adapter.subgroupSize : 1);
  if (!layout) return false;
  const spec = { ...layout, ...typeSpec(x.dtype, layout.GRADS) };
  const [reduced, written] = [s.channels / s.groups, s.outputs / s.groups];
  const tiles = s.batch * Math.ceil(s.rows.out / spec.PY) * Math.ceil(s.columns.out / spec.PX);
  const items = Math.ceil(written / (spec.OB * spec.S)) * Math.ceil(reduced / spec.CB) * s.groups;
  // A workgroup is one subgroup; without subgroups a workgroup holds 64 teams, eight of which run side by side.
  const wanted = algorithm === "broadcast" ? SUBGROUPS_WANTED : 8 * SUBGROUPS_WANTED;
  const slice = Math.ceil(tiles / sliceCount(tiles, spec.PY * spec.PX, items, wanted, dw.bytes));
  const slices = Math.ceil(tiles / slice);
  sumSlices(dw, slices, (partial) => {
    const params = { ...definitionParams(s), slices, slice };
    const bind = { x, dy, dw: partial };
    if (algorithm === "broadcast") broadcastKernel.run({ bind, params, spec, grid: groups1d(items * slices) });
    else plainKernel.run({ bind, params, spec, grid: grid1d(items * slices) });
  });
  return true;
}
