// The parts of bench:gpu that need no adapter: budget, expected results, predictions, lines.
import { describe, expect, test } from "vitest";
import { Budget } from "../../bench/gpu/budget.ts";
import {
  expectedAt,
  type Layer,
  layerFlops,
  layerName,
  outputSize,
  productAt,
  SEEDS,
  valueAt,
  values,
} from "../../bench/gpu/layers.ts";
import { isPredicted, predictionText } from "../../bench/gpu/predictions.ts";
import { fileNameOf, type GpuReport, kernelLine, skippedLines, stepLine, torchLines } from "../../bench/gpu/report.ts";

describe("the budget", () => {
  test("allows work while its part has time, and notes what it skips", () => {
    let now = 100;
    const budget = new Budget(100, () => now);
    expect(budget.left("peaks")).toBeCloseTo(13);
    expect(budget.allows("peaks", "copy", 10)).toBe(true);
    now = 110;
    expect(budget.spent).toBe(10);
    expect(budget.allows("peaks", "copy", 10)).toBe(false);
    expect(budget.skipped).toEqual([{ part: "peaks: copy", reason: "needs about 10.0 s, the part has 3.0 s" }]);
    now = 300;
    expect(budget.allows("tuned", "all", 0.1)).toBe(false);
    expect(budget.skipped[1]).toEqual({ part: "tuned: all", reason: "needs about 0.1 s, the part has 0.0 s" });
  });

  test("skipped work is printed in one line per part", () => {
    const skipped = ["layers f32: a", "layers f32: b", "pytorch"].map((part) => ({ part, reason: "why" }));
    expect(skippedLines(skipped)).toEqual(["skipped: layers f32: a and 1 more: why", "skipped: pytorch: why"]);
  });
});

const LAYER: Layer = { x: [2, 3, 7, 6], outputs: 4, kernel: 3, stride: 2, padding: 1 };

describe("expected results", () => {
  const sum = (layer: Layer, pass: Parameters<typeof expectedAt>[1], count: number, weigh: (i: number) => number) =>
    Array.from({ length: count }, (_, i) => expectedAt(layer, pass, i) * weigh(i)).reduce((a, b) => a + b, 0);

  test("the three passes are adjoint: dy . y = dx . x = dw . w", () => {
    const [rows, columns] = outputSize(LAYER);
    expect([rows, columns]).toEqual([4, 3]);
    const forward = sum(LAYER, "forward", 2 * 4 * rows * columns, (i) => valueAt(i, SEEDS.dy));
    const data = sum(LAYER, "data gradient", 2 * 3 * 7 * 6, (i) => valueAt(i, SEEDS.x));
    const weight = sum(LAYER, "weight gradient", 4 * 3 * 9, (i) => valueAt(i, SEEDS.w));
    expect(data).toBeCloseTo(forward, 9);
    expect(weight).toBeCloseTo(forward, 9);
    expect(Math.abs(forward)).toBeGreaterThan(0.01);
  });

  test("a 1x1 convolution of one pixel is a sum over channels", () => {
    const layer: Layer = { x: [1, 5, 1, 1], outputs: 2, kernel: 1, stride: 1, padding: 0 };
    const second = Array.from({ length: 5 }, (_, c) => valueAt(5 + c, SEEDS.w) * valueAt(c, SEEDS.x));
    expect(expectedAt(layer, "forward", 1)).toBeCloseTo(
      second.reduce((a, b) => a + b, 0),
      12,
    );
  });

  test("a product sums over k", () => {
    const terms = [0, 1, 2].map((i) => valueAt(3 + i, SEEDS.x) * valueAt(i * 2 + 1, SEEDS.w));
    expect(productAt({ m: 2, n: 2, k: 3 }, 3)).toBeCloseTo(terms[0]! + terms[1]! + terms[2]!, 12);
  });

  test("operands are those of valueAt, and f16 holds them", () => {
    const all = values(10_000, 2);
    for (const i of [0, 1, 4092, 4093, 9999]) expect(all[i]).toBe(valueAt(i, 2));
    expect(all.every((v) => Number.isInteger(64 * v) && Math.abs(v) <= 1)).toBe(true);
  });

  test("names and work of a layer", () => {
    expect(layerName(LAYER)).toBe("3x3/2 3->4 [2,3,7,6]");
    expect(layerFlops(LAYER)).toBe(2 * 2 * 4 * 4 * 3 * 3 * 9);
  });
});

