// Measures the activity of a network per sample: firing rates, operations of its weights, and an estimate of the energy, by
// which spiking networks are compared with each other and with plain ones.
import { noGrad } from "../autograd/index.ts";
import type { PixelScale } from "../data/index.ts";
import { currentGpu } from "../gpu/index.ts";
import { Linear, type Module } from "../nn/index.ts";
import { formatShape, numel, readAll, Scope, type Shape, type Tensor, type TypedArray } from "../tensor/index.ts";
import { ArgumentError, expectKeys } from "../text/index.ts";
import {
  areCounts,
  fanOut,
  keepCopy,
  placesOf,
  RowSum,
  rowsOf,
  type WeightLayer,
  watchModel,
} from "./activity_watch.ts";
import { BatchInput, type HostBatch, type HostBatches } from "./batch_step.ts";
import { batchPart } from "./micro_batches.ts";

/**
 * Energy of one 32-bit operation in 45 nm CMOS at 0.9 V, in pJ: 3.7 for a multiplication and 0.9 for an addition, so 4.6
 * for both. Horowitz, ISSCC 2014. Arithmetic alone: no memory, no neurons, no batch norm.
 */
export const PICOJOULES = { multiplyAccumulate: 4.6, accumulate: 0.9 } as const;

/** One layer of neurons. */
export interface SpikingActivity {
  readonly name: string;
  /** Class of the layer, such as "LIFNode". */
  readonly type: string;
  /** Index among all reported layers, by first call. */
  readonly order: number;
  /** Neurons of one sample. */
  readonly neurons: number;
  readonly timeSteps: number;
  /** Spikes per neuron and step, 0 to 1. */
  readonly rate: number;
  /** Spikes per sample, all neurons and steps. */
  readonly spikes: number;
  /** Neurons that never fired. */
  readonly silent: number;
}

/** One layer of weights. A layer with inputs of different sizes has an entry for each. */
export interface WeightActivity {
  readonly name: string;
  readonly kind: "conv" | "linear";
  readonly order: number;
  readonly weights: number;
  readonly nonzero: number;
  /** Multiply-accumulates per sample of the layer without zeros or spikes, all steps, as `summarize` counts them. */
  readonly denseMacs: number;
  /** The same for one step: those of a network without time. */
  readonly annMacs: number;
  /** "spikes": integers >= 0 (spikes, their sums, event counts). "analog": anything else. */
  readonly input: "spikes" | "analog";
  /**
   * Operations per sample. Spikes: accumulates, Σ value · nonzero weights that it reaches. Analog: multiply-accumulates,
   * Σ nonzero weights reached, over all values. Padding is not counted.
   */
  readonly operations: number;
}

/** Spikes, operations and energy of a network for one sample. */
export interface ActivityTotals extends Pick<WeightActivity, "weights" | "nonzero" | "denseMacs" | "annMacs"> {
  /** Multiply-accumulates per sample, in layers of analog input. */
  readonly macs: number;
  /** Accumulates per sample (SynOps), in layers of spiking input. */
  readonly synOps: number;
  readonly neurons: number;
  /** Spikes per neuron and step over all layers; null without spiking layers. */
  readonly rate: number | null;
  /** Estimated energy per sample of `macs` and `synOps`, in pJ. */
  readonly energy: number;
  /** The same of a network of this shape that is dense, analog and runs one step: `annMacs` multiply-accumulates. */
  readonly annEnergy: number;
}

/** Result of `measureActivity`. */
export interface NetworkActivity {
  readonly samples: number;
  /** T; 1 for a model without spiking layers. */
  readonly timeSteps: number;
  readonly spiking: readonly SpikingActivity[];
  readonly weighted: readonly WeightActivity[];
  readonly total: ActivityTotals;
}

/** Options of `measureActivity`. */
export interface ActivityOptions {
  /** Shape of one sample, as the model takes it. */
  readonly sample: Shape;
  /** Scale of images that arrive as bytes, such as a data set's mean and std. */
  readonly scale?: PixelScale;
  /** Stops after the batch that reaches this many samples. Default: all. */
  readonly limit?: number;
}

interface Weighted {
  readonly name: string;
  readonly layer: WeightLayer;
  readonly order: number;
  readonly row: Shape;
  /** Pixels of the output of one row. */
  readonly places: number;
  /** True if the probed values are integers >= 0. */
  readonly counts: boolean;
  readonly inputs: RowSum;
}

interface Spiking {
  readonly name: string;
  readonly type: string;
  readonly order: number;
  readonly timeSteps: number;
  readonly fired: RowSum;
}

