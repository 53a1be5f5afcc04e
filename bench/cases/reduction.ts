// Sums over axes: the gradient of a bias, a global average, a loss, an axis in the middle.
import { sum } from "../../src/ops/sum.ts";
import type { KernelCase, Prepared } from "../lib/case.ts";
import { brackets, bytes, random } from "./data.ts";
import { naiveSum } from "./naive.ts";
import { recorded } from "./recorded.ts";

interface Reduction {
  readonly x: readonly number[];
  readonly axes: readonly number[];
  /** Shape of the same sum for naiveSum: [a, b, c, d], over a and c. */
  readonly split: readonly [number, number, number, number];
}

const REDUCTIONS: readonly Reduction[] = [
  { x: [16, 64, 32, 32], axes: [0, 2, 3], split: [16, 64, 1024, 1] },
  { x: [128, 64, 8, 8], axes: [2, 3], split: [1, 128 * 64, 64, 1] },
  { x: [16, 64, 32, 32], axes: [0, 1, 2, 3], split: [1, 1, 16 * 64 * 1024, 1] },
  { x: [16, 64, 32, 32], axes: [1], split: [1, 16, 64, 1024] },
  { x: [64, 1024], axes: [0], split: [64, 1024, 1, 1] },
];
const LARGE: readonly Reduction[] = [
  { x: [128, 64, 56, 56], axes: [0, 2, 3], split: [128, 64, 3136, 1] },
  { x: [128, 512, 14, 14], axes: [2, 3], split: [1, 128 * 512, 196, 1] },
];

function sumCase({ x: shape, axes, split }: Reduction): KernelCase {
  const size = shape.reduce((a, b) => a * b, 1);
  return {
    kind: "kernel",
    group: "reduction",
    name: `sum over ${brackets(axes)} of ${brackets(shape)}`,
    work: { flops: size, bytes: bytes(shape, [split[1] * split[3]]) },
    prepare(): Prepared {
      const x = random(shape, 1);
      // A sum of a million normal values is a thousand times smaller than the sum of their magnitudes, so it loses three digits.
      return {
        tolerance: 1e-4,
        variants: [recorded("naive", () => [naiveSum(x, split)]), recorded("sum", () => [sum(x, { axes })])],
      };
    },
  };
}

export const reductionCases: readonly KernelCase[] = REDUCTIONS.map(sumCase);
export const reductionLargeCases: readonly KernelCase[] = LARGE.map(sumCase);
