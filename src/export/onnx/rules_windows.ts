// ONNX rules for windows: spatial pooling, and response normalisation over channels. Padding is always explicit, because
// runtimes differ in their ceil mode.
import type { AvgPoolOptions, ResponseNormOptions, UpsampleOptions } from "../../ops/index.ts";
import { type PoolOptions, planPool } from "../../ops/pool/plan.ts";
import { upsamplePlan } from "../../ops/upsample.ts";
import { metaTensor } from "../../tensor/index.ts";
import type { OpContext, Rules } from "./rule.ts";

/** Return window, stride and padding of a pool, with the end padding that the output size needs. */
function pool(c: OpContext) {
  const shape = c.inputShape();
  const plane = [c.fixed(shape, 2), c.fixed(shape, 3)];
  const { window, stride, padding, out_size } = planPool(
    c.step.op,
    metaTensor([1, 1, ...plane]),
    c.options<PoolOptions>(),
  );
  const behind = out_size.map((out, i) => {
    const [k, s, p] = [window[i], stride[i], padding[i]] as [number, number, number];
    return Math.max(p, (out - 1) * s + k - plane[i]! - p);
  });
  return { window, stride, padding, behind };
}

function maxPool2d(c: OpContext): void {
  const { window, stride, padding, behind } = pool(c);
  c.end("MaxPool", [c.x], {
    kernel_shape: { ints: window },
    strides: { ints: stride },
    pads: { ints: [...padding, ...behind] },
  });
}

function avgPool2d(c: OpContext): void {
  const { window, stride, padding, behind } = pool(c);
  const { countIncludePad = true } = c.options<AvgPoolOptions>();
  const attributes = { kernel_shape: { ints: window }, strides: { ints: stride } };
  if (!countIncludePad) {
    c.end("AveragePool", [c.x], { ...attributes, pads: { ints: [...padding, ...behind] } });
    return;
  }
  // Counted padding is data; the overhang of ceil mode is not counted.
  const hanging = behind.map((b, i) => b - padding[i]!);
  let x = c.x;
  if (padding.some((p) => p > 0)) x = c.add("Pad", [x, c.graph.integers([0, 0, ...padding, 0, 0, ...padding])]);
  c.end("AveragePool", [x], { ...attributes, pads: { ints: [0, 0, ...hanging] } });
}

/** Return a matrix [outputs, size] of averaging weights: row i holds those of bin i. */
function bins(size: number, outputs: number): Float32Array {
  const matrix = new Float32Array(outputs * size);
  for (let i = 0; i < outputs; i++) {
    const from = Math.floor((i * size) / outputs);
    const to = Math.ceil(((i + 1) * size) / outputs);
    matrix.fill(1 / (to - from), i * size + from, i * size + to);
  }
  return matrix;
}

/** Write adaptive pooling: a pool if all bins have the same size, else a matrix product along each axis. */
function adaptiveAvgPool2d(c: OpContext): void {
  const [, , h, w] = c.inputShape().map((_, axis) => (axis < 2 ? 0 : c.fixed(c.inputShape(), axis)));
  const [height, width] = [h!, w!];
  const [oh, ow] = [c.fixed(c.outputShape, 2), c.fixed(c.outputShape, 3)];
  if (oh === 1 && ow === 1) c.end("GlobalAveragePool", [c.x]);
  else if (height % oh === 0 && width % ow === 0) {
    const window = { ints: [height / oh, width / ow] };
    c.end("AveragePool", [c.x], { kernel_shape: window, strides: window });
  } else {
    const rows = c.graph.numbers("rows", bins(height, oh), [oh, height]);
    const columns = c.graph.numbers("columns", bins(width, ow), [ow, width]);
    const across = c.add("Transpose", [columns], { perm: { ints: [1, 0] } });
    c.end("MatMul", [c.add("MatMul", [rows, c.x]), across]);
  }
}

/** Return a matrix [C, C]: row c marks the channels in the window of c. */
function band(channels: number, size: number, value: number): Float32Array {
  const matrix = new Float32Array(channels * channels);
  for (let c = 0; c < channels; c++) {
    const from = Math.max(0, c - Math.floor(size / 2));
    const to = Math.min(channels, c + Math.floor((size - 1) / 2) + 1);
    matrix.fill(value, c * channels + from, c * channels + to);
  }
  return matrix;
}

/** Write LRN if it is equivalent; else use other nodes: ONNX's window differs for even sizes, and runtimes require four axes. */
function localResponseNorm(c: OpContext): void {
  const { size, alpha = 1e-4, beta = 0.75, k = 1 } = c.options<ResponseNormOptions>();
  const shape = c.inputShape();
  const channels = c.fixed(shape, 1);
  if (size % 2 === 1 && shape.length === 4) {
    const [a, b, bias] = [{ float: alpha }, { float: beta }, { float: k }];
    c.end("LRN", [c.x], { size: { int: size }, alpha: a, beta: b, bias });
    return;
  }
  const { graph, x } = c;
  const weights = graph.numbers("window", band(channels, size, alpha / size), [channels, channels]);
  const area = shape.slice(2).reduce((n: number, _, i) => n * c.fixed(shape, i + 2), 1);
  const squares = c.reshape(c.add("Mul", [x, x]), [...shape.slice(0, 2), area]);
  const sums = c.reshape(c.add("MatMul", [weights, squares]), shape);
  c.end("Div", [x, c.add("Pow", [c.add("Add", [sums, graph.scalar(k)]), graph.scalar(beta)])]);
}

/** Write Resize with the output size, or with the scales if they are fractions: then the size alone does not give the ratio. */
function upsample(c: OpContext): void {
  const options = c.options<UpsampleOptions>();
  const { mode = "nearest", alignCorners = false } = options;
  const shape = c.inputShape();
  const plan = upsamplePlan([1, 1, c.fixed(shape, 2), c.fixed(shape, 3)], options);
  const nearest = { mode: { text: "nearest" }, nearest_mode: { text: "floor" } };
  const position = mode === "nearest" ? "asymmetric" : alignCorners ? "align_corners" : "half_pixel";
  const attributes = {
    ...(mode === "nearest" ? nearest : { mode: { text: "linear" } }),
    coordinate_transformation_mode: { text: position },
  };
  if (alignCorners || plan.every(({ rational }) => rational)) {
    const lead = c.add("Shape", [c.x], { start: { int: 0 }, end: { int: 2 } });
    const size = c.add("Concat", [lead, c.integers(plan.map(({ out }) => out))], { axis: { int: 0 } });
    c.end("Resize", [c.x, null, null, size], attributes);
  } else {
    // Resize takes scales of f32 alone.
    const scales = c.graph.numbers("scales", Float32Array.of(1, 1, ...plan.map(({ ratio }) => 1 / ratio)), [4], "f32");
    c.end("Resize", [c.x, null, scales], attributes);
  }
}

export const windowRules: Rules = {
  upsample,
  maxPool2d,
  avgPool2d,
  adaptiveAvgPool2d,
  localResponseNorm,
};
