// Arrays of NIR nodes, and the neighbours of float32 numbers. NIR's neurons fire above their threshold, the engine's also at it.
import type { NirArray } from "../../io/index.ts";
import { numel, type Shape } from "../../tensor/index.ts";

/** Return an array of integers. */
export const integers = (values: readonly number[]): NirArray => ({
  data: BigInt64Array.from(values, BigInt),
  shape: [values.length],
});

/** Return a single integer. */
export const integer = (v: number): NirArray => ({ data: BigInt64Array.of(BigInt(v)), shape: [] });

/** Return an array of one number. */
export const filled = (shape: Shape, v: number): NirArray => ({ data: new Float32Array(numel(shape)).fill(v), shape });

const bits = new DataView(new ArrayBuffer(4));

/** Return the float32 number `steps` above v, which is float32 too. */
function neighbour(v: number, steps: 1 | -1): number {
  if (v === 0) return steps * 2 ** -149;
  bits.setFloat32(0, v);
  bits.setInt32(0, bits.getInt32(0) + (v > 0 ? steps : -steps));
  return bits.getFloat32(0) + 0; // no -0
}

/** Return the largest float32 number below a threshold at which a neuron fires: NIR's fires above it. */
export const thresholdAbove = (threshold: number): number => neighbour(Math.fround(threshold), -1);

/** Return the smallest float32 number above a threshold of NIR: the engine's neuron fires at it. */
export function thresholdAt(threshold: number): number {
  const near = Math.fround(threshold);
  return near > threshold ? near : neighbour(near, 1);
}
