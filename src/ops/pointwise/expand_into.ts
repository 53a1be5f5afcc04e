// The dispatch that repeats a tensor along axes of size 1.
import forwardWgsl from "../../../shaders/expand.wgsl";
import { grid1d, kernel } from "../../gpu/index.ts";
import { actSpec, type Tensor } from "../../tensor/index.ts";
import { broadcastPlan } from "./broadcast_plan.ts";
import { vec4 } from "./vec4.ts";

const forwardKernel = kernel("expand", forwardWgsl);

/** Write y = x · scale, repeated to the shape of y. */
export function expandInto(y: Tensor, x: Tensor, scale: number): void {
  const { params, spec, wide } = broadcastPlan("expand", x.shape, y.shape, y.shape);
  // Few quads an invocation: each is located by divisions, and written out.
  const kinds = spec.ROWS ? { WIDE: wide.a, ITEMS_PER_INVOCATION: 8 } : { ITEMS_PER_INVOCATION: 4 };
  const bind = { x: vec4(x), result: vec4(y) };
  const all = { ...spec, ...kinds, ...actSpec(x) };
  forwardKernel.run({ bind, params: { ...params, scale }, spec: all, grid: grid1d(y.numel) });
}
