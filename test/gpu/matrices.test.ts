// The matrix units of adapters, by reports of many drivers.
import { describe, expect, test } from "vitest";
import { matrixShapes } from "../../src/gpu/matrices.ts";

interface Report {
  readonly vendor: string;
  readonly description?: string;
  readonly sizes: readonly [number, number];
  /** Types of operands and sums, then M, N and K, as `GPUAdapterInfo` gives them. */
  readonly configs: readonly (readonly [string, string, number, number, number])[];
}

const ALL = ["shader-f16", "subgroups", "subgroup-size-control", "chromium-experimental-subgroup-matrix"];

function shapesOf({ vendor, description = "", sizes, configs }: Report, features = ALL): string[] {
  const subgroupMatrixConfigs = configs.map(([componentType, resultComponentType, M, N, K]) => {
    return { componentType, resultComponentType, M, N, K };
  });
  const [subgroupMinSize, subgroupMaxSize] = sizes;
  const info = { vendor, device: "", description, subgroupMinSize, subgroupMaxSize, subgroupMatrixConfigs };
  return matrixShapes(info, new Set(features)).map(({ m, n, k, lanes }) => `${m}x${n}x${k} by ${lanes}`);
}

const RADV: Report = {
  vendor: "amd",
  description: "radv: Mesa 26.2.6-1",
  sizes: [32, 64],
  configs: [
    ["u8", "u32", 16, 16, 16],
    ["i8", "i32", 16, 16, 16],
    ["f16", "f16", 16, 16, 16],
    ["f16", "f32", 16, 16, 16],
  ],
};
const NVIDIA: Report = {
  vendor: "nvidia",
  sizes: [32, 32],
  configs: [
    ["f16", "f32", 16, 8, 8],
    ["f16", "f32", 16, 16, 16],
    ["f16", "f32", 16, 8, 16],
    ["f16", "f16", 16, 16, 16],
  ],
};
const INTEL: Report = { vendor: "intel", sizes: [8, 32], configs: [["f16", "f32", 8, 16, 16]] };
const APPLE: Report = {
  vendor: "apple",
  sizes: [4, 64],
  configs: [
    ["f32", "f32", 8, 8, 8],
    ["f16", "f16", 8, 8, 8],
    ["f16", "f32", 8, 8, 8],
  ],
};
const lavapipe = (lanes: number): Report => ({
  vendor: "mesa",
  description: "llvmpipe: Mesa 26.2.6-1 (LLVM 22.1.8)",
  sizes: [lanes, lanes],
  configs: [
    ["f16", "f16", 8, 8, 8],
    ["f16", "f32", 8, 8, 8],
  ],
});

describe("matrixShapes", () => {
  test("returns products of f16 with f32 sums, the largest first", () => {
    expect(shapesOf(NVIDIA)).toEqual(["16x16x16 by 32", "16x8x16 by 32", "16x8x8 by 32"]);
  });
  test("pins a size of subgroups where the adapter has several", () => {
    expect(shapesOf(RADV)).toEqual(["16x16x16 by 32"]);
    expect(shapesOf(INTEL)).toEqual(["8x16x16 by 16"]);
  });
  test("returns nothing where the size is uncertain, except for the 32 lanes of Apple's GPUs", () => {
    const unpinned = ALL.filter((name) => name !== "subgroup-size-control");
    expect(shapesOf(RADV, unpinned)).toEqual([]);
    expect(shapesOf(APPLE, unpinned)).toEqual(["8x8x8 by 32"]);
    expect(shapesOf(NVIDIA, unpinned)).toHaveLength(3);
  });
  test("returns nothing without f16 or subgroups", () => {
    for (const name of ["shader-f16", "subgroups"])
      expect(
        shapesOf(
          NVIDIA,
          ALL.filter((f) => f !== name),
        ),
      ).toEqual([]);
  });
  test("takes lavapipe's matrices at 8 lanes only: wider ones end the process", () => {
    expect(shapesOf(lavapipe(8))).toEqual(["8x8x8 by 8"]);
    expect(shapesOf(lavapipe(16))).toEqual([]);
  });
});
