// Arguments of a convolution: options with their defaults, every size by name, and the checks of both.
import { OpError } from "../../gpu/index.ts";
import { type Shape, type Tensor, windowOutput } from "../../tensor/index.ts";
import { valueText } from "../../text/index.ts";

/** One number for both axes, or [rows, columns]. */
export type Pair = number | readonly [rows: number, columns: number];

/**
 * Choice of kernels. "auto" follows the rule in choose.ts, or the tuner; "tile" runs everywhere; "plain" and "broadcast" are
 * for software adapters, "broadcast" needs subgroups of one fixed size; "naive" is the slow definition, for tests and for
 * finding bugs.
 */
export type ConvAlgorithm = "auto" | "tile" | "matrix" | "broadcast" | "plain" | "naive";
/** The algorithms that multiply in registers. */
export type TiledAlgorithm = Exclude<ConvAlgorithm, "auto" | "matrix" | "naive">;

/** Options of `conv2d`. Sizes are one number for both axes, or [rows, columns]. */
export interface Conv2dOptions {
  /** Input pixels per output pixel. Default 1. */
  readonly stride?: Pair;
  /** Zeros around the input, on each side. Default 0. */
  readonly padding?: Pair;
  /** Input pixels per kernel tap. Default 1. */
  readonly dilation?: Pair;
  /** The channels are split into this many separate convolutions. Default 1. */
  readonly groups?: number;
  /** Default "auto". */
  readonly algorithm?: ConvAlgorithm;
}

export interface Axis {
  /** Input, output and kernel size. */
  readonly size: number;
  readonly out: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
}

export interface ConvShape {
  readonly batch: number;
  /** Input and output channels of all groups together. */
  readonly channels: number;
  readonly outputs: number;
  readonly groups: number;
  readonly rows: Axis;
  readonly columns: Axis;
}

/** The parts of a tensor that the checks read. */
type Described = Pick<Tensor, "shape" | "dtype">;

const OP = "conv2d";
const ALGORITHMS: readonly string[] = ["auto", "tile", "matrix", "broadcast", "plain", "naive"];

/** Return both numbers of a pair. Throws OpError unless they are integers >= `least`. */
export function pairOf(op: string, name: string, value: Pair, least: number): readonly [number, number] {
  const both = Array.isArray(value) ? (value as readonly number[]) : [value as number, value as number];
  if (both.length !== 2 || !both.every((v) => Number.isInteger(v) && v >= least)) {
    const given = Array.isArray(value) ? `[${both.join(", ")}]` : valueText(value);
    throw new OpError(op, `${name}: expected an integer >= ${least}, or two as [rows, columns], got ${given}`);
  }
  return both as unknown as readonly [number, number];
}

/** Throw OpError unless there is such an algorithm. */
export function expectAlgorithm(op: string, algorithm: string): void {
  if (!ALGORITHMS.includes(algorithm))
    throw new OpError(op, `algorithm: expected one of ${ALGORITHMS.join(", ")}, got ${algorithm}`);
}

/** Return the number of groups. Throws OpError unless it divides the channels and weight and bias have their sizes. */
function expectGroups(x: Described, weight: Described, bias: Described | null, groups: number): number {
  const tensors = { x, weight, bias };
  const channels = x.shape[1]!;
  const [outputs, perGroup] = weight.shape as [number, number];
  if (!Number.isInteger(groups) || groups < 1) throw new OpError(OP, `groups: expected an integer >= 1, got ${groups}`);
  if (channels % groups !== 0)
    throw new OpError(OP, `groups: expected a divisor of the ${channels} channels of x, got ${groups}`, tensors);
  if (outputs % groups !== 0) {
    const problem = `groups: expected a divisor of the ${outputs} output channels of weight, got ${groups}`;
    throw new OpError(OP, problem, tensors);
  }
  if (perGroup * groups !== channels) {
    const split = groups === 1 ? "" : ` (${perGroup} in each of ${groups} groups)`;
    const problem = `weight: expected ${channels} input channels as in x, got ${perGroup * groups}${split}`;
    throw new OpError(OP, problem, tensors);
  }
  if (bias && (bias.shape.length !== 1 || bias.shape[0] !== outputs))
    throw new OpError(OP, `bias: expected shape [${outputs}], one value per output channel`, tensors);
  return groups;
}

