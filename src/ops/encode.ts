// Encoders: convert numbers to inputs of a spiking network. x [N, *] -> [T, N, *], time first.

import encodeWgsl from "../../shaders/encode.wgsl";
import latencyWgsl from "../../shaders/encode_latency.wgsl";
import poissonWgsl from "../../shaders/encode_poisson.wgsl";
import { computeOnce, defineOp, expectActivations, sumAxesInto } from "../autograd/index.ts";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import { actSpec, clone, type DType, type Shape, sameShape, type Tensor } from "../tensor/index.ts";
import { streams } from "../tensor/philox.ts";
import { expectDraw } from "./pointwise/random_draw.ts";
import { vec4 } from "./pointwise/vec4.ts";
import { type LatencyFunction, latencyBounds, MOST_LOG_STEPS } from "./spiking/latency.ts";
import { expectTimeSteps } from "./spiking/neuron.ts";

const encodeKernel = kernel("encode", encodeWgsl);
const latencyKernel = kernel("encode_latency", latencyWgsl);
const poissonKernel = kernel("encode_poisson", poissonWgsl);

export type { LatencyFunction };

/** Options of all encoders. */
export interface EncodeOptions {
  /** T, an integer >= 1. */
  readonly timeSteps: number;
}

/** Beyond this many binary digits a GPU may flush the weight of a digit to zero. */
const MOST_DIGITS = 126;
/** Steps that one dispatch of encode_latency.wgsl writes. */
const LATENCY_STEPS = 4;

function timed(op: string, x: Tensor, timeSteps: number, most = 0xffffffff): { shape: Shape; dtype: DType } {
  expectActivations(op, { x });
  expectTimeSteps(op, timeSteps);
  if (timeSteps > most) throw new OpError(op, `timeSteps: expected at most ${most}, got ${timeSteps}`);
  return { shape: [timeSteps, ...x.shape], dtype: x.dtype };
}

/** Params of a kernel that handles one Item of x per invocation. */
function itemsOf(x: Tensor) {
  const wide = x.numel % 4 === 0;
  const types = { Item: wide ? "vec4<f32>" : "f32", ...(x.dtype === "f16" && { Stored: wide ? "vec4<f16>" : "f16" }) };
  return { types, n: wide ? x.numel / 4 : x.numel };
}

function repeat(x: Tensor, y: Tensor, DIGITS: boolean): void {
  const { types, n } = itemsOf(x);
  encodeKernel.run({
    bind: { x, y },
    params: { n, steps: y.shape[0]! },
    spec: { ...types, DIGITS },
    grid: grid1d(n),
  });
}

/**
 * Encode directly: the same x at every step. If a layer without state follows, run it once and repeat its output.
 *
 * Shapes    x [*] -> y [T, *].
 * Backward  dx = the sum of dy over the steps, in a fixed order.
 * Errors    OpError unless timeSteps is an integer >= 1.
 */
export const encodeDirect = defineOp({
  name: "encodeDirect",
  options: ["timeSteps"],
  infer: ([x]: [x: Tensor], { timeSteps }: EncodeOptions) => timed("encodeDirect", x, timeSteps),
  forward(y, [x]) {
    repeat(x, y, false);
    return [];
  },
  backward(dy, _saved, { out }) {
    const dx = out(0);
    sumAxesInto("encodeDirect", dx, dy, [0]);
    return [dx];
  },
});

/**
 * Encode by weighted phase: the first T binary digits of x, most significant first; step t weighs 2^-(t+1). The digits are
 * exact. x from 0 to 1 - 2^-T; smaller x gives zeros, larger x gives ones.
 *
 * Shapes    x [*] -> y [T, *] of 0 and 1. No gradient.
 * Errors    OpError unless timeSteps is an integer in 1..126.
 * Source    Kim et al. 2018, "Deep neural networks with weighted spikes".
 */
export const encodeWeightedPhase = defineOp({
  name: "encodeWeightedPhase",
  options: ["timeSteps"],
  infer: ([x]: [x: Tensor], { timeSteps }: EncodeOptions) => timed("encodeWeightedPhase", x, timeSteps, MOST_DIGITS),
  forward(y, [x]) {
    repeat(x, y, true);
    return [];
  },
});

/**
 * Encode by latency: one spike per element, the earlier the larger x is, at step (T-1)(1-x), or with "log" at
 * T-1 - ln(a x + 1), a = e^(T-1) - 1; rounded, ties to even. x from 0 to 1; a spike outside steps 0..T-1 is omitted.
 *
 * The shader compares x with bounds that the host computed in float64: no logarithm or rounding of the GPU is involved,
 * and every f32 fires at the step of the formula in float64.
 *
 * Shapes    x [*] -> y [T, *] of 0 and 1. No gradient.
 * Errors    OpError unless timeSteps is an integer >= 1, at most 87 with "log", or for another function.
 */