/** Samples of the first batch whose inputs are read to tell spikes from analog values. */
const PROBES = 4;
/** Most batches in the queue. */
const AHEAD = 8;

/**
 * Run the model over the batches, in evaluation mode and without gradients, and count spikes and operations. Modes, observers
 * and methods are restored, also after an error. Waits for the GPU.
 *
 * A model without spiking layers has no rates, and all its operations are multiply-accumulates. The input of a layer counts as
 * spikes if all values of the first samples, and the sums over all samples, are integers >= 0. A value of 2, the sum of two
 * spikes in a residual network, is two accumulates.
 *
 * Errors    ArgumentError if there is no sample or a batch does not fit `sample`; errors of the model.
 */
export async function measureActivity(
  model: Module,
  batches: HostBatches | Iterable<HostBatch>,
  options: ActivityOptions,
): Promise<NetworkActivity> {
  expectKeys(
    options,
    { sample: true, scale: true, limit: true },
    (problem) => new ArgumentError(`measureActivity: ${problem}`),
  );
  const { sample, scale, limit = Number.POSITIVE_INFINITY } = options;
  if (!(limit > 0)) throw new ArgumentError(`measureActivity: limit: expected a number > 0, got ${limit}`);
  const weighted = new Map<string, Weighted>();
  const spiking = new Map<string, Spiking>();
  const input = new BatchInput({ name: "measureActivity", sample, scale });
  const sums = () => [...weighted.values()].map((w) => w.inputs).concat([...spiking.values()].map((s) => s.fired));
  try {
    let samples = 0;
    let done = 0;
    for await (const batch of batches) {
      checkBatch(batch, sample);
      if (done === 0) await probe(model, batch, input, weighted, spiking);
      const unwatch = watchModel(model, {
        weighted: (name, layer, x) => weighted.get(keyOf(name, layer, x))?.inputs.add(x),
        spiking: (name, _node, { spikes }) => spiking.get(name)?.fired.add(spikes),
      });
      try {
        run(model, batch, input);
      } finally {
        unwatch();
      }
      samples += batch.size;
      done++;
      const full = sums().filter((s) => s.isFull);
      if (full.length > 0) await RowSum.read(full);
      else if (done % AHEAD === 0) await currentGpu().wait();
      if (samples >= limit) break;
    }
    if (samples === 0) throw new ArgumentError("measureActivity: expected at least one sample, got none");
    return await report([...weighted.values()], [...spiking.values()], samples);
  } finally {
    for (const s of sums()) s.dispose();
    input.dispose();
  }
}

/** Check the count of a batch's numbers; BatchInput checks bytes. */
export function checkBatch({ x, size }: HostBatch, sample: Shape): void {
  const count = size * numel(sample);
  if (x instanceof Float32Array && x.length !== count) {
    const problem = `activity: a batch of ${size} samples ${formatShape(sample)}: expected ${count} values, got ${x.length}`;
    throw new ArgumentError(problem);
  }
}

function run(model: Module, batch: HostBatch, input: BatchInput): void {
  using _scope = new Scope();
  noGrad(() => model.forward(input.tensors(batch).x));
}

const keyOf = (name: string, layer: WeightLayer, x: Tensor) => `${name} ${formatShape(rowsOf(layer, x).row)}`;

/** Run a few samples to find the layers, their sizes and the kind of their input. */
async function probe(
  model: Module,
  batch: HostBatch,
  input: BatchInput,
  weighted: Map<string, Weighted>,
  spiking: Map<string, Spiking>,
): Promise<void> {
  const seen = new Map<string, { name: string; layer: WeightLayer; order: number; row: Shape; inputs: Tensor[] }>();
  let order = 0;
  const unwatch = watchModel(model, {
    weighted(name, layer, x) {
      const key = keyOf(name, layer, x);
      const known = seen.get(key) ?? { name, layer, order: order++, row: rowsOf(layer, x).row, inputs: [] };
      seen.set(key, known);
      known.inputs.push(keepCopy(x));
    },
    spiking(name, node, { spikes }) {
      if (spiking.has(name)) return;
      const [timeSteps, n] = spikes.shape as [number, number];
      const fired = new RowSum(spikes.numel / (timeSteps * n));
      spiking.set(name, { name, type: node.constructor.name, order: order++, timeSteps, fired });
    },
  });
  const copies = () => [...seen.values()].flatMap((s) => s.inputs);
  try {
    try {
      run(model, batchPart(batch, 0, Math.min(batch.size, PROBES)), input);
    } finally {
      unwatch();
    }
    const values = copies().length > 0 ? await readAll(...copies()) : [];
    let next = 0;
    for (const [key, { name, layer, order: place, row, inputs }] of seen) {
      const own = inputs.map(() => values[next++]!);
      const counts = spiking.size > 0 && own.every(areCounts);
      const entry = { name, layer, order: place, row, places: placesOf(layer, row), counts };
      weighted.set(key, { ...entry, inputs: new RowSum(numel(row)) });
    }
  } finally {
    for (const copy of copies()) copy.dispose();
  }
}

