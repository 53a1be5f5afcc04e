// Softmax and log-softmax along one axis.

import forwardWgsl from "../../shaders/softmax.wgsl";
import backwardWgsl from "../../shaders/softmax_grad.wgsl";
import { defineOp, expectActivations, lanesFor, outputLike } from "../autograd/index.ts";
import { kernel } from "../gpu/index.ts";
import { actSpec, normalizeAxis, type Shape, type Tensor } from "../tensor/index.ts";

const forwardKernel = kernel("softmax", forwardWgsl);
const backwardKernel = kernel("softmax_grad", backwardWgsl);

function rowsOf(name: string, shape: Shape, axis: number): { rows: number; length: number; inner: number } {
  const at = normalizeAxis(name, axis, shape.length);
  const length = shape[at]!;
  const inner = shape.slice(at + 1).reduce((a, b) => a * b, 1);
  return { rows: shape.reduce((a, b) => a * b, 1) / length, length, inner };
}

function define(name: string, LOG: boolean) {
  return defineOp({
    name,
    options: ["axis"],
    infer([x]: [x: Tensor], { axis = -1 }: { axis?: number }) {
      expectActivations(name, { x });
      normalizeAxis(name, axis, x.shape.length);
      return outputLike(x);
    },
    forward(y, [x], { axis = -1 }) {
      const params = rowsOf(name, x.shape, axis);
      const { spec, grid } = lanesFor(params.length, params.rows);
      forwardKernel.run({ bind: { x, y }, params, spec: { LOG, ...spec, ...actSpec(x) }, grid });
      return [y];
    },
    backward(dy, [y], { options: { axis = -1 }, out }) {
      const params = rowsOf(name, y.shape, axis);
      const dx = out(0);
      const { spec, grid } = lanesFor(params.length, params.rows);
      backwardKernel.run({ bind: { y, dy, dx }, params, spec: { LOG, ...spec, ...actSpec(y) }, grid });
      return [dx];
    },
  });
}

/**
 * Compute e^x / Σ e^x along an axis (default the last), the maximum subtracted first so that nothing overflows.
 *
 * Shapes    x [*] -> y [*].
 * Backward  dx = y (dy - Σ dy y).
 * Errors    OpError if x is not f32 or f16, or for an axis out of range.
 * @example
 * console.log(await softmax(tensor([1, 2, 3])).data()); // 0.09, 0.2447, 0.6652
 */
export const softmax = define("softmax", false);

/**
 * Compute log(softmax(x)) along an axis (default the last), without the rounding of a logarithm afterwards.
 *
 * Shapes    x [*] -> y [*].
 * Errors    OpError if x is not f32 or f16, or for an axis out of range.
 */
export const logSoftmax = define("logSoftmax", true);
