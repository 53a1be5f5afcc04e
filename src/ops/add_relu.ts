// The end of a residual block without batch norm: sum and ReLU in one pass.
import { defineOp, expectActivations, outputLike } from "../autograd/index.ts";
import { OpError } from "../gpu/index.ts";
import { sameShape, type Tensor } from "../tensor/index.ts";
import { runBinary, runBinaryGrad } from "./binary.ts";

/** relu_of of lib/nonfinite.wgsl, of four sums. */
const F = "select(u + v, vec4(0.0), (bitcast<vec4<u32>>(u + v) ^ vec4(0x80000000u)) <= vec4(0x7f800000u))";
const DF = "select(vec4(0.0), vec4(1.0), (u + v > vec4(0.0)) | is_nan4(u + v))";

/**
 * Compute relu(x + residual) in one pass. The bits are those of `relu(add(x, residual))` in f32; in f16 the sum is not rounded before.
 *
 * Shapes    x, residual [*] -> y [*].
 * Backward  dy where y is above 0 or NaN, else 0, to both.
 * Errors    OpError when the shapes differ or an input is not f32 or f16.
 * Source    He et al. 2015, "Deep residual learning for image recognition".
 */
export const addRelu = defineOp({
  name: "addRelu",
  options: [],
  infer([x, residual]: [x: Tensor, residual: Tensor], _options: object) {
    expectActivations("addRelu", { x, residual });
    if (!sameShape(x.shape, residual.shape))
      throw new OpError("addRelu", "expected x and residual of one shape", { x, residual });
    return outputLike(x);
  },
  forward(y, [x, residual]) {
    runBinary("addRelu", F, x, residual, y);
    return [x, residual];
  },
  backward(dy, [x, residual], { needs, out }) {
    return [0, 1].map((input) => {
      if (!needs[input]) return null;
      const dx = out(input);
      runBinaryGrad("addRelu", DF, [x!, residual!], dy, dx, true);
      return dx;
    });
  },
});
