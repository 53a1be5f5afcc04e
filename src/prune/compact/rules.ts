// Rules of compaction, one for each op that it crosses: the channels of the result, from those of the inputs.
import { MixedConv2d, type TracedStep } from "../../nn/index.ts";
import type { BatchNormOptions, Conv2dOptions, NarrowOptions, PadOptions, ReduceOptions } from "../../ops/index.ts";
import type { NeuronKind, NeuronOptions } from "../../ops/spiking/neuron.ts";
import { normalizeAxes, normalizeAxis, type Tensor } from "../../tensor/index.ts";
import { BINARY, CONNECT, UNARY } from "./functions.ts";
import { type Layout, reshapedLayout, unknownValues } from "./layout.ts";
import { neverSpikes } from "./neurons.ts";
import { padsChannels } from "./pads_channels.ts";
import type { Walk } from "./walk.ts";

/** Returns the channels of a step's result; null if the op is not crossed. */
type Rule = (step: TracedStep, walk: Walk) => Layout | null;

const pair = (v: number | readonly [number, number] | undefined, otherwise: number): readonly number[] =>
  v === undefined ? [otherwise] : typeof v === "number" ? [v] : v;

const isSome = (v: number | readonly [number, number] | undefined): boolean => pair(v, 0).some((d) => d !== 0);

/** Apply a function to the constants of the first input. */
const mapped = (layout: Layout, f: (v: number) => number): Layout => ({ ...layout, values: layout.values.map(f) });

const unary =
  (name: string): Rule =>
  ({ inputs, options }, walk) => {
    const layout = walk.layoutOf(inputs[0]);
    return layout && mapped(layout, (v) => UNARY[name]!(v, options as Record<string, unknown>));
  };

/** Combine a layout with a tensor that has none: a parameter, or the result of an op that is not crossed. */
function besideUnknown(
  step: TracedStep,
  layout: Layout,
  side: Tensor,
  other: Tensor,
  isProduct: boolean,
): Layout | null {
  const fromRight = side.shape.length - layout.axis;
  const at = other.shape.length - fromRight;
  if (at >= 0 && other.shape[at] !== 1) return null;
  const axis = step.output.shape.length - fromRight;
  return { ...layout, axis, values: layout.values.map((v) => (isProduct && v === 0 ? 0 : Number.NaN)) };
}

/** Combine two layouts position by position: their channels become one set. */
function joined(
  { inputs: [a, b], output }: TracedStep,
  walk: Walk,
  [first, second]: readonly [Layout, Layout],
  f: (a: number, b: number) => number,
): Layout | null {
  const fromRight = a!.shape.length - first.axis;
  if (fromRight !== b!.shape.length - second.axis) return null;
  const n = Math.max(first.ids.length, second.ids.length);
  const at = (of: Layout, i: number) => (of.ids.length === n ? i : 0);
  for (const of of [first, second])
    if (of.ids.length !== n) walk.sets.pin(of.ids, "a channel is combined with every channel of another tensor");
  if (first.ids.length === second.ids.length)
    for (const [i, id] of first.ids.entries()) walk.sets.join(id, second.ids[i]!);
  const values = Float64Array.from({ length: n }, (_, i) =>
    f(first.values[at(first, i)]!, second.values[at(second, i)]!),
  );
  return { axis: output.shape.length - fromRight, ids: (first.ids.length === n ? first : second).ids, values };
}

function combine(step: TracedStep, walk: Walk, f: (a: number, b: number) => number, isProduct: boolean): Layout | null {
  const [a, b] = step.inputs;
  if (!a || !b) return null;
  const [first, second] = [walk.layoutOf(a), walk.layoutOf(b)];
  const [one, two] = [walk.trace.numberOf(a), walk.trace.numberOf(b)];
  if (first && two !== undefined) return mapped(first, (v) => f(v, two));
  if (second && one !== undefined) return mapped(second, (v) => f(one, v));
  if (first && second) return joined(step, walk, [first, second], f);
  if (first) return besideUnknown(step, first, a, b, isProduct);
  return second && besideUnknown(step, second, b, a, isProduct);
}

const binary =
  (name: string): Rule =>
  (step, walk) =>
    combine(step, walk, BINARY[name]!, name === "mul");

const sewConnect: Rule = (step, walk) => {
  const { connect = "ADD" } = step.options as { connect?: string };
  return combine(step, walk, CONNECT[connect]!, connect === "AND");
};

