// Inputs of the cases: repeatable values, made on the host and uploaded once.
import { numel, type Shape, type Tensor, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../../test/support/random.ts";

/** Make standard normal values times `scale`. */
export function random(shape: Shape, seed: number, scale = 1): Tensor {
  return tensor(randomArray(numel(shape), seed, scale), shape);
}

/** Compute the bytes of f32 arrays of these shapes. */
export function bytes(...shapes: readonly Shape[]): number {
  return shapes.reduce((sum, shape) => sum + 4 * numel(shape), 0);
}

/** Write a shape: "[8,16,32,32]". */
export function brackets(shape: Shape): string {
  return `[${shape.join(",")}]`;
}
