// Convolution: each pass by each algorithm, against the naive twin. "auto" is the choice of conv2d().

import { currentGpu } from "../../src/gpu/index.ts";
import { enableNaiveConvolution } from "../../src/internal.ts";
import { convForward, convGradInput, convGradWeight } from "../../src/ops/conv/passes.ts";
import { type ConvAlgorithm, type ConvShape, convShape, outputShape } from "../../src/ops/conv/shape.ts";
import { empty, metaTensor, type Tensor } from "../../src/tensor/index.ts";
import type { KernelCase } from "../lib/case.ts";
import { brackets, bytes, random } from "./data.ts";
import { recorded } from "./recorded.ts";

enableNaiveConvolution();

interface Layer {
  readonly x: readonly [batch: number, channels: number, rows: number, columns: number];
  readonly outputs: number;
  readonly kernel: number;
  readonly stride?: number;
  readonly padding?: number;
  readonly groups?: number;
  /** Passes to measure. Default all. */
  readonly passes?: readonly Pass[];
}

type Pass = "forward" | "grad input" | "grad weight";
const PASSES: readonly Pass[] = ["forward", "grad input", "grad weight"];

// The first four are the workloads of the comparison with other engines; the rest are layers of LeNet, ResNet and MobileNet.
// Each pass is at most 0.25 GFLOP, so that the naive twin takes a second at most on a software adapter.
const LAYERS: readonly Layer[] = [
  { x: [8, 16, 32, 32], outputs: 32, kernel: 3, padding: 1 },
  { x: [8, 64, 16, 16], outputs: 64, kernel: 3, padding: 1 },
  { x: [8, 64, 16, 16], outputs: 128, kernel: 1 },
  { x: [8, 64, 32, 32], outputs: 64, kernel: 3, padding: 1, groups: 64 },
  { x: [64, 1, 28, 28], outputs: 8, kernel: 5, stride: 2, padding: 2 },
  { x: [64, 8, 14, 14], outputs: 16, kernel: 5, stride: 2, padding: 2 },
  { x: [16, 3, 32, 32], outputs: 16, kernel: 3, padding: 1 },
  { x: [16, 16, 32, 32], outputs: 16, kernel: 3, padding: 1 },
  { x: [8, 32, 32, 32], outputs: 64, kernel: 3, stride: 2, padding: 1 },
  { x: [16, 64, 8, 8], outputs: 64, kernel: 3, padding: 1 },
  { x: [16, 32, 16, 16], outputs: 64, kernel: 1, stride: 2 },
  { x: [8, 16, 32, 32], outputs: 16, kernel: 5, padding: 2 },
  { x: [8, 64, 16, 16], outputs: 64, kernel: 3, padding: 1, groups: 4 },
  { x: [8, 64, 32, 32], outputs: 64, kernel: 3, stride: 2, padding: 1, groups: 64 },
  // No gradient of images is needed, and the naive twin would take three seconds for it.
  { x: [1, 3, 224, 224], outputs: 64, kernel: 7, stride: 2, padding: 3, passes: ["forward", "grad weight"] },
  { x: [1, 3, 64, 64], outputs: 64, kernel: 7, stride: 2, padding: 3, passes: ["grad input"] },
  { x: [1, 64, 56, 56], outputs: 64, kernel: 3, padding: 1 },
  { x: [1, 256, 14, 14], outputs: 256, kernel: 3, padding: 1 },
  { x: [1, 256, 14, 14], outputs: 256, kernel: 1 },
  { x: [1, 512, 7, 7], outputs: 512, kernel: 3, padding: 1 },
];

// Enough work for a hardware adapter, far too much for a software one.
const LARGE: readonly Layer[] = [
  { x: [128, 16, 32, 32], outputs: 16, kernel: 3, padding: 1 },
  { x: [128, 64, 8, 8], outputs: 64, kernel: 3, padding: 1 },
  { x: [64, 3, 224, 224], outputs: 64, kernel: 7, stride: 2, padding: 3 },
  { x: [64, 64, 56, 56], outputs: 64, kernel: 3, padding: 1 },
  { x: [64, 256, 14, 14], outputs: 256, kernel: 3, padding: 1 },
  { x: [64, 256, 28, 28], outputs: 512, kernel: 1 },
  { x: [64, 128, 56, 56], outputs: 128, kernel: 3, padding: 1, groups: 128 },
];

function shapeOf({ x, outputs, kernel, stride = 1, padding = 0, groups = 1 }: Layer) {
  const w = [outputs, x[1] / groups, kernel, kernel] as const;
  const shape = convShape(metaTensor(x), metaTensor(w), null, { stride, padding, groups });
  return { shape, x, w, y: outputShape(shape) };
}

/** "3x3/2 depthwise 64 [8,64,32,32]" */
function title({ x, outputs, kernel, stride = 1, groups = 1 }: Layer): string {
  const size = `${kernel}x${kernel}${stride > 1 ? `/${stride}` : ""}`;
  const split = groups === 1 ? "" : ` in ${groups} groups`;
  const channels = groups > 1 && groups === x[1] ? `depthwise ${outputs}` : `${x[1]}->${outputs}${split}`;
  return `${size} ${channels} ${brackets(x)}`;
}

interface Operands {
  readonly x: Tensor;
  readonly w: Tensor;
  readonly dy: Tensor;
}

function runPass(pass: Pass, s: ConvShape, algorithm: ConvAlgorithm, { x, w, dy }: Operands): Tensor {
  if (pass === "forward") {
    const y = empty(dy.shape);
    convForward(s, algorithm, { x, w, b: null, y });
    return y;
  }
  if (pass === "grad input") {
    const dx = empty(x.shape);
    convGradInput(s, algorithm, { dy, w, dx });
    return dx;
  }
  const dw = empty(w.shape);
  convGradWeight(s, algorithm, { x, dy, dw });
  return dw;
}

function convCase(layer: Layer, pass: Pass): KernelCase {
  const { shape, x, w, y } = shapeOf(layer);
  const perOutput = (w[1] as number) * layer.kernel * layer.kernel;
  return {
    kind: "kernel",
    group: "conv2d",
    name: `${pass} ${title(layer)}`,
    work: { flops: 2 * y.reduce((a, b) => a * b, 1) * perOutput, bytes: bytes(x, w, y) },
    prepare() {
      const operands = { x: random(x, 1), w: random(w, 2, 0.1), dy: random(y, 3) };
      const { software, subgroupSize } = currentGpu().adapter;
      const algorithms: ConvAlgorithm[] =
        software && subgroupSize >= 4 ? ["naive", "tile", "broadcast", "auto"] : ["naive", "tile", "auto"];
      return { variants: algorithms.map((a) => recorded(a, () => [runPass(pass, shape, a, operands)])) };
    },
  };
}

const casesOf = (layers: readonly Layer[]) =>
  layers.flatMap((layer) => (layer.passes ?? PASSES).map((pass) => convCase(layer, pass)));

export const conv2dCases: readonly KernelCase[] = casesOf(LAYERS);
export const conv2dLargeCases: readonly KernelCase[] = casesOf(LARGE);
