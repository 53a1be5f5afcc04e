// Tests of kernels on matrix units: skipped where the adapter has none.
import { test } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";

/** Declare a test that runs on adapters with matrix units, such as lavapipe from Mesa 26.1 on with vectors of 256 bits. */
export function testMatrix(name: string, body: () => Promise<void> | void): void {
  test(name, async ({ skip }) => {
    skip(currentGpu().adapter.matrices.length === 0, "this adapter has no matrix units");
    await body();
  });
}
