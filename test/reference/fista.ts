// FISTA in float64: proximal gradient steps, each from a point that lies past the last one (Beck and Teboulle 2009).
import { gradient, type Quadratic } from "./ista.ts";
import { soft } from "./sgd.ts";

export interface FistaState {
  /** The last proximal step, which is sparse. */
  readonly x: Float64Array;
  /** The point of the gradient. */
  readonly y: Float64Array;
}

interface FistaHyper {
  readonly lr: number;
  /** Shrinkage. */
  readonly tau: number;
  /** Factor on the last move, for the extrapolation. */
  readonly momentum: number;
  readonly weightDecay: number;
}

export function fistaStep({ x, y }: FistaState, g: ArrayLike<number>, h: FistaHyper): FistaState {
  const next = y.map((w, i) => soft(w - h.lr * (g[i]! + h.weightDecay * w), h.tau));
  return { x: next, y: next.map((w, i) => w + h.momentum * (w - x[i]!)) };
}

/** |m w - c|² / 2 + lambda |w|. */
export function lassoCost({ n, m, c }: Quadratic, w: ArrayLike<number>, lambda: number): number {
  let cost = 0;
  for (let row = 0; row < n; row++) {
    let residual = -c[row]!;
    for (let k = 0; k < n; k++) residual += m[row * n + k]! * w[k]!;
    cost += residual ** 2 / 2 + lambda * Math.abs(w[row]!);
  }
  return cost;
}

/**
 * How far w is from where |m w - c|² / 2 + lambda |w| is least: the largest breach of gradient = -lambda sign(w) where w is
 * not 0, and of |gradient| <= lambda where it is. Zero at the solution only.
 */
export function breach(q: Quadratic, w: ArrayLike<number>, lambda: number): number {
  return gradient(q, w).reduce((most, g, i) => {
    const x = w[i]!;
    return Math.max(most, x === 0 ? Math.max(0, Math.abs(g) - lambda) : Math.abs(g + lambda * Math.sign(x)));
  }, 0);
}
