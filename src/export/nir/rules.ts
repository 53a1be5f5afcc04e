// NIR nodes of the engine's ops. Each rule adds the nodes of one op of a traced network.
import type { NirArray, NirNode } from "../../io/index.ts";
import type { TracedStep } from "../../nn/index.ts";
import type { AvgPoolOptions, Conv2dOptions } from "../../ops/index.ts";
import { type NeuronKind, type NeuronOptions, resolveNeuron } from "../../ops/spiking/neuron.ts";
import { type Shape, sameShape, type Tensor } from "../../tensor/index.ts";
import { foldedWeights } from "./folded.ts";
import { filled, integer, integers, thresholdAbove } from "./numbers.ts";

/** One op to translate. A value is a list of nodes whose outputs add up. */
export interface NirOp {
  readonly step: TracedStep;
  /** Batch norm after the layer, which is folded into it; null without one. */
  readonly norm: TracedStep | null;
  /** Seconds of a time step. */
  readonly dt: number;
  /** Shape of one sample of a value, at one time step. */
  shapeOf(t: Tensor): Shape;
  valuesOf(t: Tensor): Float32Array;
  /** Return the nodes of an input. */
  sources(i?: number): readonly string[];
  /** Add a node that reads `from`. Returns its name in a list. */
  node(node: NirNode, from: readonly string[], label?: string): readonly string[];
  fail(problem: string): never;
}

/** Adds the nodes of an op. Returns those of its output. */
export type NirRule = (op: NirOp) => readonly string[];

const pair = (v: number | readonly [number, number]): readonly number[] => (typeof v === "number" ? [v, v] : v);
const array = (data: Float32Array, shape: Shape): NirArray => ({ data, shape });

function conv2d(op: NirOp): readonly string[] {
  const { stride = 1, padding = 0, dilation = 1, groups = 1 } = op.step.options as Conv2dOptions;
  const [x, weightTensor] = op.step.inputs;
  const { weight, bias } = foldedWeights(op.step, op.norm, op.valuesOf);
  const channels = weightTensor!.shape[0]!;
  const params = {
    input_shape: integers(op.shapeOf(x!).slice(1)),
    weight: array(weight, weightTensor!.shape),
    bias: array(bias ?? new Float32Array(channels), [channels]),
    stride: integers(pair(stride)),
    padding: integers(pair(padding)),
    dilation: integers(pair(dilation)),
    groups: integer(groups),
  };
  return op.node({ type: "Conv2d", params }, op.sources());
}

function linear(op: NirOp): readonly string[] {
  const [x, weightTensor] = op.step.inputs;
  if (op.shapeOf(x!).length !== 1) op.fail("expected a linear layer on one axis per sample");
  const { weight, bias } = foldedWeights(op.step, op.norm, op.valuesOf);
  const params = { weight: array(weight, weightTensor!.shape) };
  const [channels = 0] = weightTensor!.shape;
  if (!bias) return op.node({ type: "Linear", params }, op.sources());
  return op.node({ type: "Affine", params: { ...params, bias: array(bias, [channels]) } }, op.sources());
}

/** Merge all axes of a sample into one. */
function flattened(op: NirOp, from: readonly string[], shape: Shape): readonly string[] {
  const params = { start_dim: integer(0), end_dim: integer(-1), input_type: integers(shape) };
  return op.node({ type: "Flatten", params }, from, "flatten");
}

function reshaped(op: NirOp): readonly string[] {
  const [before, after] = [op.shapeOf(op.step.inputs[0]!), op.shapeOf(op.step.output)];
  if (sameShape(before, after)) return op.sources();
  if (after.length === 1) return flattened(op, op.sources(), before);
  return op.fail(`expected a reshape of the samples to one axis, got [${before}] to [${after}]`);
}

const pool = (op: NirOp, kernel: readonly number[], stride: readonly number[], padding: readonly number[]) =>
  op.node(
    {
      type: "AvgPool2d",
      params: { kernel_size: integers(kernel), stride: integers(stride), padding: integers(padding) },
    },
    op.sources(),
    "pool",
  );

