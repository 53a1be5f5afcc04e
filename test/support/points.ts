// Small sets of points and networks for sessions on arrays.
import { Dropout, Linear, type Module, manualSeed, RandomState, ReLU, Sequential } from "../../src/nn/index.ts";
import { abs, mean, mul, sub } from "../../src/ops/index.ts";
import type { Tensor } from "../../src/tensor/index.ts";
import { randomArray } from "./random.ts";

/** n points in the plane with one of two classes: inside or outside of a circle. */
export function circle(n: number, seed: number) {
  const x = randomArray(2 * n, seed);
  const y = Int32Array.from({ length: n }, (_, i) => (Math.hypot(x[2 * i]!, x[2 * i + 1]!) < 1.1 ? 1 : 0));
  return { x, y };
}

/** n points in the plane with two numbers each: their product and their sum. */
export function products(n: number, seed: number) {
  const x = randomArray(2 * n, seed);
  const pairs = Array.from({ length: n }, (_, i) => [x[2 * i]!, x[2 * i + 1]!] as const);
  return { x, y: Float32Array.from(pairs.flatMap(([a, b]) => [a * b, a + b])) };
}

/** A network from 2 numbers to 2 numbers or classes, with dropout if `p` > 0. Weights: 0.weight 64, 2.weight 1024, 5.weight 64. */
export function smallNet(p = 0): Module {
  manualSeed(3);
  const dropout = p > 0 ? [new Dropout(p, new RandomState(4, { owned: true }))] : [];
  return new Sequential([new Linear(2, 32), new ReLU(), new Linear(32, 32), new ReLU(), ...dropout, new Linear(32, 2)]);
}

/** Mean squared error. */
export const squaredError = (outputs: Tensor, targets: Tensor): Tensor => {
  const d = sub(outputs, targets);
  return mean(mul(d, d));
};

/** Mean absolute error. */
export const absoluteError = (outputs: Tensor, targets: Tensor): Tensor => mean(abs(sub(outputs, targets)));
