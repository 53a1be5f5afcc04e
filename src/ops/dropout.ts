// Dropout, with its mask drawn on the GPU from a counter or given.
import forwardWgsl from "../../shaders/dropout.wgsl";
import { defineOp, expectFloat, expectScalar, like, noGrad } from "../autograd/index.ts";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import { copyInto, emptyLike, type Tensor } from "../tensor/index.ts";
import { mul } from "./binary.ts";
import { expand } from "./expand.ts";

const forwardKernel = kernel("dropout", forwardWgsl);

export interface DropoutOptions {
  /** Probability of zeroing an element. */
  p: number;
  /** u32. */
  seed: number;
  /** Number of the layer among those that draw, u32. */
  stream: number;
  /** Number of the training step on the GPU, [] u32: a replayed step draws a new mask when it has moved. */
  step: Tensor;
}

function checkP(op: string, p: number): void {
  if (!(p >= 0 && p <= 1)) throw new OpError(op, `p wants 0 <= p <= 1, was given ${p}`);
}

function apply(x: Tensor, y: Tensor, step: Tensor, { p, seed, stream }: DropoutOptions): void {
  // p = 1 keeps nothing; the scale is then never used.
  const scale = p < 1 ? 1 / (1 - p) : 0;
  forwardKernel.run({
    bind: { x, step, y },
    params: { n: x.numel, seed, stream, p, scale },
    grid: grid1d(x.numel, 256),
  });
}

/**
 * Zeroes each element with probability p and scales the rest by 1/(1-p).
 *
 * Shapes    x [*] -> y [*].
 * Backward  dx = dy with the same mask, drawn again.
 * Errors    OpError when p is outside 0..1 or seed or stream is no u32.
 * Source    Srivastava et al. 2014; Philox4x32-10 of Salmon et al. 2011.
 */
export const dropout = defineOp({
  name: "dropout",
  infer([x]: [x: Tensor], options: DropoutOptions) {
    expectFloat("dropout", { x });
    checkP("dropout", options.p);
    expectScalar("dropout", { step: options.step });
    for (const part of ["seed", "stream"] as const) {
      const v = options[part];
      if (!Number.isInteger(v) || v < 0 || v > 0xffffffff)
        throw new OpError("dropout", `${part} wants a u32, was given ${v}`);
    }
    return like(x);
  },
  forward(y, [x], options) {
    // The host may move the step before backward runs: remember which one this was.
    const step = emptyLike(options.step);
    copyInto(step, options.step);
    apply(x, y, step, options);
    return [step];
  },
  backward(dy, [step], { options, out }) {
    const dx = out(0);
    apply(dy, dx, step, options);
    return [dx];
  },
});

/**
 * y = x · mask / (1 - p) for a mask of zeros and ones.
 *
 * Shapes    x, mask [*] -> y [*].
 * Backward  dx = dy · mask / (1 - p); none to the mask.
 */
export const dropoutWithMask = defineOp({
  name: "dropoutWithMask",
  infer([x, mask]: [x: Tensor, mask: Tensor], { p }: { p: number }) {
    expectFloat("dropoutWithMask", { x, mask });
    checkP("dropoutWithMask", p);
    if (p === 1) throw new OpError("dropoutWithMask", "p = 1 leaves nothing to scale");
    if (x.numel !== mask.numel) throw new OpError("dropoutWithMask", "the mask wants x's shape", { x, mask });
    return like(x);
  },
  forward(y, [x, mask], { p }) {
    copyInto(y, masked(x, mask, p));
    return [mask];
  },
  backward: (dy, [mask], { options: { p } }) => [masked(dy, mask, p), null],
});

function masked(x: Tensor, mask: Tensor, p: number): Tensor {
  return noGrad(() => expand(mul(x, mask), { shape: x.shape, scale: 1 / (1 - p) }));
}
