// Softmax and log-softmax along one axis.

import forwardWgsl from "../../shaders/softmax.wgsl";
import backwardWgsl from "../../shaders/softmax_grad.wgsl";
import { defineOp, expectFloat, lanesFor, outputLike } from "../autograd/index.ts";
import { kernel } from "../gpu/index.ts";
import { normalizeAxis, type Shape, type Tensor } from "../tensor/index.ts";

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
      expectFloat(name, { x });
      normalizeAxis(name, axis, x.shape.length);
      return outputLike(x);
    },
    forward(y, [x], { axis = -1 }) {
      const params = rowsOf(name, x.shape, axis);
      const { spec, grid } = lanesFor(params.length, params.rows);
      forwardKernel.run({ bind: { x, y }, params, spec: { LOG, ...spec }, grid });
      return [y];
    },
    backward(dy, [y], { options: { axis = -1 }, out }) {
      const params = rowsOf(name, y.shape, axis);
      const dx = out(0);
      const { spec, grid } = lanesFor(params.length, params.rows);
      backwardKernel.run({ bind: { y, dy, dx }, params, spec: { LOG, ...spec }, grid });
      return [dx];
    },
  });
}

/**
 * Softmax: e^x / Σ e^x along an axis (default the last), the maximum subtracted first so that nothing overflows.
 *
 * Shapes    x [*] -> y [*].
 * Backward  dx = y (dy - Σ dy y).
 */
export const softmax = define("softmax", false);

/** log(softmax(x)) along an axis, without the rounding of a logarithm afterwards. */
export const logSoftmax = define("logSoftmax", true);