/** Return every size of conv2d(x, weight, bias, options). Throws OpError if they do not fit together. */
export function convShape(x: Described, weight: Described, bias: Described | null, options: Conv2dOptions): ConvShape {
  const tensors = { x, weight, bias };
  for (const [name, t] of Object.entries({ x, weight })) {
    if (t.shape.length !== 4) throw new OpError(OP, `${name}: expected 4 axes, got ${t.shape.length}`, tensors);
  }
  if (x.dtype !== "f32" && x.dtype !== "f16") throw new OpError(OP, `x: expected f32 or f16, got ${x.dtype}`, tensors);
  for (const [name, t] of Object.entries({ weight, bias })) {
    if (t && t.dtype !== "f32") throw new OpError(OP, `${name}: expected f32, got ${t.dtype}`, tensors);
  }
  const groups = expectGroups(x, weight, bias, options.groups ?? 1);
  const stride = pairOf(OP, "stride", options.stride ?? 1, 1);
  const padding = pairOf(OP, "padding", options.padding ?? 0, 0);
  const dilation = pairOf(OP, "dilation", options.dilation ?? 1, 1);
  expectAlgorithm(OP, options.algorithm ?? "auto");
  const [batch, channels, ...size] = x.shape as [number, number, number, number];
  const [outputs, , ...kernel] = weight.shape as [number, number, number, number];
  const axis = (i: 0 | 1): Axis => {
    const out = windowOutput(size[i], kernel[i], stride[i], padding[i], dilation[i]);
    if (out < 1) {
      const span = dilation[i] * (kernel[i] - 1) + 1;
      const name = i === 0 ? "rows" : "columns";
      const problem = `kernel: expected at most the ${size[i] + 2 * padding[i]} ${name} of x with padding, got ${span}`;
      throw new OpError(OP, problem, tensors);
    }
    const [s, p, d] = [stride[i], padding[i], dilation[i]];
    return { size: size[i], out, kernel: kernel[i], stride: s, padding: p, dilation: d };
  };
  return { batch, channels, outputs, groups, rows: axis(0), columns: axis(1) };
}

/** Return [N, O, OH, OW]. */
export function outputShape(s: ConvShape): Shape {
  return [s.batch, s.outputs, s.rows.out, s.columns.out];
}

/** Flatten the plane for a 1x1 kernel that visits every pixel: one long row wastes no lanes. Others stay unchanged. */
export function flattenPoints(s: ConvShape): ConvShape {
  const isPoint = [s.rows, s.columns].every(
    (a) => a.kernel === 1 && a.stride === 1 && a.padding === 0 && a.size === a.out,
  );
  if (!isPoint) return s;
  const one: Axis = { size: 1, out: 1, kernel: 1, stride: 1, padding: 0, dilation: 1 };
  const all = s.rows.size * s.columns.size;
  return { ...s, rows: one, columns: { ...one, size: all, out: all } };
}

/** True for a convolution of as many groups as input channels: each output channel reads one input channel. */
export function isDepthwise(s: ConvShape): boolean {
  return s.groups > 1 && s.groups === s.channels;
}

/** Return the definition's sizes, as Params of the naive and the weight gradient kernels. */
export function definitionParams(s: ConvShape): Record<string, number | number[]> {
  const { rows, columns } = s;
  return {
    x_shape: [s.batch, s.channels, rows.size, columns.size],
    y_shape: [s.batch, s.outputs, rows.out, columns.out],
    kernel: [rows.kernel, columns.kernel],
    stride: [rows.stride, columns.stride],
    padding: [rows.padding, columns.padding],
    dilation: [rows.dilation, columns.dilation],
    groups: s.groups,
  };
}