async function report(
  weighted: readonly Weighted[],
  spiking: readonly Spiking[],
  samples: number,
): Promise<NetworkActivity> {
  const timeSteps = spiking.reduce((most, s) => Math.max(most, s.timeSteps), 1);
  const sums = [...weighted.map((w) => w.inputs), ...spiking.map((s) => s.fired)];
  const weights = [...new Set(weighted.map((w) => w.layer.weight))];
  const read = weights.length > 0 ? await readAll(...weights) : [];
  const values = new Map(weights.map((w, i) => [w, read[i]!]));
  const totals = new Map((await RowSum.read(sums)).map((total, i) => [sums[i]!, total]));
  const layers: WeightActivity[] = [];
  for (const { name, layer, order, row, places, counts, inputs } of weighted) {
    const own = values.get(layer.weight)!;
    const reached = await fanOut(layer, own, row);
    const rows = inputs.rows / samples;
    const denseMacs = own.length * places * rows;
    const arrived = totals.get(inputs)!;
    const spikes = counts && areCounts(arrived);
    layers.push({
      name,
      kind: layer instanceof Linear ? "linear" : "conv",
      order,
      weights: own.length,
      nonzero: nonzeros(own),
      denseMacs,
      annMacs: rows % timeSteps === 0 ? denseMacs / timeSteps : denseMacs,
      input: spikes ? "spikes" : "analog",
      operations: spikes ? dot(arrived, reached) / samples : rows * dot(null, reached),
    });
  }
  const neurons = spiking.map(({ name, type, order, timeSteps: steps, fired }): SpikingActivity => {
    const fires = totals.get(fired)!;
    const all = dot(null, fires);
    return {
      name,
      type,
      order,
      neurons: fired.size,
      timeSteps: steps,
      rate: all / (fired.rows * fired.size),
      spikes: all / samples,
      silent: fires.reduce((n, count) => n + (count === 0 ? 1 : 0), 0),
    };
  });
  const nonzero = new Map(weighted.map((w, i) => [w.layer, layers[i]!.nonzero]));
  const total = totalsOf(layers, neurons, {
    weights: weights.reduce((n, w) => n + w.numel, 0),
    nonzero: [...nonzero.values()].reduce((n, count) => n + count, 0),
  });
  return { samples, timeSteps, spiking: neurons, weighted: layers, total };
}

function nonzeros(values: TypedArray): number {
  let count = 0;
  for (const v of values) if (v !== 0) count++;
  return count;
}

/** Compute Σ a·b in float64; Σ b if a is null. */
function dot(a: Float64Array | null, b: ArrayLike<number>): number {
  let sum = 0;
  for (let i = 0; i < b.length; i++) sum += (a ? a[i]! : 1) * b[i]!;
  return sum;
}

function totalsOf(
  layers: readonly WeightActivity[],
  spiking: readonly SpikingActivity[],
  counted: { readonly weights: number; readonly nonzero: number },
): ActivityTotals {
  const over = (pick: (layer: WeightActivity) => number) => layers.reduce((n, layer) => n + pick(layer), 0);
  const macs = over((l) => (l.input === "analog" ? l.operations : 0));
  const synOps = over((l) => (l.input === "spikes" ? l.operations : 0));
  const annMacs = over((l) => l.annMacs);
  const places = spiking.reduce((n, s) => n + s.neurons * s.timeSteps, 0);
  return {
    ...counted,
    denseMacs: over((l) => l.denseMacs),
    annMacs,
    macs,
    synOps,
    neurons: spiking.reduce((n, s) => n + s.neurons, 0),
    rate: places === 0 ? null : spiking.reduce((n, s) => n + s.spikes, 0) / places,
    energy: macs * PICOJOULES.multiplyAccumulate + synOps * PICOJOULES.accumulate,
    annEnergy: annMacs * PICOJOULES.multiplyAccumulate,
  };
}
