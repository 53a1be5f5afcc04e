// The register tiles that each driver gets for the layers of ResNet-20 and LeNet.
import { afterEach, expect, test } from "vitest";
import { type AdapterReport, GENERIC_ADAPTER, openDryGpu, setCurrentGpu } from "../../../src/gpu/index.ts";
import { forwardCorrelation } from "../../../src/ops/conv/correlation.ts";
import { convShape } from "../../../src/ops/conv/shape.ts";
import { gradWeightSpec, patchSpec } from "../../../src/ops/conv/tiles.ts";
import { metaTensor } from "../../../src/tensor/index.ts";

const report = (device: string, description: string): AdapterReport => ({
  ...GENERIC_ADAPTER,
  device,
  description,
  software: true,
});
const OLD = report("llvmpipe-llvm-15-0-6-256-bits-", "llvmpipe: Mesa 25.0.7-2 (LLVM 15.0.6)");
const RECENT = report("llvmpipe-llvm-19-1-7-512-bits-", "llvmpipe: Mesa 26.1.6-1 (LLVM 19.1.7)");
const SWIFTSHADER = report("swiftshader-device-subzero-", "SwiftShader driver: 5.0.0");

let close = () => {};
afterEach(() => {
  close();
  setCurrentGpu(null);
});

/** Return the tile of a layer's forward pass and of its weight gradient. */
function tilesOn(adapter: AdapterReport, lanes: number, x: number[], w: number[], stride = 1) {
  const { gpu, release } = openDryGpu(adapter);
  setCurrentGpu(gpu);
  close = release;
  const s = convShape(metaTensor(x), metaTensor(w), null, { stride, padding: w[2]! >> 1, groups: 1 });
  const forward = patchSpec(forwardCorrelation(s), lanes)!;
  const gradient = gradWeightSpec(s, lanes)!;
  return {
    forward: [forward.OB, forward.PY, forward.PX],
    gradient: [gradient.OB, gradient.CB, gradient.PY, gradient.PX],
  };
}

test("Mesa since 26.1 gets larger tiles, by the times measured on it", () => {
  const first = [
    [16, 16, 32, 32],
    [16, 16, 3, 3],
  ] as const;
  expect(tilesOn(OLD, 8, [...first[0]], [...first[1]])).toEqual({ forward: [2, 8, 8], gradient: [2, 4, 2, 8] });
  expect(tilesOn(RECENT, 16, [...first[0]], [...first[1]])).toEqual({ forward: [1, 8, 16], gradient: [1, 8, 4, 4] });
  expect(tilesOn(RECENT, 16, [64, 8, 14, 14], [16, 8, 5, 5], 2)).toEqual({
    forward: [1, 7, 7],
    gradient: [1, 2, 1, 7],
  });
});

test("compilers that are slow on large kernels get small tiles", () => {
  const { forward, gradient } = tilesOn(SWIFTSHADER, 4, [16, 16, 32, 32], [16, 16, 3, 3]);
  expect(9 * forward.reduce((a, b) => a * b)).toBeLessThanOrEqual(300);
  expect(9 * gradient.reduce((a, b) => a * b)).toBeLessThanOrEqual(150);
});
