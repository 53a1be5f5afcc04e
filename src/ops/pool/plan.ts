// Shared parts of sliding-window pools: options, checks and output size.
import { expectActivations, expectRank } from "../../autograd/index.ts";
import { OpError, type Spec } from "../../gpu/index.ts";
import { actSpec, type Tensor } from "../../tensor/index.ts";
import type { Pair } from "../conv/shape.ts";

/** Options of `maxPool2d`. Sizes are one number for both axes, or [rows, columns]. */
export interface PoolOptions {
  /** Window, [height, width] or one number for both. All sizes here have this form. */
  kernel: Pair;
  /** Default: the kernel. */
  stride?: Pair;
  /** Default 0; at most half the kernel. */
  padding?: Pair;
  /** True rounds the output size up: a last window may overhang the end. Default false. */
  ceilMode?: boolean;
}

/** Return both numbers of an option. Anything else becomes NaN, which the checks below refuse. */
const pair = (v: Pair): [number, number] => {
  if (typeof v === "number") return [v, v];
  return v?.length === 2 ? [v[0], v[1]] : [Number.NaN, Number.NaN];
};

interface PoolPlan {
  window: [number, number];
  stride: [number, number];
  padding: [number, number];
  in_size: [number, number];
  out_size: [number, number];
}

/** Check x [N,C,H,W] and the options, and return all sizes. A window must start inside the input or its left padding. */
export function planPool(
  op: string,
  x: Tensor,
  { kernel, stride = kernel, padding = 0, ceilMode = false }: PoolOptions,
): PoolPlan {
  expectActivations(op, { x });
  expectRank(op, "x", x, 4);
  const plan = { window: pair(kernel), stride: pair(stride), padding: pair(padding) };
  const in_size = [x.shape[2]!, x.shape[3]!] as [number, number];
  const out_size = in_size.map((size, i) => {
    const [k, s, p] = [plan.window[i], plan.stride[i], plan.padding[i]] as [number, number, number];
    if (!Number.isInteger(k) || k < 1) throw new OpError(op, `kernel: expected integers >= 1, got ${kernel}`, { x });
    if (!Number.isInteger(s) || s < 1) throw new OpError(op, `stride: expected integers >= 1, got ${stride}`, { x });
    if (!Number.isInteger(p) || p < 0 || 2 * p > k)
      throw new OpError(op, `padding: expected 0 to half the kernel, ${kernel}, got ${padding}`, { x });
    const span = (size + 2 * p - k) / s;
    let out = (ceilMode ? Math.ceil(span) : Math.floor(span)) + 1;
    if (ceilMode && (out - 1) * s >= size + p) out--;
    if (out < 1) throw new OpError(op, `kernel: expected at most the padded input, got ${kernel}`, { x });
    return out;
  }) as [number, number];
  return { ...plan, in_size, out_size };
}

/** Windows and spans up to this many elements are written out by the kernels. */
const MOST_WRITTEN_OUT = 9;

/**
 * Return a plan in the kernels' form: window and stride as constants (shaders/lib/pool_window.wgsl), sizes as params, and the
 * elements that an invocation writes. Where the rows of x and of the result are whole quads, it writes four.
 */
export function poolVariant({ window, stride, padding, in_size, out_size }: PoolPlan, of: "y" | "dx", act: Tensor) {
  const [WINDOW_Y, WINDOW_X] = window;
  const [STRIDE_Y, STRIDE_X] = stride;
  const written = of === "y" ? out_size[1] : in_size[1];
  const isWhole = written % 4 === 0 && (of === "dx" || in_size[1] % 4 === 0) && 4 % STRIDE_X === 0;
  const EACH = isWhole && WINDOW_Y * WINDOW_X <= MOST_WRITTEN_OUT ? 4 : 1;
  const types = actSpec(act);
  const quads: Spec = EACH === 4 ? { Lane: "vec4<f32>", Out: "vec4<Act>", written: "Out(v)" } : {};
  return {
    spec: { WINDOW_Y, WINDOW_X, STRIDE_Y, STRIDE_X, PADDING_X: padding[1], EACH, ...types, ...quads },
    sizes: { in_size, out_size, padding: padding[0] },
    each: EACH,
  };
}