function avgPool2d(op: NirOp): readonly string[] {
  const { kernel, stride = kernel, padding = 0, ceilMode, countIncludePad = true } = op.step.options as AvgPoolOptions;
  if (ceilMode) op.fail("expected ceilMode false, which NIR lacks");
  if (!countIncludePad && pair(padding).some((p) => p > 0))
    op.fail("expected countIncludePad true, which NIR's pools count");
  return pool(op, pair(kernel), pair(stride), pair(padding));
}

/** Pool the whole image. */
function globalPool(op: NirOp): readonly string[] {
  const [, h = 1, w = 1] = op.shapeOf(op.step.inputs[0]!);
  return pool(op, [h, w], [h, w], [0, 0]);
}

function adaptiveAvgPool2d(op: NirOp): readonly string[] {
  const [, h, w] = op.shapeOf(op.step.output);
  return h === 1 && w === 1 ? globalPool(op) : op.fail(`expected a pool to one pixel, got [${h},${w}]`);
}

/** A mean over the one time step is the value itself; over height and width too it is a pool. */
function mean(op: NirOp): readonly string[] {
  const [x] = op.step.inputs;
  const [before, after] = [op.shapeOf(x!), op.shapeOf(op.step.output)];
  if (sameShape(before, after)) return op.sources();
  const isImage = before.length === 3 && after[0] === before[0] && after.slice(1).every((d) => d === 1);
  if (!isImage) op.fail(`expected a mean over time or over whole images, got [${before}] to [${after}]`);
  const pooled = globalPool(op);
  return after.length === 1 ? flattened(op, pooled, [before[0]!, 1, 1]) : pooled;
}

/** Several sources of a node add up. */
function sum(op: NirOp): readonly string[] {
  const [a, b] = op.step.inputs;
  if (!a || !b || !sameShape(op.shapeOf(a), op.shapeOf(b))) op.fail("expected a sum of two values of one shape");
  const both = [...op.sources(0), ...op.sources(1)];
  return new Set(both).size === both.length
    ? both
    : op.fail("expected a sum of different values: NIR has one edge between two nodes");
}

function sewConnect(op: NirOp): readonly string[] {
  const { connect = "ADD" } = op.step.options as { connect?: string };
  return connect === "ADD" ? sum(op) : op.fail(`connect: expected ADD, got ${connect}, which NIR cannot express`);
}

/** NIR: tau dv/dt = (v_leak - v) + r I by forward Euler, dt per step. IF: dv/dt = r I. Then v > v_threshold resets v to v_reset. */
function neuron(kind: NeuronKind): NirRule {
  return (op) => {
    const { timeSteps: _, ...options } = op.step.options as NeuronOptions;
    const { smooth, params } = resolveNeuron(op.step.op, kind, options);
    if (smooth) op.fail("smooth firing is for gradient checks only");
    if (params.keep === 1)
      op.fail("vReset: expected a number: soft reset subtracts the threshold, and NIR's neurons reset to a value");
    if (op.step.inputs[2]) op.fail("an initial potential (v0) cannot be exported");
    const shape = op.shapeOf(op.step.output);
    const fire = { v_threshold: filled(shape, thresholdAbove(params.threshold)), v_reset: filled(shape, params.to) };
    if (kind === "IF") return op.node({ type: "IF", params: { r: filled(shape, 1 / op.dt), ...fire } }, op.sources());
    const tau = kind === "PLIF" ? 1 + Math.exp(-op.valuesOf(op.step.inputs[1]!)[0]!) : 1 / params.k;
    const leaky = {
      tau: filled(shape, tau * op.dt),
      r: filled(shape, params.decay_input === 1 ? 1 : tau),
      v_leak: filled(shape, params.rest),
    };
    return op.node({ type: "LIF", params: { ...leaky, ...fire } }, op.sources());
  };
}

/** Rules by op name. */
export const nirRules: Readonly<Record<string, NirRule>> = {
  conv2d,
  linear,
  reshape: reshaped,
  flatten: reshaped,
  avgPool2d,
  adaptiveAvgPool2d,
  mean,
  add: sum,
  sewConnect,
  integrateAndFire: neuron("IF"),
  lif: neuron("LIF"),
  plif: neuron("PLIF"),
};
