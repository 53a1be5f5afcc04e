// Captures the data of a figure of a spiking network: spikes of some neurons of some layers over a few samples, and the
// membrane potentials of a few of them.
import { noGrad } from "../autograd/index.ts";
import type { PixelScale } from "../data/index.ts";
import type { Module, SpikeEvent, SpikingNode } from "../nn/index.ts";
import { expand } from "../ops/expand.ts";
import { readAll, Scope, type Shape, type Tensor, type TypedArray } from "../tensor/index.ts";
import { ArgumentError, expectKeys, type KeysOf } from "../text/index.ts";
import { checkBatch } from "./activity.ts";
import { keepCopy, watchModel } from "./activity_watch.ts";
import { argmaxRows } from "./argmax_rows.ts";
import { BatchInput, type HostBatch } from "./batch_step.ts";

/** A few samples one after another, each from the resting state. Index s·T + t holds sample s at step t. */
export interface SpikeFigure {
  /** Names of each sample's class and of its predicted class. */
  readonly samples: readonly { readonly label: string; readonly predicted: string }[];
  readonly timeSteps: number;
  readonly layers: readonly SpikeRaster[];
  readonly traces: readonly PotentialTrace[];
  /** Threshold of the traced layer. */
  readonly vThreshold: number;
  /** Potential after a spike; null: it is lowered by the threshold. */
  readonly vReset: number | null;
}

/** Spikes of some neurons over time. */
export interface SpikeRaster {
  readonly name: string;
  /** Neurons of the layer. */
  readonly neurons: number;
  /** Spikes per neuron and step over the whole layer and the samples shown. */
  readonly rate: number;
  /** Neurons shown, ascending. */
  readonly shown: readonly number[];
  /** [samples · T, shown], 0 or 1. */
  readonly spikes: Uint8Array;
}

/** Membrane potential of some neurons over time. */
export interface PotentialTrace {
  /** Name of the layer. */
  readonly name: string;
  readonly neuron: number;
  /** Shape [samples · T]: potential before firing, H_t. */
  readonly h: Float32Array;
  /** [samples · T], 0 or 1. */
  readonly spikes: Uint8Array;
}

/** Options of `captureSpikes`. */
export interface CaptureSpikesOptions {
  /** Shape of one sample, as the model takes it. */
  readonly sample: Shape;
  /** Scale of images that arrive as bytes, such as a data set's mean and std. */
  readonly scale?: PixelScale;
  /** Names of the classes; default: their numbers. */
  readonly classes?: readonly string[];
  /** Samples taken from the batch, of different classes first. Default: 32 steps' worth, at least 2, at most 8. */
  readonly samples?: number;
  /** Spiking layers by name; default: four, from the first to the last. */
  readonly layers?: readonly string[];
  /** Neurons shown in all layers together. Default 120. */
  readonly neurons?: number;
  /** Layer whose potentials are traced; default: the second one shown, whose input varies. */
  readonly traceLayer?: string;
  /** Neurons traced; default: three that fire often, sometimes and rarely. */
  readonly traceNeurons?: readonly number[];
}

const KEYS: KeysOf<CaptureSpikesOptions> = {
  ...{ sample: true, scale: true, classes: true, samples: true, layers: true },
  ...{ neurons: true, traceLayer: true, traceNeurons: true },
};

/** Shape of a layer's values: [T, rows, neurons]. */
interface Layout {
  readonly rows: number;
  readonly timeSteps: number;
  readonly neurons: number;
}

interface Seen {
  readonly node: SpikingNode;
  readonly timeSteps: number;
  readonly neurons: number;
  readonly spikes: Tensor | null;
  readonly h: Tensor | null;
}

/**
 * Run the model on samples of a batch, in evaluation mode and without gradients, and read spikes and potentials. Modes and
 * observers are restored, also after an error. Waits for the GPU.
 *
 * The neurons shown are spread evenly over the layer.
 *
 * Errors    ArgumentError if the model has no spiking layer, or an option names a layer, neuron or count that does not exist.
 */
