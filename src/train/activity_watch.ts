// Observes a running model: inputs of its weight layers, spikes of its spiking layers, and sums of both that stay on the GPU.
import { accumulate, Tape } from "../autograd/index.ts";
import { Conv2d, Linear, type Module, type SpikeEvent, SpikingNode } from "../nn/index.ts";
import { conv2d } from "../ops/conv2d.ts";
import { reshape } from "../ops/reshape.ts";
import { sum } from "../ops/sum.ts";
import {
  allocate,
  copyInto,
  fillZero,
  metaTensor,
  numel,
  readAll,
  Scope,
  type Shape,
  type Tensor,
  tensor,
  zeros,
} from "../tensor/index.ts";

export type WeightLayer = Conv2d | Linear;

interface Watcher {
  /** Called before each forward of a Conv2d (x [rows, C, H, W]) or Linear (x [*, in]). */
  weighted?(name: string, layer: WeightLayer, x: Tensor): void;
  /** Called in each forward of a spiking layer. */
  spiking?(name: string, node: SpikingNode, event: SpikeEvent): void;
}

/**
 * Put the model in evaluation mode and call the watcher at every layer that it runs. Returns a function that restores methods,
 * observers and modes.
 */
export function watchModel(model: Module, watcher: Watcher): () => void {
  const undo: (() => void)[] = [];
  const seen = new Set<Module>();
  for (const [name, m] of model.namedModules()) {
    if (seen.has(m)) continue; // a shared layer is reported under its first name
    seen.add(m);
    const mode = m.training;
    undo.push(() => {
      m.training = mode;
    });
    m.training = false;
    if (m instanceof Conv2d || m instanceof Linear) {
      const own = Object.getOwnPropertyDescriptor(m, "forward"); // a checkpointed module has one
      const forward = m.forward.bind(m);
      undo.push(() => (own ? Object.defineProperty(m, "forward", own) : Reflect.deleteProperty(m, "forward")));
      const value = (x: Tensor) => {
        watcher.weighted?.(name, m, x);
        return forward(x);
      };
      Object.defineProperty(m, "forward", { configurable: true, value });
    }
    if (m instanceof SpikingNode) {
      const before = m.observer;
      undo.push(() => {
        m.observer = before;
      });
      m.observer = (event) => {
        before?.(event);
        watcher.spiking?.(name, m, event);
      };
    }
  }
  return () => {
    for (const restore of undo) restore();
  };
}

/**
 * Sums above this many rows are moved to the host: f32 counts integers exactly up to 2^24, and an input value is
 * at most 255 (an event count).
 */
const EXACT_ROWS = 2 ** 16;

/** Sum over many rows, element by element: exact for integers. */
export class RowSum {
  readonly size: number;
  /** Rows added so far. */
  rows = 0;
  private pending = 0;
  private readonly host: Float64Array;
  private readonly total: Tensor;

  constructor(size: number) {
    this.size = size;
    this.host = new Float64Array(size);
    this.total = allocate([size], "f32", { persistent: true, scoped: false });
    fillZero(this.total);
  }

  /** Add the rows of x, whose last axes hold `size` elements together. */
  add(x: Tensor): void {
    const rows = x.numel / this.size;
    using _scope = new Scope();
    const all = reshape(x, { shape: [rows, this.size] });
    accumulate(this.total, rows === 1 ? reshape(x, { shape: [this.size] }) : sum(all, { axes: [0] }));
    this.rows += rows;
    this.pending += rows;
  }

  /** True if the sum on the GPU must be moved to the host before more is added. */
  get isFull(): boolean {
    return this.pending >= EXACT_ROWS;
  }

  /** Return the sums, in float64. Waits for the GPU. */
  static async read(sums: readonly RowSum[]): Promise<Float64Array[]> {
    const values = sums.length > 0 ? await readAll(...sums.map((s) => s.total)) : [];
    sums.forEach((s, i) => {
      (values[i] as Float32Array).forEach((v, at) => {
        s.host[at]! += v;
      });
      fillZero(s.total);
      s.pending = 0;
    });
    return sums.map((s) => s.host);
  }

  dispose(): void {
    this.total.dispose();
  }
}

/** Return a copy that no scope frees. */
export function keepCopy(x: Tensor): Tensor {
  const copy = allocate(x.shape, x.dtype, { scoped: false });
  copyInto(copy, x);
  return copy;
}

/**
 * Count the nonzero weights that each element of one input row reaches, in row-major order.
 *
 * For a convolution this is the gradient of sum(conv2d(x, 1[w != 0])) with respect to x, which accounts for borders, strides
 * and groups. For a linear layer it is the count of each column. Waits for the GPU.
 *
 * Shapes    `row` is [C, H, W] for Conv2d, [in] for Linear.
 */
export async function fanOut(layer: WeightLayer, weights: ArrayLike<number>, row: Shape): Promise<ArrayLike<number>> {
  const { shape } = layer.weight;
  if (layer instanceof Linear) {
    const counts = new Float64Array(shape[1]!);
    for (let i = 0; i < weights.length; i++) if (weights[i] !== 0) counts[i % counts.length]!++;
    return counts;
  }
  const reached = reach(layer, weights, row);
  try {
    return await reached.data();
  } finally {
    reached.dispose();
  }
}

/** Compute the counts of a convolution on the GPU. The caller owns the result. */
function reach(layer: Conv2d, weights: ArrayLike<number>, row: Shape): Tensor {
  using _scope = new Scope();
  const ones = Float32Array.from(weights, (w) => (w === 0 ? 0 : 1));
  const mask = tensor(ones, layer.weight.shape);
  const x = zeros([1, ...row]);
  x.requiresGrad = true;
  using tape = new Tape();
  tape.backward(sum(conv2d(x, mask, null, layer.options), { axes: null }));
  return x.grad!;
}

/** Return true if all values are integers >= 0: spikes, sums of spikes, or event counts. */
export const areCounts = (values: ArrayLike<number>): boolean =>
  Array.prototype.every.call(values, (v: number) => Number.isInteger(v) && v >= 0);

/** Return the shape of one row of a weight layer's input, and the row count of x. */
export function rowsOf(layer: WeightLayer, x: Tensor): { row: Shape; rows: number } {
  const row = x.shape.slice(layer instanceof Linear ? -1 : 1);
  return { row, rows: x.numel / numel(row) };
}

/** Return the output pixels per input row of a weight layer; 1 for Linear. */
export function placesOf(layer: WeightLayer, row: Shape): number {
  if (layer instanceof Linear) return 1;
  return numel(conv2d(metaTensor([1, ...row]), metaTensor(layer.weight.shape), null, layer.options).shape.slice(2));
}
