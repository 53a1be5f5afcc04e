// Comparisons of two tensors, or of a tensor and a number: 1 where they hold, else 0.
import forwardWgsl from "../../shaders/binary.wgsl";
import { defineOp } from "../autograd/index.ts";
import { kernel, OpError } from "../gpu/index.ts";
import { broadcastShapes, type Tensor } from "../tensor/index.ts";
import { expectOperands, runPair } from "./pointwise/arithmetic.ts";
import { withNumbers } from "./pointwise/numbers.ts";

const forwardKernel = kernel("binary", forwardWgsl);

/** Compilers may negate the opposite comparison, which is wrong for NaN. */
const NO_NAN = "!is_nan4(u) & !is_nan4(v)";

function comparison(name: string, condition: string) {
  const f = `select(vec4(0.0), vec4(1.0), ${condition})`;
  const op = defineOp({
    name,
    options: [],
    infer([a, b]: [a: Tensor, b: Tensor], _options: object) {
      if (!a || !b) throw new OpError(name, "expected two tensors, or a tensor and a number");
      expectOperands(name, a, b);
      return { shape: broadcastShapes(name, a.shape, b.shape), dtype: "f32" };
    },
    forward(y, [a, b]) {
      runPair(forwardKernel, name, f, a, b, y);
      return [];
    },
  });
  return (a: Tensor | number, b: Tensor | number, options: object = {}): Tensor =>
    withNumbers(name, { a, b }, (...tensors) => op(...(tensors as [Tensor, Tensor]), options));
}

/**
 * Compare: 1 where a > b, else 0. A comparison with NaN is 0.
 *
 * Shapes    a, b broadcast -> y f32. One of them may be a number, which a captured step records. So for all functions here.
 * Backward  none.
 * Errors    OpError if a or b is not f32 or f16, the shapes do not broadcast, or a number is NaN or beyond f32.
 * @example
 * const x = tensor([-1, 0, 2]);
 * console.log(await where(gt(x, 0), x, 5).data()); // 5, 5, 2
 */
export const gt = comparison("gt", `${NO_NAN} & (u > v)`);
/** Compare: 1 where a >= b, else 0. See `gt`. */
export const ge = comparison("ge", `${NO_NAN} & (u >= v)`);
/** Compare: 1 where a < b, else 0. See `gt`. */
export const lt = comparison("lt", `${NO_NAN} & (u < v)`);
/** Compare: 1 where a <= b, else 0. See `gt`. */
export const le = comparison("le", `${NO_NAN} & (u <= v)`);
/** Compare: 1 where a equals b, else 0. See `gt`. */
export const eq = comparison("eq", `${NO_NAN} & (u == v)`);
/** Compare: 1 where a differs from b, also where one is NaN; else 0. See `gt`. */
export const ne = comparison("ne", "is_nan4(u) | is_nan4(v) | (u != v)");