export async function captureSpikes(
  model: Module,
  batch: HostBatch,
  options: CaptureSpikesOptions,
): Promise<SpikeFigure> {
  expectKeys(options, KEYS, (problem) => new ArgumentError(`captureSpikes: ${problem}`));
  const { sample, scale, classes = [], neurons = 120 } = options;
  checkBatch(batch, sample);
  if (batch.size < 1) throw new ArgumentError("captureSpikes: expected at least one sample, got an empty batch");
  positive("samples", options.samples ?? 1);
  positive("neurons", neurons);
  // One sample shows which layers run, and for how many steps.
  using input = new BatchInput({ name: "captureSpikes", sample, scale });
  const probe = forwardWatched(model, pickSamples(batch, [0]), input, () => ({ spikes: false, h: false }));
  probe.logits.dispose();
  const { chosen, traced, timeSteps } = chooseLayers(probe.seen, options);
  const picked = firstOfClasses(batch, options.samples ?? Math.min(8, Math.max(2, Math.floor(32 / timeSteps))));
  const parts = (name: string) => ({ spikes: chosen.includes(name) || name === traced, h: name === traced });
  const { seen, logits } = forwardWatched(model, pickSamples(batch, picked), input, parts);
  const values = await readSeen(seen, logits);

  const rows = picked.length;
  const most = Math.max(1, Math.floor(neurons / chosen.length));
  const layoutOf = (name: string): Layout => ({ rows, timeSteps, neurons: seen.get(name)!.neurons });
  const { vThreshold = 1, vReset = 0 } = seen.get(traced)!.node.config;
  const best = argmaxRows(values.logits, rows);
  const label = (c: number) => classes[c] ?? String(c);
  return {
    samples: picked.map((at, i) => ({ label: label(batch.y[at]!), predicted: label(best[i]!) })),
    timeSteps,
    layers: chosen.map((name) => rasterOf(name, values.spikes.get(name)!, layoutOf(name), most)),
    traces: tracesOf(traced, values.spikes.get(traced)!, values.h.get(traced)!, layoutOf(traced), options.traceNeurons),
    vThreshold,
    vReset,
  };
}

/** Choose the layers to show and the layer to trace. Errors: ArgumentError. */
function chooseLayers(seen: ReadonlyMap<string, Seen>, options: CaptureSpikesOptions) {
  const names = [...seen.keys()];
  const first = seen.get(names[0] ?? "");
  if (!first) throw new ArgumentError("captureSpikes: the model has no spiking layer");
  const chosen = options.layers ?? spread(names, 4);
  if (chosen.length === 0) throw new ArgumentError("captureSpikes: layers: expected at least one, got none");
  const traced = options.traceLayer ?? chosen[1] ?? chosen[0]!;
  for (const name of [...chosen, traced]) {
    if (!seen.has(name))
      throw new ArgumentError(`captureSpikes: expected a spiking layer (${names.join(", ")}), got ${name}`);
  }
  return { chosen, traced, timeSteps: first.timeSteps };
}

/** Read logits, spikes and potentials, and dispose their tensors. */
async function readSeen(seen: ReadonlyMap<string, Seen>, logits: Tensor) {
  const tensorsOf = (part: "spikes" | "h") =>
    [...seen].flatMap(([name, s]) => (s[part] ? [[name, s[part]] as const] : []));
  const [spikes, h] = [tensorsOf("spikes"), tensorsOf("h")];
  const tensors = [logits, ...[...spikes, ...h].map(([, t]) => t)];
  try {
    const [first, ...rest] = await readAll(...tensors);
    const named = (part: typeof spikes, from: number) => new Map(part.map(([name], i) => [name, rest[from + i]!]));
    return { logits: first!, spikes: named(spikes, 0), h: named(h, spikes.length) };
  } finally {
    for (const t of tensors) t.dispose();
  }
}

/** Pick neurons of a layer and their spikes. */
function rasterOf(name: string, all: TypedArray, layout: Layout, most: number): SpikeRaster {
  const { rows, timeSteps, neurons } = layout;
  const shown = spreadNeurons(neurons, most);
  const columns = shown.map((neuron) => column(all, layout, neuron));
  const spikes = new Uint8Array(rows * timeSteps * shown.length);
  for (let at = 0; at < rows * timeSteps; at++) {
    for (const [i, values] of columns.entries()) spikes[at * shown.length + i] = values[at]!;
  }
  return { name, neurons, rate: mean(all), shown, spikes };
}

/** Trace neurons of a layer. Errors: ArgumentError for a neuron that it does not have. */
function tracesOf(
  name: string,
  fired: TypedArray,
  h: TypedArray,
  layout: Layout,
  neurons: readonly number[] = telling(fired, layout.neurons),
): PotentialTrace[] {
  const count = layout.neurons;
  return neurons.map((neuron) => {
    if (!Number.isInteger(neuron) || neuron < 0 || neuron >= count)
      throw new ArgumentError(`captureSpikes: ${name}: expected neurons 0 to ${count - 1}, got ${neuron}`);
    const spikes = Uint8Array.from(column(fired, layout, neuron));
    return { name, neuron, h: column(h, layout, neuron), spikes };
  });
}

