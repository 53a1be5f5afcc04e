// The measurements of bench:gpu on small sizes.
import { expect, test } from "vitest";
import { measureLayer, measureProduct } from "../../bench/gpu/kernels.ts";
import { type Layer, PASSES } from "../../bench/gpu/layers.ts";
import { measureOverhead } from "../../bench/gpu/steps.ts";

const LAYER: Layer = { x: [2, 8, 9, 9], outputs: 8, kernel: 3, stride: 2, padding: 1 };

test.each(PASSES)("%s has speed, kernels and right results", async (pass) => {
  const row = await measureLayer(LAYER, pass, "f32", "queue");
  expect(row).toMatchObject({ pass: `conv ${pass}`, name: "3x3/2 8->8 [2,8,9,9]", precision: "f32" });
  expect(row.kernels.length).toBeGreaterThan(0);
  expect(row.ms).toBeGreaterThan(0);
  expect(row.leastMs).toBeLessThanOrEqual(row.ms);
  expect(row.gflops).toBeGreaterThan(0);
  expect(row.error).toBeLessThan(1e-5);
});

test("a matrix product has speed and right results", async () => {
  const row = await measureProduct({ m: 32, n: 16, k: 24 }, "f32", "queue");
  expect(row.name).toBe("32x16x24");
  expect(row.error).toBeLessThan(1e-5);
});

test("the host's part of a dispatch is not longer than all of it", async () => {
  const { dispatchUs, encodeUs, roundTripUs } = await measureOverhead();
  expect(encodeUs).toBeGreaterThan(0);
  expect(dispatchUs).toBeGreaterThanOrEqual(encodeUs);
  expect(roundTripUs).toBeGreaterThan(0);
});
