// Measures single kernels: convolutions in three passes and matrix products, in f32 and f16, with a check of some results.

import { noGrad } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { convForward, convGradInput, convGradWeight } from "../../src/ops/conv/passes.ts";
import { convShape } from "../../src/ops/conv/shape.ts";
import { matmul } from "../../src/ops/index.ts";
import { empty, metaTensor, Scope, type Shape, type Tensor, tensor } from "../../src/tensor/index.ts";
import type { Precision } from "../../src/train/index.ts";
import { recorded } from "../cases/recorded.ts";
import { type Clock, timeRuns } from "../lib/clock.ts";
import { median } from "../lib/statistics.ts";
import {
  expectedAt,
  type Layer,
  layerFlops,
  layerName,
  outputSize,
  type Pass,
  type Product,
  productAt,
  productName,
  SEEDS,
  values,
} from "./layers.ts";

/** Measurement of one kernel. */
export interface KernelRow {
  /** Pass of a convolution, or `matmul`. */
  readonly pass: string;
  readonly name: string;
  readonly precision: Precision;
  /** Kernels that ran. */
  readonly kernels: readonly string[];
  /** Median and least milliseconds of a run. */
  readonly ms: number;
  readonly leastMs: number;
  /** First run: compilation included. */
  readonly firstMs: number;
  /** Speed by the median. */
  readonly gflops: number;
  /** Largest error of the checked results, as a share of the largest of them. */
  readonly error: number;
}

const TRIES = 5;
/** Milliseconds of a try. */
const TRY_MS = 25;
const SAMPLES = 8;

/** Largest share of an error by the element type of the result: f32 sums of exact products, and one rounding to f16. */
export const TOLERANCE: Readonly<Record<string, number>> = { f32: 1e-4, f16: 2 ** -10 };

function operand(shape: Shape, seed: number, precision: Precision): Tensor {
  const length = shape.reduce((a, b) => a * b, 1);
  return tensor(values(length, seed), shape, precision);
}

/** Compare some results with float64. Returns the largest error as a share of the largest expected result. */
async function check(result: Tensor, expected: (index: number) => number): Promise<number> {
  const got = await result.data();
  let error = 0;
  let largest = 1e-30;
  for (let i = 0; i < SAMPLES; i++) {
    const index = Math.floor(((i + 0.37) * got.length) / SAMPLES);
    const want = expected(index);
    error = Math.max(error, Math.abs(got[index]! - want));
    largest = Math.max(largest, Math.abs(want));
  }
  const share = error / largest;
  // NaN fails too.
  if (!(share <= (TOLERANCE[result.dtype] ?? 0)))
    throw new Error(`wrong results: the error is ${share} of the largest`);
  return share;
}

/** Measure a run: the first one, which compiles, and then several tries. */
export async function timeKernel(
  run: () => void,
  clock: Clock,
): Promise<Pick<KernelRow, "ms" | "leastMs" | "firstMs">> {
  const gpu = currentGpu();
  const first = await timeRuns(gpu, run, 1, "queue");
  const once = await timeRuns(gpu, run, 1, "queue");
  const repeats = Math.max(1, Math.min(200, Math.ceil(TRY_MS / Math.max(once.ms, 1e-3))));
  const times: number[] = [];
  for (let i = 0; i < TRIES && (i < 2 || once.ms < 1000); i++) {
    times.push((await timeRuns(gpu, run, repeats, clock)).ms / repeats);
  }
  return { ms: median(times), leastMs: Math.min(...times), firstMs: first.ms };
}

async function measure(
  what: Pick<KernelRow, "pass" | "name" | "precision"> & { readonly flops: number },
  body: () => Tensor,
  expected: (index: number) => number,
  clock: Clock,
): Promise<KernelRow> {
  const { flops, ...names } = what;
  const variant = recorded(what.name, () => noGrad(() => [body()]));
  const times = await timeKernel(() => variant.run(), clock);
  const error = await check(variant.results()[0]!, expected);
  return { ...names, kernels: variant.kernels?.() ?? [], ...times, gflops: flops / times.ms / 1e6, error };
}

/** Measure one pass of a layer. */
export async function measureLayer(layer: Layer, pass: Pass, precision: Precision, clock: Clock): Promise<KernelRow> {
  using _scope = new Scope();
  const { x: xShape, outputs, kernel, stride, padding } = layer;
  const wShape = [outputs, xShape[1], kernel, kernel];
  const yShape = [xShape[0], outputs, ...outputSize(layer)];
  const s = convShape(metaTensor(xShape), metaTensor(wShape), null, { stride, padding });
  const x = pass === "data gradient" ? null : operand(xShape, SEEDS.x, precision);
  const dy = pass === "forward" ? null : operand(yShape, SEEDS.dy, precision);
  // Weights are f32 in either precision.
  const w = operand(wShape, SEEDS.w, "f32");
  const body = () => {
    if (pass === "forward") {
      const y = empty(yShape, precision);
      convForward(s, "auto", { x: x!, w, b: null, y });
      return y;
    }
    if (pass === "data gradient") {
      const dx = empty(xShape, precision);
      convGradInput(s, "auto", { dy: dy!, w, dx });
      return dx;
    }
    const dw = empty(wShape);
    convGradWeight(s, "auto", { x: x!, dy: dy!, dw });
    return dw;
  };
  const what = { pass: `conv ${pass}`, name: layerName(layer), precision, flops: layerFlops(layer) };
  return await measure(what, body, (index) => expectedAt(layer, pass, index), clock);
}

/** Measure a matrix product. */
export async function measureProduct(product: Product, precision: Precision, clock: Clock): Promise<KernelRow> {
  using _scope = new Scope();
  const { m, n, k } = product;
  const a = operand([m, k], SEEDS.x, precision);
  const b = operand([k, n], SEEDS.w, precision);
  const what = { pass: "matmul", name: productName(product), precision, flops: 2 * m * n * k };
  return await measure(
    what,
    () => matmul(a, b),
    (index) => productAt(product, index),
    clock,
  );
}
