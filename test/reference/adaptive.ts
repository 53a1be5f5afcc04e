// Steps of Adam, AMSGrad, AdamW and RMSProp with soft thresholds in float64, straight from the formulas.
import { soft } from "./sgd.ts";

export type AdaptiveName = "adam" | "adamw" | "rmsprop";
export type AdaptiveMode = "none" | "latent" | "inplace";

export interface AdaptiveHyper {
  readonly name: AdaptiveName;
  readonly mode: AdaptiveMode;
  readonly lr: number;
  readonly weightDecay: number;
  readonly decayTarget: "latent" | "effective";
  readonly eps: number;
  readonly betas: readonly [number, number];
  readonly amsgrad: boolean;
  readonly alpha: number;
  readonly momentum: number;
  readonly centered: boolean;
}

/** A weight: the stored one, the one that the forward pass reads, and its moments. */
export interface AdaptiveWeight {
  theta: number;
  w: number;
  m: number;
  v: number;
  largest: number;
  c: number;
  b: number;
}

export const adaptiveWeight = (theta: number): AdaptiveWeight => ({
  ...{ theta, w: theta, m: 0, v: 0, largest: 0, c: 0, b: 0 },
});

/** Advance the moments. Returns the move and the divisor. */
function advance(s: AdaptiveWeight, u: number, t: number, h: AdaptiveHyper): [move: number, divisor: number] {
  if (h.name === "rmsprop") {
    s.v = h.alpha * s.v + (1 - h.alpha) * u * u;
    s.c = h.alpha * s.c + (1 - h.alpha) * u;
    const divisor = Math.sqrt(Math.max(0, h.centered ? s.v - s.c * s.c : s.v)) + h.eps;
    s.b = h.momentum * s.b + u / divisor;
    return [h.lr * s.b, divisor];
  }
  const [beta1, beta2] = h.betas;
  s.m = beta1 * s.m + (1 - beta1) * u;
  s.v = beta2 * s.v + (1 - beta2) * u * u;
  s.largest = Math.max(s.largest, s.v);
  const divisor = Math.sqrt((h.amsgrad ? s.largest : s.v) / (1 - beta2 ** t)) + h.eps;
  return [((h.lr / (1 - beta1 ** t)) * s.m) / divisor, divisor];
}

/** Take step t = 1, 2, ... with the gradient g at w, while the threshold moves from `now` to `next`. */
export function adaptiveStep(
  s: AdaptiveWeight,
  g: number,
  t: number,
  now: number,
  next: number,
  h: AdaptiveHyper,
): void {
  const onLatent = h.decayTarget === "latent";
  const decayed =
    h.mode === "inplace"
      ? onLatent
        ? s.w + Math.sign(s.w) * now
        : s.w
      : h.mode === "latent" && !onLatent
        ? s.w
        : s.theta;
  const decoupled = h.name === "adamw";
  const [move, divisor] = advance(s, decoupled ? g : g + h.weightDecay * decayed, t, h);
  const moved = s.theta - (decoupled ? h.lr * h.weightDecay * decayed : 0) - move;
  s.theta = h.mode === "inplace" ? soft(moved, (next - now) / divisor) : moved;
  s.w = h.mode === "latent" ? soft(s.theta, next) : s.theta;
}
