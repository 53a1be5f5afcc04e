// Resamples images to another size: nearest pixels, or bilinear interpolation.
import forwardWgsl from "../../shaders/upsample2d.wgsl";
import backwardWgsl from "../../shaders/upsample2d_grad.wgsl";
import { defineOp, expectActivations, expectRank } from "../autograd/index.ts";
import { currentGpu, grid1d, kernel, OpError, type Spec } from "../gpu/index.ts";
import { actSpec, type Shape, type Tensor } from "../tensor/index.ts";
import { type Pair, pairOf } from "./conv/shape.ts";

const forwardKernel = kernel("upsample2d", forwardWgsl);
const backwardKernel = kernel("upsample2d_grad", backwardWgsl);

/** Results of an invocation, each of one pixel or four: more share its start on a CPU, fewer fill a GPU. */
const [ITEMS_SOFTWARE, ITEMS_HARDWARE] = [2, 1];

/** Options of `upsample`. */
export interface UpsampleOptions {
  /** Output size in pixels: one number, or [rows, columns]. Give either size or scale. */
  readonly size?: Pair;
  /** Output pixels per input pixel: one number, or [rows, columns]. The output has floor(size · scale) pixels. */
  readonly scale?: Pair;
  /** Default "nearest". */
  readonly mode?: "nearest" | "bilinear";
  /** Bilinear: true lets the centres of the corner pixels coincide, false (default) the edges. */
  readonly alignCorners?: boolean;
}

const OP = "upsample";

/** Output size, and source pixels per output pixel, of one axis. */
interface AxisPlan {
  readonly out: number;
  readonly ratio: number;
  /** True if the ratio is that of the two sizes. */
  readonly rational: boolean;
}

function scalesOf(scale: Pair): readonly [number, number] {
  const both = typeof scale === "number" ? [scale, scale] : scale;
  if (Array.isArray(both) && both.length === 2 && both.every((v) => Number.isFinite(v) && v > 0))
    return both as unknown as readonly [number, number];
  const problem = `scale: expected a number > 0, or two as [rows, columns], got ${JSON.stringify(scale)}`;
  throw new OpError(OP, problem);
}

/** Return the plan of both axes. Throws OpError for options out of range. */
export function upsamplePlan(x: Shape, options: UpsampleOptions): readonly [rows: AxisPlan, columns: AxisPlan] {
  const { size, scale, mode = "nearest", alignCorners = false } = options;
  if (mode !== "nearest" && mode !== "bilinear")
    throw new OpError(OP, `mode: expected nearest or bilinear, got ${JSON.stringify(mode)}`);
  if (alignCorners && mode === "nearest") throw new OpError(OP, "alignCorners: expected mode bilinear, got nearest");
  if ((size === undefined) === (scale === undefined)) throw new OpError(OP, "expected either size or scale");
  const sizes = size === undefined ? null : pairOf(OP, "size", size, 1);
  const scales = scale === undefined ? null : scalesOf(scale);
  const axis = (i: 0 | 1): AxisPlan => {
    const input = x[2 + i]!;
    const out = sizes ? sizes[i] : Math.floor(input * scales![i]);
    if (out < 1) throw new OpError(OP, `scale: expected at least one pixel of output, got ${input} · ${scales![i]}`);
    if (alignCorners) return { out, ratio: out > 1 ? (input - 1) / (out - 1) : 0, rational: false };
    const rational = !scales || Number.isInteger(scales[i]);
    return { out, ratio: rational ? input / out : 1 / scales![i], rational };
  };
  return [axis(0), axis(1)];
}

function runParts(x: Shape, options: UpsampleOptions, { numel: n, dtype }: Tensor) {
  const [rows, columns] = upsamplePlan(x, options);
  const params = {
    n,
    input: [x[2]!, x[3]!],
    output: [rows.out, columns.out],
    ratio: [rows.ratio, columns.ratio],
  };
  const { mode = "nearest", alignCorners = false } = options;
  const RATIONAL = rows.rational && columns.rational;
  const spec = { BILINEAR: mode === "bilinear", ALIGNED: alignCorners, RATIONAL, ...actSpec({ dtype }) };
  return { params, spec };
}

/**
 * Resample images to another size, larger or smaller, without a filter.
 *
 * Shapes    x [N, C, H, W] -> y [N, C, OH, OW]: OH and OW are `size`, or floor(H · scale) and floor(W · scale).
 * Modes     nearest: y[i] = x[floor(i · H / OH)]. bilinear: the four pixels around (i + 1/2) · H / OH - 1/2, at least 0; with
 *           alignCorners around i · (H - 1) / (OH - 1). A fractional scale takes 1 / scale in place of H / OH, as in PyTorch.
 * Backward  Each pixel of x gets the weighted sum of the dy that read it, in a fixed order: no atomics, same bits.
 * Errors    OpError unless x is f32 or f16 with 4 axes, for both or neither of size and scale, for options out of range.
 *
 * @example
 * const x = tensor([[[[1, 2], [3, 4]]]]); // [1, 1, 2, 2]
 * const y = upsample(x, { scale: 2 }); // [1, 1, 4, 4]
 * const z = upsample(x, { size: [3, 3], mode: "bilinear", alignCorners: true });
 * console.log(await z.data()); // 1 1.5 2 2 2.5 3 3 3.5 4
 */
export const upsample = defineOp({
  name: OP,
  options: ["size", "scale", "mode", "alignCorners"],
  infer([x]: [x: Tensor], options: UpsampleOptions) {
    expectActivations(OP, { x });
    expectRank(OP, "x", x, 4);
    const [rows, columns] = upsamplePlan(x.shape, options);
    return { shape: [...x.shape.slice(0, 2), rows.out, columns.out], dtype: x.dtype };
  },
  forward(y, [x], options) {
    const { params, spec } = runParts(x.shape, options, y);
    const isWhole = y.shape[3]! % 4 === 0;
    const n = isWhole ? y.numel / 4 : y.numel;
    const quads: Spec = isWhole ? { EACH: 4, Out: "vec4<Act>", written: "Out(v)" } : {};
    const ITEMS_PER_INVOCATION = currentGpu().adapter.software ? ITEMS_SOFTWARE : ITEMS_HARDWARE;
    forwardKernel.run({
      bind: { x, y },
      params: { ...params, n },
      spec: { ...spec, ITEMS_PER_INVOCATION, ...quads },
      grid: grid1d(n),
    });
    return [];
  },
  backward(dy, _saved, { options, shapes, out }) {
    const dx = out(0);
    backwardKernel.run({ bind: { dy, dx }, ...runParts(shapes[0]!, options, dx), grid: grid1d(dx.numel) });
    return [dx];
  },
});