function positive(name: string, value: number): void {
  if (!Number.isInteger(value) || value < 1)
    throw new ArgumentError(`captureSpikes: ${name}: expected an integer >= 1, got ${value}`);
}

/** Run one forward pass. The caller owns the returned tensors. */
function forwardWatched(
  model: Module,
  batch: HostBatch,
  input: BatchInput,
  wants: (name: string) => { spikes: boolean; h: boolean },
): { seen: Map<string, Seen>; logits: Tensor } {
  const seen = new Map<string, Seen>();
  const look = (name: string, node: SpikingNode, { spikes, current, constant }: SpikeEvent) => {
    if (seen.has(name)) return;
    const want = wants(name);
    const timeSteps = spikes.shape[0]!;
    seen.set(name, {
      node,
      timeSteps,
      neurons: spikes.numel / (timeSteps * batch.size),
      spikes: want.spikes ? keepCopy(spikes) : null,
      h: want.h ? keepCopy(node.potential(constant ? everyStep(current, timeSteps) : current, "h")) : null,
    });
  };
  const unwatch = watchModel(model, { spiking: look });
  using _scope = new Scope();
  let done = false;
  try {
    const y = noGrad(() => model.forward(input.tensors(batch).x));
    const logits = keepCopy(y);
    done = true;
    return { seen, logits };
  } finally {
    unwatch();
    if (!done) for (const { spikes, h } of seen.values()) [spikes, h].map((t) => t?.dispose());
  }
}

const everyStep = (x: Tensor, timeSteps: number) => expand(x, { shape: [timeSteps, ...x.shape] });

/** Pick at most `most` entries of a list, evenly spread, with both ends. */
function spread<T>(list: readonly T[], most: number): T[] {
  if (list.length <= most) return [...list];
  return Array.from({ length: most }, (_, i) => list[Math.round((i * (list.length - 1)) / (most - 1))] as T);
}

/**
 * Pick one neuron from each of `most` equal parts of a layer. Offsets within the parts are multiples of the golden ratio:
 * equal offsets would hit the same column of every channel.
 */
function spreadNeurons(count: number, most: number): number[] {
  if (count <= most) return Array.from({ length: count }, (_, i) => i);
  return Array.from({ length: most }, (_, i) => Math.floor(((i + ((0.5 + i * 0.618034) % 1)) * count) / most));
}

/** Pick the first sample of each class, then the first of the others; sorted by class. */
function firstOfClasses({ y, size }: HostBatch, wanted: number): number[] {
  const all = Array.from({ length: size }, (_, i) => i);
  const isFirst = (i: number) => y.indexOf(y[i]!) === i;
  return [...all.filter(isFirst), ...all.filter((i) => !isFirst(i))]
    .slice(0, wanted)
    .sort((a, b) => y[a]! - y[b]! || a - b);
}

/** Copy samples of a batch into a new batch. */
function pickSamples({ x, y, size, stored, crop, pad }: HostBatch, picked: readonly number[]): HostBatch {
  const rows = <A extends HostBatch["x"]>(all: A): A => {
    const each = all.length / size;
    const out = all.slice(0, picked.length * each) as A;
    for (const [i, at] of picked.entries()) out.set(all.subarray(at * each, (at + 1) * each), i * each);
    return out;
  };
  return { x: rows(x), y: rows(y), size: picked.length, stored, crop: crop && rows(crop), pad };
}

/** Return the values of one neuron: [T, N, neurons] -> [N · T]. */
function column(values: TypedArray, { rows, timeSteps, neurons }: Layout, neuron: number): Float32Array {
  return Float32Array.from({ length: rows * timeSteps }, (_, at) => {
    const t = at % timeSteps;
    const n = Math.floor(at / timeSteps);
    return values[(t * rows + n) * neurons + neuron]!;
  });
}

/** Pick three neurons that fire often, sometimes and rarely: ranks 2, 20 and 60 % among those that fire. */
function telling(fired: TypedArray, count: number): number[] {
  const totals = new Float64Array(count);
  for (let i = 0; i < fired.length; i++) totals[i % count]! += fired[i]!;
  const order = Array.from({ length: count }, (_, i) => i).sort((a, b) => totals[b]! - totals[a]! || a - b);
  const firing = Math.max(Math.min(3, count), order.filter((i) => totals[i]! > 0).length);
  const places = [0.02, 0.2, 0.6].map((share, i) => Math.min(firing - 1, Math.max(i, Math.floor(share * firing))));
  return [...new Set(places)].map((at) => order[at]!);
}

function mean(values: TypedArray): number {
  let sum = 0;
  for (const v of values) sum += v;
  return sum / values.length;
}
