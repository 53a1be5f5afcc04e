// Erdős–Rényi-kernel densities: layers with few weights per input and output keep a larger share of them.
//     density(l) = min(1, eps · r(l)),   r(l) = (sum of the dimensions of the weight) / (their product)
// eps gives the total. A layer that would keep more than all of its weights stays dense, and eps is computed again for the rest.
// Source: Mocanu et al. 2018 (linear layers); Evci et al. 2020, "Rigging the Lottery" (kernels, and the iteration).
import type { Shape } from "../tensor/index.ts";
import { check } from "./config.ts";

const product = (shape: Shape) => shape.reduce((n, d) => n * d, 1);
const sumOf = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

/**
 * Compute the share of its weights that each layer keeps, if all keep `kept` weights together.
 *
 * Shapes   of the weights: [out, in], [out, in / groups, height, width].
 * Errors   ArgumentError unless 0 <= kept <= the number of weights.
 * @example
 * // A small layer stays dense, a large one is pruned.
 * console.log(erkDensities([[10, 10], [100, 100]], 2000)); // 1, 0.19
 */
export function erkDensities(shapes: readonly Shape[], kept: number): number[] {
  const weights = shapes.map(product);
  const total = sumOf(weights);
  check("kept weights", `a number from 0 to ${total}`, kept, kept >= 0 && kept <= total);
  const ratio = shapes.map((shape, l) => sumOf([...shape]) / weights[l]!);
  const isDense = shapes.map(() => false);
  for (;;) {
    const rest = weights.map((n, l) => (isDense[l] ? 0 : n));
    const left = kept - (total - sumOf(rest));
    const eps = left / sumOf(rest.map((n, l) => n * ratio[l]!));
    const most = Math.max(...ratio.filter((_, l) => !isDense[l]));
    if (isDense.every(Boolean) || eps * most <= 1) return ratio.map((r, l) => (isDense[l] ? 1 : eps * r));
    ratio.forEach((r, l) => {
      if (r === most) isDense[l] = true;
    });
  }
}

/**
 * Round counts so that their sum is `total`: floors, and one more for those with the largest remainders (the first of equal
 * ones). `counts` have about that sum.
 */
export function apportion(counts: readonly number[], total: number): number[] {
  const whole = counts.map(Math.floor);
  const order = [...counts.keys()].sort((a, b) => counts[b]! - whole[b]! - (counts[a]! - whole[a]!) || a - b);
  for (const l of order.slice(0, Math.max(0, total - sumOf(whole)))) whole[l]!++;
  return whole;
}