export const encodeLatency = defineOp({
  name: "encodeLatency",
  options: ["timeSteps", "function"],
  infer([x]: [x: Tensor], { timeSteps, function: rule = "linear" }: EncodeOptions & { function?: LatencyFunction }) {
    if (rule !== "linear" && rule !== "log")
      throw new OpError("encodeLatency", `function: expected linear or log, got ${rule}`);
    return timed("encodeLatency", x, timeSteps, rule === "log" ? MOST_LOG_STEPS : undefined);
  },
  forward(y, [x], { timeSteps, function: rule = "linear" }) {
    const { types, n } = itemsOf(x);
    const bounds = latencyBounds(timeSteps, rule);
    const four = (from: number) =>
      Array.from({ length: LATENCY_STEPS }, (_, t) => bounds[Math.min(from + t, timeSteps)]!);
    for (let first = 0; first < timeSteps; first += LATENCY_STEPS) {
      const steps = Math.min(LATENCY_STEPS, timeSteps - first);
      const params = { n, first, steps, before: four(first), since: four(first + 1) };
      latencyKernel.run({ bind: { x, y }, params, spec: types, grid: grid1d(n) });
    }
    return [];
  },
});

/** Source of the random numbers of a Poisson code. */
export interface PoissonOptions extends EncodeOptions {
  /** An integer from 0 to 2^53 - 1. */
  readonly seed: number;
  /** Index of the encoder among the layers that draw, u32. */
  readonly stream: number;
  /** Index of the run's step on the GPU, [] u32. A replayed step draws new spikes when it has advanced. */
  readonly step: Tensor;
}

interface Draw {
  /** [T, *], or null: drawn. */
  readonly given: Tensor | null;
  readonly step: Tensor | null;
  readonly seed: number;
  readonly layer: number;
}

function compare(x: Tensor, y: Tensor, { given, step, seed, layer }: Draw): void {
  const wide = x.numel % 4 === 0;
  const { types, n } = itemsOf(x);
  poissonKernel.run({
    bind: { x, u: given ? vec4(given) : vec4(x), step: step ?? x, result: vec4(y) },
    params: {
      n: y.numel,
      items: n,
      seed: [seed >>> 0, Math.floor(seed / 2 ** 32)],
      layer,
    },
    spec: {
      ...types,
      ...actSpec(y),
      ...(given?.dtype === "f16" && { Given: "f16" }),
      WIDE: wide,
      GIVEN: given !== null,
      STREAM: streams.poisson,
    },
    grid: grid1d(y.numel),
  });
}

/**
 * Encode by rate (Poisson coding): a spike if a new uniform number u <= x, so that x in 0..1 is the firing rate. u of element
 * e of y (counted over [T, *]) is number e % 4 of philox4x32 at counter (e/4, step, stream, high word of the seed), key (low
 * word, streams.poisson). u is a multiple of 2^-24 in [0, 1): x = 1 fires always, x = 0 if u is exactly 0, once in 2^24
 * draws, and x < 0 never.
 *
 * Shapes    x [*], step [] u32 -> y [T, *] of 0 and 1. No gradient.
 * Errors    OpError when timeSteps, seed or stream is out of range or the step is no u32.
 * Source    Philox4x32-10 of Salmon et al. 2011; the rule u <= x is that of SpikingJelly.
 */
export const encodePoisson = defineOp({
  name: "encodePoisson",
  options: ["timeSteps", "seed", "stream", "step"],
  infer([x]: [x: Tensor], { timeSteps, seed, stream, step }: PoissonOptions) {
    const op = "encodePoisson";
    const inferred = timed(op, x, timeSteps);
    expectDraw(op, { seed, stream, step });
    return inferred;
  },
  forward(y, [x], { seed, stream, step: current }) {
    // The host may have advanced the step before a checkpoint's second run, which must fire the same spikes.
    const step = computeOnce(() => clone(current));
    compare(x, y, { given: null, step, seed, layer: stream });
    return [];
  },
});

/**
 * Poisson coding with given random numbers: y = 1 if u <= x, else 0.
 *
 * Shapes    x [*], u [T, *] -> y [T, *]. No gradient.
 * Errors    OpError unless u has x's shape behind an axis of time.
 */
export const encodePoissonWith = defineOp({
  name: "encodePoissonWith",
  options: [],
  infer([x, u]: [x: Tensor, u: Tensor], _options: object) {
    expectActivations("encodePoissonWith", { x });
    expectActivations("encodePoissonWith", { u });
    if (u.shape.length === 0 || !sameShape(u.shape.slice(1), x.shape))
      throw new OpError("encodePoissonWith", "u: expected x's shape behind an axis of time", { x, u });
    return { shape: u.shape, dtype: x.dtype };
  },
  forward(y, [x, u]) {
    compare(x, y, { given: u, step: null, seed: 0, layer: 0 });
    return [];
  },
});
