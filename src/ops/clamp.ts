// Limits each element to a range.

import forwardWgsl from "../../shaders/clamp.wgsl";
import backwardWgsl from "../../shaders/clamp_grad.wgsl";
import { defineOp, expectActivations, outputLike } from "../autograd/index.ts";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import { actSpec, type Tensor } from "../tensor/index.ts";
import { vec4 } from "./pointwise/vec4.ts";

const forwardKernel = kernel("clamp", forwardWgsl);
const backwardKernel = kernel("clamp_grad", backwardWgsl);

/** Options of `clamp`. */
export interface ClampOptions {
  /** Lower bound. Absent: none. */
  readonly min?: number | undefined;
  /** Upper bound. Absent: none. If it is below `min`, every result is `max`. */
  readonly max?: number | undefined;
}

/** Return the rest of a dispatch over x. */
const dispatchOf = (x: Tensor, { min, max }: ClampOptions) => ({
  params: { n: x.numel, low: min ?? 0, high: max ?? 0 },
  spec: { HAS_LOW: min !== undefined, HAS_HIGH: max !== undefined, ...actSpec(x) },
  grid: grid1d(x.numel),
});

/**
 * Limit each element to [min, max]: y = min(max(x, options.min), options.max). NaN stays NaN.
 *
 * Shapes    x [*] -> y [*].
 * Backward  dx = dy for min <= x <= max, ends included, else 0.
 * Errors    OpError if x is not f32 or f16, both bounds are absent, or a bound is not a finite number.
 * Capture   the bounds are part of the recording. For a bound that changes between steps, use `maximum` or `minimum` with a
 *           scalar tensor.
 * @example
 * const x = tensor([-2, 0.5, 3]);
 * console.log(await clamp(x, { min: 0, max: 1 }).data()); // 0, 0.5, 1
 */
export const clamp = defineOp({
  name: "clamp",
  options: ["min", "max"],
  infer([x]: [x: Tensor], { min, max }: ClampOptions) {
    expectActivations("clamp", { x });
    if (min === undefined && max === undefined) throw new OpError("clamp", "expected min, max or both, got none");
    for (const [name, bound] of Object.entries({ min, max }))
      if (bound !== undefined && !Number.isFinite(bound))
        throw new OpError("clamp", `${name}: expected a finite number, got ${bound}`);
    return outputLike(x);
  },
  forward(y, [x], options) {
    forwardKernel.run({ bind: { x: vec4(x), result: vec4(y) }, ...dispatchOf(x, options) });
    return [x];
  },
  backward(dy, [x], { options, out }) {
    const dx = out(0);
    backwardKernel.run({ bind: { x: vec4(x), dy: vec4(dy), result: vec4(dx) }, ...dispatchOf(x, options) });
    return [dx];
  },
});
