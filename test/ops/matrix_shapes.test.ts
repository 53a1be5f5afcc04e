// Kernels on matrix units compile for the shapes of each vendor, on Dawn's Null backend: it validates and runs nothing.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { create, globals } from "webgpu";
import gradWeightWgsl from "../../shaders/conv2d_grad_weight_matrix.wgsl";
import correlationWgsl from "../../shaders/conv2d_matrix.wgsl";
import productWgsl from "../../shaders/matmul_matrix.wgsl";
import { FEATURES, fitExtensions } from "../../src/gpu/features.ts";
import type { MatrixShape, Spec } from "../../src/gpu/index.ts";
import { applySpec } from "../../src/gpu/index.ts";
import { type MatrixAdapter, matrixSplits, matrixTiles, rankMatrixTiles } from "../../src/ops/tuning/matrix_tile.ts";

/** The smallest limits of adapters with matrix units, which are those of the Null backend too. */
const LIMITS = { maxComputeInvocationsPerWorkgroup: 256, maxComputeWorkgroupStorageSize: 16384 };

function adapterWith(vendor: string, shape: MatrixShape, limits = LIMITS): MatrixAdapter {
  return { vendor, software: vendor === "mesa", matrices: [shape], limits } as unknown as MatrixAdapter;
}
const ADAPTERS: readonly (readonly [string, MatrixAdapter])[] = [
  ["NVIDIA and AMD, 16x16x16 by 32 lanes", adapterWith("nvidia", { m: 16, n: 16, k: 16, lanes: 32 })],
  ["NVIDIA, 16x8x16 by 32 lanes", adapterWith("nvidia", { m: 16, n: 8, k: 16, lanes: 32 })],
  ["AMD, 16x16x16 by 64 lanes", adapterWith("amd", { m: 16, n: 16, k: 16, lanes: 64 })],
  ["Intel, 8x16x16 by 16 lanes", adapterWith("intel", { m: 8, n: 16, k: 16, lanes: 16 })],
  ["Apple, 8x8x8 by 32 lanes", adapterWith("apple", { m: 8, n: 8, k: 8, lanes: 32 })],
  ["lavapipe, 8x8x8 by 8 lanes", adapterWith("mesa", { m: 8, n: 8, k: 8, lanes: 8 })],
];

let gpu: GPU; // kept alive: dropping it ends the process
let device: GPUDevice;
beforeAll(async () => {
  Object.assign(globalThis, globals);
  gpu = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
  const adapter = (await gpu.requestAdapter())!;
  const requiredFeatures = FEATURES.filter((f) => adapter.features.has(f)) as GPUFeatureName[];
  device = await adapter.requestDevice({ requiredFeatures });
});
afterAll(() => device.destroy());

async function expectPipeline(name: string, wgsl: string, spec: Spec): Promise<void> {
  const code = fitExtensions(name, applySpec(name, wgsl, spec), device.features);
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  device.createComputePipeline({ layout: "auto", compute: { module } });
  expect((await device.popErrorScope())?.message, `${name} ${JSON.stringify(spec)}`).toBeUndefined();
}

describe.each(ADAPTERS)("%s", (_name, adapter) => {
  test("has tiles within its limits", () => {
    const tiles = matrixTiles(adapter);
    expect(tiles.length).toBeGreaterThan(2);
    expect(new Set(tiles.map(({ label }) => label)).size).toBe(tiles.length);
    for (const { rows, columns, spec } of tiles) {
      expect(rows).toBe(spec["M"]! * spec["MATRICES_M"]! * spec["SUBGROUPS_M"]!);
      expect(columns).toBe(spec["N"]! * spec["MATRICES_N"]! * spec["SUBGROUPS_N"]!);
      expect(spec["MATRICES_N"]! % spec["STORED"]!).toBe(0);
    }
  });
  test("compiles matmul_matrix with operands along terms and along lines", async () => {
    for (const { spec } of matrixTiles(adapter)) {
      await expectPipeline("matmul_matrix", productWgsl, spec);
      await expectPipeline("matmul_matrix", productWgsl, { ...spec, A_LINES: true, B_LINES: true });
      await expectPipeline("matmul_matrix", productWgsl, { ...spec, A_LINES: true, B_ACROSS: true });
    }
  });
  test("compiles the convolutions", async () => {
    for (const { spec } of matrixTiles(adapter)) {
      await expectPipeline("conv2d_matrix", correlationWgsl, spec);
      const wide = { WIDE_Y: true, Y: "vec4<f16>", put: "y[at] = Y(v); return at;" };
      await expectPipeline("conv2d_matrix", correlationWgsl, { ...spec, ...wide, BY_ROW: true });
      await expectPipeline("conv2d_grad_weight_matrix", gradWeightWgsl, spec);
      const octets = { Dy: "vec4<u32>", DY_WIDTH: 8, A_LINES: false, dy_octet: "dy[at]" };
      await expectPipeline("conv2d_grad_weight_matrix", gradWeightWgsl, { ...spec, ...octets });
    }
  });
});

test("an adapter without matrix units, or with too few invocations, has no tiles", () => {
  const [, nvidia] = ADAPTERS[0]!;
  expect(matrixTiles({ ...nvidia, matrices: [] })).toEqual([]);
  const few = { ...LIMITS, maxComputeInvocationsPerWorkgroup: 64 };
  expect(matrixTiles(adapterWith("nvidia", nvidia.matrices[0]!, few))).toEqual([]);
});

test("large products get the largest tile that memory holds; small ones fill the adapter with small tiles", () => {
  const shape = { m: 16, n: 16, k: 16, lanes: 32 };
  const wide = adapterWith("nvidia", shape, { ...LIMITS, maxComputeWorkgroupStorageSize: 32768 });
  const best = (adapter: MatrixAdapter, rows: number, columns: number, terms = 1) => {
    return rankMatrixTiles(adapter, { rows, columns, products: 1 }, terms)[0]!.label;
  };
  expect(best(wide, 4096, 4096)).toBe("matrix 128x128");
  expect(best(adapterWith("nvidia", shape), 4096, 4096)).toMatch(/matrix (128x64|64x128)/);
  expect(best(wide, 256, 256)).toBe("matrix 32x32");
  expect(best(wide, 256, 256, 200_000)).toBe("matrix 128x128");
  expect(best(wide, 20, 50_000)).toMatch(/matrix 32x/);
});

test("a sum is split where there are few workgroups or where it is long, never into short parts", () => {
  const [, nvidia] = ADAPTERS[0]!;
  const tile = matrixTiles(nvidia)[0]!;
  const splits = (rows: number, terms: number) => {
    return matrixSplits(nvidia, tile, { rows, columns: rows, products: 1 }, terms);
  };
  expect(splits(4096, 1024)).toBe(1);
  expect(splits(4096, 10_000)).toBe(3);
  expect(splits(64, 100_000)).toBeGreaterThan(25);
  expect(splits(64, 900)).toBe(1);
});
