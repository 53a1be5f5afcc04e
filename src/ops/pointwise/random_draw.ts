// Shared parts of ops that draw on the GPU from a counter.
import { expectScalar } from "../../autograd/index.ts";
import { OpError } from "../../gpu/index.ts";
import type { DropoutOptions } from "../dropout.ts";

/** Return 1 / (1 - p). At p = 1 everything is zeroed, and the scale is 0 instead of infinite. */
export function scaleFor(p: number): number {
  return p < 1 ? 1 / (1 - p) : 0;
}

export function checkP(op: string, p: number): void {
  if (!(p >= 0 && p <= 1)) throw new OpError(op, `p: expected 0 <= p <= 1, got ${p}`);
}

/** Throw OpError if p is outside 0..1, seed or stream is out of range or the step is no u32 scalar. */
export function expectDraw(op: string, { p, seed, stream, step }: DropoutOptions): void {
  checkP(op, p);
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