const conv2d: Rule = (step, walk) => {
  const { padding = 0, groups = 1 } = step.options as Conv2dOptions;
  const [, weight] = step.inputs;
  const [, groupInputs = 1, kh = 1, kw = 1] = weight!.shape;
  const layer = walk.layerOf(step, 1, { groups, groupInputs, taps: kh * kw, padded: isSome(padding) });
  return layer && { axis: 1, ids: layer.output, values: layer.values };
};

const linear: Rule = (step, walk) => {
  const axis = step.inputs[0]!.shape.length - 1;
  const groupInputs = step.inputs[1]!.shape[1] ?? 1;
  const layer = walk.layerOf(step, axis, { groups: 1, groupInputs, taps: 1, padded: false });
  return layer && { axis, ids: layer.output, values: layer.values };
};

/**
 * Return the constant of a channel with running statistics and with those of a batch, which make it the shift. If they differ, only zero
 * after ReLU is known: an upper bound stands for both.
 */
function inBothModes(tested: number, trained: number): number {
  const most = Math.max(tested, trained);
  return tested === trained || most <= 0 ? most : Number.NaN;
}

/** Normalise constants. A channel of weight 0 is constant for any input. */
function normalised(step: TracedStep, walk: Walk, first: number): Layout | null {
  const layout = walk.layoutOf(step.inputs[0]);
  const { eps = 1e-5, training = false } = step.options as BatchNormOptions;
  if (layout?.axis !== 1 || training) return null;
  const parameters = [0, 1, 2, 3].map((i) => step.inputs[first + i] ?? null);
  if (!walk.normOf(step, parameters, layout.ids)) return null;
  const [weight, bias, mean, variance] = parameters.map((t) => walk.valuesOf(t));
  const values = layout.values.map((v, i) => {
    const scale = (weight?.[i] ?? 1) / Math.sqrt(variance![i]! + eps);
    const shift = bias?.[i] ?? 0;
    if (walk.training) return inBothModes((v - mean![i]!) * scale + shift, shift);
    return scale === 0 ? shift : (v - mean![i]!) * scale + shift;
  });
  return { ...layout, values };
}

const relu = (v: number) => Math.max(v, 0);

const batchNormAddRelu: Rule = (step, walk) => {
  const normal = normalised(step, walk, 2);
  const residual = walk.layoutOf(step.inputs[1]);
  if (!normal) return null;
  if (!residual) return mapped(normal, () => Number.NaN);
  const sum = joined(step, walk, [normal, residual], (a, b) => a + b);
  return sum && mapped(sum, relu);
};

/** A window over pixels. Zeros stay zeros; other constants where the window's share in the padding is left out. */
const window =
  (keeps: (options: Record<string, unknown>) => boolean): Rule =>
  ({ inputs, options }, walk) => {
    const layout = walk.layoutOf(inputs[0]);
    if (!layout || layout.axis !== inputs[0]!.shape.length - 3) return null;
    const all = keeps(options as Record<string, unknown>);
    return mapped(layout, (v) => (v === 0 || all ? v : Number.NaN));
  };

const reduce =
  (name: "sum" | "mean" | "max"): Rule =>
  ({ inputs: [x], options }, walk) => {
    const layout = walk.layoutOf(x);
    const { axes, keepdims = false } = options as ReduceOptions;
    const which = normalizeAxes(name, axes, x!.shape.length);
    if (!layout || which.includes(layout.axis)) return null;
    const axis = keepdims ? layout.axis : layout.axis - which.filter((a) => a < layout.axis).length;
    return { ...mapped(layout, (v) => (name === "sum" && v !== 0 ? Number.NaN : v)), axis };
  };

const reshape: Rule = ({ inputs: [x], output }, walk) => {
  const layout = walk.layoutOf(x);
  return layout && reshapedLayout(x!.shape, layout, output.shape);
};

const permute: Rule = ({ inputs: [x], options }, walk) => {
  const layout = walk.layoutOf(x);
  const rank = x!.shape.length;
  const dims = (options as { dims: readonly number[] }).dims.map((d) => (d < 0 ? d + rank : d));
  return layout && { ...layout, axis: dims.indexOf(layout.axis) };
};

const concat: Rule = ({ inputs, options, output }, walk) => {
  const axis = normalizeAxis("concat", (options as { axis: number }).axis, output.shape.length);
  const layouts = inputs.map((t) => walk.layoutOf(t));
  const parts = layouts.filter((l) => l?.axis === axis) as Layout[];
  if (parts.length < inputs.length) return null;
  return {
    axis,
    ids: Int32Array.from(parts.flatMap(({ ids }) => [...ids])),
    values: Float64Array.from(parts.flatMap(({ values }) => [...values])),
  };
};

