// Local response normalisation across channels, as AlexNet uses it.

import forwardWgsl from "../../shaders/local_response_norm.wgsl";
import backwardWgsl from "../../shaders/local_response_norm_grad.wgsl";
import { defineOp, expectActivations, outputLike } from "../autograd/index.ts";
import { grid1d, kernel, OpError, type Spec } from "../gpu/index.ts";
import { actSpec, empty, type Tensor } from "../tensor/index.ts";

const forwardKernel = kernel("local_response_norm", forwardWgsl);
const backwardKernel = kernel("local_response_norm_grad", backwardWgsl);

/** Options of `localResponseNorm`. */
export interface ResponseNormOptions {
  /** Channels in the window. */
  size: number;
  /** Divided by the size, as frameworks do; the AlexNet paper does not. Default 1e-4. */
  alpha?: number;
  /** Default 0.75. */
  beta?: number;
  /** Default 1. */
  k?: number;
}

function runParts(x: Tensor, { size, alpha = 1e-4, beta = 0.75, k = 1 }: ResponseNormOptions) {
  const channels = x.shape[1]!;
  const area = x.numel / (x.shape[0]! * channels);
  const width = area % 4 === 0 ? 4 : 1;
  const n = x.numel / width;
  const types: Spec = width === 4 ? { Item: "vec4<f32>", Stored: "vec4<Act>" } : {};
  return {
    params: { n, channels, area: area / width, size, alpha, beta, k },
    spec: { ...actSpec(x), ...types },
    grid: grid1d(n),
  };
}

/**
 * Divide by the sum of squares over neighbouring channels: y_c = x_c / (k + alpha/size · Σ_j x_j²)^beta, j from c - size/2 to
 * c + (size-1)/2, channels outside counting as 0.
 *
 * Shapes    x [N,C,...] -> y [N,C,...].
 * Backward  through x and through the sums of all windows that hold it.
 * Errors    OpError for fewer than two axes, unless size is an integer >= 1, k > 0, alpha >= 0 and beta finite.
 * Source    Krizhevsky et al. 2012.
 */
export const localResponseNorm = defineOp({
  name: "localResponseNorm",
  options: ["size", "alpha", "beta", "k"],
  infer([x]: [x: Tensor], { size, alpha = 1e-4, beta = 0.75, k = 1 }: ResponseNormOptions) {
    expectActivations("localResponseNorm", { x });
    if (x.shape.length < 2) throw new OpError("localResponseNorm", "x: expected at least [N, C]", { x });
    if (!Number.isInteger(size) || size < 1)
      throw new OpError("localResponseNorm", `size: expected an integer >= 1, got ${size}`, { x });
    if (!(k > 0)) throw new OpError("localResponseNorm", `k: expected a number > 0, got ${k}`, { x });
    // With k > 0 and alpha >= 0 the base of the power is positive.
    if (!(alpha >= 0)) throw new OpError("localResponseNorm", `alpha: expected a number >= 0, got ${alpha}`, { x });
    if (!Number.isFinite(beta))
      throw new OpError("localResponseNorm", `beta: expected a finite number, got ${beta}`, { x });
    return outputLike(x);
  },
  forward(y, [x], options) {
    const scale = empty(x.shape);
    const { params, spec, grid } = runParts(x, options);
    const wide: Spec = "Item" in spec ? { carried_item: "carried4(result, v)" } : {};
    forwardKernel.run({ bind: { x, y, scale }, params, spec: { ...spec, ...wide }, grid });
    return [x, scale];
  },
  backward(dy, [x, scale], { options, out }) {
    const dx = out(0);
    backwardKernel.run({ bind: { x, scale, dy, dx }, ...runParts(x, options) });
    return [dx];
  },
});
