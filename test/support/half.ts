// Tests with f16 tensors: skipped where the adapter has no shader-f16.
import { test } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";
import { halfBits, halfValues } from "../../src/tensor/half.ts";

/** Largest error of one rounding to f16, relative: adapters may round towards zero. */
export const HALF_ROUNDING = 2 ** -10;

/** Declare a test that runs on adapters with shader-f16. */
export function testHalf(name: string, body: () => Promise<void> | void): void {
  test(name, async ({ skip }) => {
    skip(!currentGpu().adapter.features.includes("shader-f16"), "this adapter has no shader-f16");
    await body();
  });
}

/** Return the values that f16 tensors of these values hold. */
export const roundedToHalf = (values: ArrayLike<number>): Float32Array<ArrayBuffer> =>
  halfValues(halfBits(values), values.length);
