// Moves time to the front: a batch of recordings becomes one batch per time step.

import swapWgsl from "../../shaders/swap_leading.wgsl";
import { defineOp, expectActivations } from "../autograd/index.ts";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import type { Shape, Tensor } from "../tensor/index.ts";

const swapKernel = kernel("swap_leading", swapWgsl);

/** Items from one Item of an invocation to its next: the shader's workgroup size. */
const STRIDE = 64;

/** Compute y [b, a, inner] = x [a, b, inner] with its first two axes swapped. */
function swapLeading(x: Tensor, y: Tensor, a: number, b: number): void {
  const rowSize = x.numel / (a * b);
  const wide = rowSize % 4 === 0;
  const inner = wide ? rowSize / 4 : rowSize;
  // Distance in y after STRIDE Items: Items, rows and groups of rows.
  const rows = Math.floor(STRIDE / inner);
  swapKernel.run({
    bind: { x, y },
    params: { n: a * b * inner, a, b, inner, step: [STRIDE % inner, rows % a, Math.floor(rows / a)] },
    spec: { Item: wide ? `vec4<${x.dtype}>` : x.dtype },
    grid: grid1d(a * b * inner),
  });
}

interface Layout {
  readonly batch: number;
  readonly steps: number;
  readonly shape: Shape;
}

function layoutOf(x: Tensor, timeSteps: number | undefined): Layout {
  const [batch, second, ...rest] = x.shape;
  if (batch === undefined || second === undefined)
    throw new OpError("timeMajor", "x: expected [N, T, ...], or [N, T*C, ...] with timeSteps", { x });
  if (timeSteps === undefined) return { batch, steps: second, shape: [second, batch, ...rest] };
  if (!Number.isInteger(timeSteps) || timeSteps < 1 || second % timeSteps !== 0)
    throw new OpError("timeMajor", `timeSteps: expected a divisor of x's second axis, got ${timeSteps}`, { x });
  return { batch, steps: timeSteps, shape: [timeSteps, batch, second / timeSteps, ...rest] };
}

/**
 * Move the time axis to the front: [N, T, *] -> [T, N, *]; with `timeSteps` the second axis holds T times C channels, [N,
 * T*C, *] -> [T, N, C, *].
 *
 * Shapes    as above, for any T >= 1 and rank >= 2.
 * Backward  the inverse move of dy.
 * Errors    OpError when x has no second axis, or timeSteps does not divide it.
 */
export const timeMajor = defineOp({
  name: "timeMajor",
  options: ["timeSteps"],
  infer([x]: [x: Tensor], { timeSteps }: { readonly timeSteps?: number }) {
    expectActivations("timeMajor", { x });
    return { shape: layoutOf(x, timeSteps).shape, dtype: x.dtype };
  },
  forward(y, [x], { timeSteps }) {
    const { batch, steps } = layoutOf(x, timeSteps);
    swapLeading(x, y, batch, steps);
    return [];
  },
  backward(dy, _saved, { out }) {
    const [steps, batch] = dy.shape as [number, number];
    const dx = out(0);
    swapLeading(dy, dx, steps, batch);
    return [dx];
  },
});