const H200 = {
  vendor: "nvidia",
  architecture: "hopper",
  device: "NVIDIA H200",
  description: "NVIDIA: 570.1",
  software: false,
  subgroupSize: 32,
  features: [],
};
const GAUGE = { copyGBs: 4000, fmaGFlops: 60_000, copies: [], chains: [] };
const ROW = {
  pass: "conv forward",
  name: "3x3 256->256 [64,256,14,14]",
  precision: "f32" as const,
  kernels: ["conv2d"],
  ms: 0.4,
  leastMs: 0.4,
  firstMs: 90,
  gflops: 36_000,
  error: 0,
};
const STEP = {
  model: "resnet-50",
  precision: "f16" as const,
  batch: 64,
  firstMs: 4000,
  ms: 40,
  leastMs: 39,
  imagesPerSecond: 1600,
  steps: 30,
  dispatches: 600,
  hostUs: 6,
  mib: 5000,
  loss: 2.3,
};

test("predictions are for one card", () => {
  expect(isPredicted(H200)).toBe(true);
  expect(isPredicted({ device: "NVIDIA H100", description: "" })).toBe(false);
});

test("a share above the prediction exceeds it, a longer time misses it", () => {
  expect(predictionText("conv f32", 0.7)).toBe("predicted 55 to 65 % of the f32 peak: exceeded");
  expect(predictionText("conv f32", 0.6)).toContain(": met");
  expect(predictionText("resnet-50 f32", 61)).toBe("predicted 50 to 60 ms: missed");
  expect(predictionText("unknown", 1)).toBe("");
});

test("lines have the prediction beside the measurement on that card only", () => {
  const line = "conv forward 3x3 256->256 [64,256,14,14] f32: 400 us, 36.0 TFLOP/s, 60 % of the f32 peak (conv2d)";
  expect(kernelLine(ROW, GAUGE, H200)).toBe(`${line}; predicted 55 to 65 % of the f32 peak: met`);
  expect(kernelLine(ROW, GAUGE, { ...H200, device: "other", description: "" })).toBe(line);
  expect(kernelLine({ ...ROW, name: "3x3 16->16 [128,16,32,32]" }, GAUGE, H200)).not.toContain("predicted");
  expect(stepLine(STEP, H200)).toContain("step resnet-50 batch 64 f16: 40.0 ms, 1600 images/s");
  expect(stepLine(STEP, H200)).toContain("predicted 22 to 30 ms: missed");
});

test("PyTorch's lines have the ratio for what both measured", () => {
  const torch = {
    version: "2.9",
    device: "NVIDIA H200",
    rows: [
      { pass: "conv forward", name: ROW.name, precision: "tf32" as const, ms: 0.2 },
      { pass: "step", name: "resnet-50 batch 64", precision: "f16" as const, ms: 20 },
      { pass: "matmul", name: "1x1x1", precision: "f32" as const, ms: 1 },
    ],
  };
  const tuned = { choices: {}, kernels: [], steps: [] };
  const lines = torchLines({ torch, kernels: [ROW], steps: [STEP], tuned } as unknown as GpuReport);
  expect(lines).toEqual([
    "PyTorch 2.9 on NVIDIA H200:",
    "  conv forward 3x3 256->256 [64,256,14,14] tf32: 200 us, Espalier 400 us: 0.500 of its speed",
    "  step resnet-50 batch 64 f16: 20.0 ms, Espalier 40.0 ms: 0.500 of its speed",
    "  matmul 1x1x1 f32: 1.00 ms",
  ]);
});

test("the file is named by the adapter", () => {
  expect(fileNameOf(H200)).toBe("gpu_nvidia_h200.json");
  expect(fileNameOf({ ...H200, device: "", description: "llvmpipe: Mesa 25 (LLVM)" })).toBe(
    "gpu_llvmpipe_mesa_25_llvm.json",
  );
});