/** Cut along another axis, or along the channels in a layer that cuts by the sizes of its convolutions. */
const narrow: Rule = ({ inputs: [x], options, module }, walk) => {
  const layout = walk.layoutOf(x);
  const { axis, start, length } = options as NarrowOptions;
  const at = normalizeAxis("narrow", axis, x!.shape.length);
  if (!layout || at !== layout.axis) return layout;
  if (!(walk.modules.get(module) instanceof MixedConv2d)) return null;
  const part = <T extends Float64Array | Int32Array>(all: T) => all.slice(start, start + length) as T;
  return { axis: at, ids: part(layout.ids), values: part(layout.values) };
};

/** Pad pixels, or add channels of zeros in a block whose number of them can be changed. */
const pad: Rule = ({ inputs: [x], options, module }, walk) => {
  const layout = walk.layoutOf(x);
  const { pads, value = 0 } = options as PadOptions & { pads: readonly number[] };
  if (!layout) return null;
  const first = 2 * (x!.shape.length - 1 - layout.axis);
  const [before = 0, after = 0] = pads.slice(first, first + 2);
  const others = pads.some((n, i) => n !== 0 && i !== first && i !== first + 1);
  const kept = others ? layout.values.map((v) => (v === value ? v : Number.NaN)) : layout.values;
  if (before === 0 && after === 0) return { ...layout, values: kept };
  const block = walk.modules.get(module);
  if (!padsChannels(block) || before < 0 || after < 0 || value !== 0) return null;
  const use = { path: module, module: block, before: walk.sets.fresh(before), after: walk.sets.fresh(after) };
  walk.pads.push(use);
  const zeros = (n: number) => new Float64Array(n);
  return {
    axis: layout.axis,
    ids: Int32Array.from([...use.before, ...layout.ids, ...use.after]),
    values: Float64Array.from([...zeros(before), ...kept, ...zeros(after)]),
  };
};

const neuron =
  (kind: NeuronKind): Rule =>
  ({ inputs: [x, w, v0], options }, walk) => {
    const layout = walk.layoutOf(x);
    if (!layout) return null;
    const own = options as NeuronOptions;
    const logit = walk.valuesOf(w)?.[0] ?? Number.NaN;
    const leak = 1 / (1 + Math.exp(-logit));
    const silent = (v: number) => !v0 && neverSpikes(kind, own, leak, v);
    const axis = own.timeSteps === undefined ? layout.axis : layout.axis + 1;
    return { ...mapped(layout, (v) => (silent(v) ? 0 : Number.NaN)), axis };
  };

const named = (table: Readonly<Record<string, unknown>>, rule: (name: string) => Rule) =>
  Object.fromEntries(Object.keys(table).map((name) => [name, rule(name)]));

/** Rules by op. */
export const RULES: Readonly<Record<string, Rule>> = {
  ...named(UNARY, unary),
  ...named(BINARY, binary),
  sewConnect,
  conv2d,
  linear,
  batchNorm: (step, walk) => normalised(step, walk, 1),
  batchNormRelu: (step, walk) => {
    const normal = normalised(step, walk, 1);
    return normal && mapped(normal, relu);
  },
  batchNormAddRelu,
  maxPool2d: window(() => true),
  avgPool2d: window(({ padding, ceilMode }) => !isSome(padding as number | undefined) && ceilMode !== true),
  adaptiveAvgPool2d: window(() => true),
  upsample: window(() => true),
  sum: reduce("sum"),
  mean: reduce("mean"),
  max: reduce("max"),
  reshape,
  flatten: reshape,
  permute,
  concat,
  narrow,
  pad,
  integrateAndFire: neuron("IF"),
  lif: neuron("LIF"),
  plif: neuron("PLIF"),
};

/** Channels of a network's input, which all stay. */
export function inputLayout(t: Tensor, walk: Walk): Layout | null {
  const axis = t.shape.length >= 4 ? t.shape.length - 3 : t.shape.length - 1;
  if (axis < 1) return null;
  const n = t.shape[axis]!;
  const ids = walk.sets.fresh(n);
  walk.sets.pin(ids, "they are inputs of the network");
  return { axis, ids, values: unknownValues(n) };
}
