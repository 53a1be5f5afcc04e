// L1 problems in float64: the lasso by coordinate descent, and logistic regression by proximal gradient descent with restarts.
import { soft } from "./sgd.ts";

/** A matrix by rows. */
export interface Rows {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float64Array;
}

const MOST = 20_000;
const STILL = 1e-14;

/** The w that minimises |X w - y|² / (2 rows) + lambda |w|_1: cyclic coordinate descent until nothing moves. */
export function l1Lasso({ rows, columns, values }: Rows, y: Float64Array, lambda: number): Float64Array {
  const w = new Float64Array(columns);
  const residual = Float64Array.from(y);
  const at = (row: number, k: number) => values[row * columns + k]!;
  for (let t = 0; t < MOST; t++) {
    let moved = 0;
    for (let k = 0; k < columns; k++) {
      let [dot, norm] = [0, 0];
      for (let row = 0; row < rows; row++) {
        dot += at(row, k) * residual[row]!;
        norm += at(row, k) ** 2;
      }
      const next = soft((dot + norm * w[k]!) / rows, lambda) / (norm / rows);
      const step = next - w[k]!;
      for (let row = 0; row < rows; row++) residual[row] = residual[row]! - step * at(row, k);
      w[k] = next;
      moved = Math.max(moved, Math.abs(step));
    }
    if (moved < STILL) return w;
  }
  throw new Error(`lasso: no convergence in ${MOST} sweeps`);
}

/** Gradient of the mean log loss of X w against classes 0 and 1. */
function logisticGradient({ rows, columns, values }: Rows, y: Float64Array, w: Float64Array): Float64Array {
  const g = new Float64Array(columns);
  for (let row = 0; row < rows; row++) {
    let logit = 0;
    for (let k = 0; k < columns; k++) logit += values[row * columns + k]! * w[k]!;
    const miss = (1 / (1 + Math.exp(-logit)) - y[row]!) / rows;
    for (let k = 0; k < columns; k++) g[k] = g[k]! + miss * values[row * columns + k]!;
  }
  return g;
}

/** The w that minimises the mean log loss of X w plus lambda |w|_1. The logistic curve's slope is at most 1/4. */
export function l1Logistic(x: Rows, y: Float64Array, lambda: number): Float64Array {
  const lr = 1 / curvature(x);
  let w = new Float64Array(x.columns);
  for (let t = 0; t < MOST; t++) {
    const g = logisticGradient(x, y, w);
    const next = w.map((v, k) => soft(v - lr * g[k]!, lr * lambda));
    const moved = next.reduce((most, v, k) => Math.max(most, Math.abs(v - w[k]!)), 0);
    w = next;
    if (moved < STILL) return w;
  }
  throw new Error(`logistic: no convergence in ${MOST} steps`);
}

/** Slightly more than the largest eigenvalue of XᵀX / (4 rows), by power iteration. */
function curvature({ rows, columns, values }: Rows): number {
  let v = new Float64Array(columns).fill(1);
  let largest = 0;
  for (let t = 0; t < 200; t++) {
    const next = new Float64Array(columns);
    for (let row = 0; row < rows; row++) {
      let dot = 0;
      for (let k = 0; k < columns; k++) dot += values[row * columns + k]! * v[k]!;
      for (let k = 0; k < columns; k++) next[k] = next[k]! + dot * values[row * columns + k]!;
    }
    largest = Math.hypot(...next);
    v = next.map((n) => n / largest);
  }
  return (1.05 * largest) / (4 * rows);
}
