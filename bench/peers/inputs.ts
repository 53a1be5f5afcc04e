// Inputs of every side, made from a hash, so that any language can reproduce them (side_torch.py does).
import { randomArray } from "../../test/support/random.ts";
import type { ParameterSpec, StepWork } from "./workloads.ts";
import { CLASSES } from "./workloads.ts";

/** Seeds of a kernel's operands. They are far apart because neighbouring seeds give shifted copies of one sequence. */
export const SEEDS = { a: 1, x: 1, b: 1009, w: 1009, dy: 2003, images: 3001, weights: 4001 } as const;
const WEIGHT_SCALE = 0.1;

const count = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** Make standard normal values. Filters are scaled so that sums stay near 1. */
export function operand(name: keyof typeof SEEDS, shape: readonly number[]): Float32Array<ArrayBuffer> {
  return randomArray(count(shape), SEEDS[name], name === "w" ? WEIGHT_SCALE : 1) as Float32Array<ArrayBuffer>;
}

/** Make the initial values of parameter number `index`. */
export function initial(spec: ParameterSpec, index: number): Float32Array<ArrayBuffer> {
  const n = count(spec.shape);
  if (spec.value !== undefined) return new Float32Array(n).fill(spec.value);
  return randomArray(n, SEEDS.weights + 17 * index, spec.std ?? 1) as Float32Array<ArrayBuffer>;
}

/** Make images [n, c, h, w] and labels [n]. */
export function batchOf({ batch, channels, size }: StepWork): {
  x: Float32Array<ArrayBuffer>;
  y: Int32Array<ArrayBuffer>;
} {
  return {
    x: operand("images", [batch, channels, size, size]),
    y: Int32Array.from({ length: batch }, (_, i) => i % CLASSES),
  };
}

/** Convert labels to one-hot rows [n, classes]. */
export function oneHot(labels: Int32Array): Float32Array<ArrayBuffer> {
  const out = new Float32Array(labels.length * CLASSES);
  labels.forEach((label, i) => {
    out[i * CLASSES + label] = 1;
  });
  return out;
}
