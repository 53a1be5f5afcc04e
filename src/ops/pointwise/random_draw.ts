// Shared parts of ops that draw on the GPU from a counter.
import { computeOnce, defineOp, expectActivations, expectScalar, outputLike } from "../../autograd/index.ts";
import { OpError } from "../../gpu/index.ts";
import { clone, type Tensor } from "../../tensor/index.ts";

/** Options of `dropout`. */
export interface DropoutOptions {
  /** Probability of zeroing an element. */
  p: number;
  /** An integer from 0 to 2^53 - 1. */
  seed: number;
  /** Index of the layer among those that draw, u32. */
  stream: number;
  /** Index of the training step on the GPU, [] u32. A replayed step draws a new mask when it has advanced. */
  step: Tensor;
}

/** Return 1 / (1 - p). At p = 1 everything is zeroed, and the scale is 0 instead of infinite. */
export function scaleFor(p: number): number {
  return p < 1 ? 1 / (1 - p) : 0;
}

export function checkP(op: string, p: number): void {
  if (!(p >= 0 && p <= 1)) throw new OpError(op, `p: expected 0 <= p <= 1, got ${p}`);
}

/** Throw OpError if seed or stream is out of range or the step is no u32 scalar. */
export function expectDraw(op: string, { seed, stream, step }: Omit<DropoutOptions, "p">): void {
  if (!Number.isSafeInteger(seed) || seed < 0)
    throw new OpError(op, `seed: expected an integer from 0 to 2^53 - 1, got ${seed}`);
  if (stream !== stream >>> 0) throw new OpError(op, `stream: expected a u32, got ${stream}`);
  expectScalar(op, { step });
  if (step.dtype !== "u32") throw new OpError(op, `step: expected u32, got ${step.dtype}`, { step });
}

/** Return a draw as its kernel's Params. */
export const drawParams = ({ p, seed, stream }: Omit<DropoutOptions, "step">) => ({
  seed: [seed >>> 0, Math.floor(seed / 2 ** 32)],
  layer: stream,
  p,
  scale: scaleFor(p),
});

/**
 * Define an op that zeroes random elements. `draw` writes y from x; backward calls it again with dy and dx, so that the mask is
 * drawn twice instead of saved.
 */
export function defineDraw(
  name: string,
  draw: (x: Tensor, y: Tensor, step: Tensor, options: DropoutOptions) => void,
  check: (x: Tensor) => void = () => {},
) {
  return defineOp({
    name,
    options: ["p", "seed", "stream", "step"],
    infer([x]: [x: Tensor], options: DropoutOptions) {
      expectActivations(name, { x });
      check(x);
      checkP(name, options.p);
      expectDraw(name, options);
      return outputLike(x);
    },
    forward(y, [x], options) {
      // The host may advance the step before backward runs: save this one, also for a checkpoint's second run.
      const step = computeOnce(() => clone(options.step));
      draw(x, y, step, options);
      return [step];
    },
    backward(dy, [step], { options, out }) {
      const dx = out(0);
      draw(dy, dx, step, options);
      return [dx];
    },
  });
}
