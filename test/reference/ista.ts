// The problem that soft thresholding solves, in float64: the lasso by proximal gradient descent, and one coordinate of its prox.
import { soft } from "./sgd.ts";

/** The quadratic |m w - c|^2 / 2, m [n, n] by rows. */
export interface Quadratic {
  readonly n: number;
  readonly m: Float64Array;
  readonly c: Float64Array;
}

/** Gradient m^T (m w - c) at w. */
export function gradient({ n, m, c }: Quadratic, w: ArrayLike<number>): Float64Array {
  const residual = Float64Array.from(c, (value, row) => {
    let sum = -value;
    for (let k = 0; k < n; k++) sum += m[row * n + k]! * w[k]!;
    return sum;
  });
  return Float64Array.from({ length: n }, (_, k) => {
    let sum = 0;
    for (let row = 0; row < n; row++) sum += m[row * n + k]! * residual[row]!;
    return sum;
  });
}

/** The w that minimises |m w - c|^2 / 2 + lambda |w|_1: ISTA until nothing moves. `lr` below 2 over the top eigenvalue. */
export function lasso(q: Quadratic, lambda: number, lr: number): Float64Array {
  let w = new Float64Array(q.n);
  for (let t = 0; t < 20_000; t++) {
    const g = gradient(q, w);
    const next = w.map((x, i) => soft(x - lr * g[i]!, lr * lambda));
    const moved = next.reduce((most, x, i) => Math.max(most, Math.abs(x - w[i]!)), 0);
    w = next;
    if (moved < 1e-13) return w;
  }
  throw new Error("lasso: no convergence in 20000 steps");
}

/** (w - x)^2 / 2 + d |w|: what S_d(x) minimises over w. */
export const proxCost = (w: number, x: number, d: number): number => (w - x) ** 2 / 2 + d * Math.abs(w);
