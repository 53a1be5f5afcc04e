// One buffer for all parameters of a group, which one dispatch updates. Values, gradients and momentum have the same layout:
// each parameter is padded to whole segments of 1024 elements. Moments of adaptive optimisers have several numbers for each weight:
// the moments of a segment follow one another.
import { currentGpu, OpError } from "../gpu/index.ts";
import type { Parameter } from "../nn/parameter.ts";
import {
  allocate,
  bindableParts,
  copyBytes,
  fillZero,
  type Part,
  persistent,
  type Shape,
  stretch,
  type Tensor,
} from "../tensor/index.ts";
import { layerWord } from "./hyper.ts";

/** Elements of a segment. One workgroup of the update kernel handles one segment, which belongs to one layer. */
export const SEGMENT = 1024;

interface ArenaOptions {
  /** True if the forward pass reads thresholded weights, which have a buffer beside the latent ones. */
  readonly latent: boolean;
  readonly momentum: boolean;
  /** Moments of each weight; 0 for SGD. */
  readonly moments: number;
}

/** The chunk that holds the memory of a parameter. */
const holders = new WeakMap<Parameter, ArenaChunk>();

/** Return true if a live optimizer holds the parameter's memory. */
export const isHeld = (p: Parameter): boolean => holders.has(p);

/** A part of an arena: parameters that fit one binding together, or one parameter that exceeds it alone. */
export class ArenaChunk {
  readonly params: readonly Parameter[];
  /** First element of each parameter. */
  readonly starts: readonly number[];
  readonly segments: number;
  /** Ranges of segments that kernels bind one after another; one range if the chunk fits a binding. */
  readonly parts: readonly Part[];
  readonly theta: Tensor;
  readonly gradient: Tensor;
  /** Effective weights; null if the forward pass reads theta itself. */
  readonly weight: Tensor | null;
  readonly velocity: Tensor | null;
  /** Shape [segments, moments, 1024]; null for SGD. */
  readonly moments: Tensor | null;
  /** Shape [segments, 2]: layer and element count of each segment. */
  readonly segmentTable: Tensor;
  /**
   * Shape [5, layers]: counts of the last update; ~n if step n wrote the first NaN or infinity (0: none); live groups, if thresholds
   * act on groups of weights.
   */
  readonly tally: Tensor;
  /** Shape [3, layers]: non-zero, pruned, regrown. The part of `tally` that checkpoints store. */
  readonly counts: Tensor;
  /** Number of groups of each layer, 0 where weights are single; null without thresholds on groups. */
  groups: readonly number[] | null = null;
  /** The step's numbers, then those of each layer's threshold, as hyper.ts lays them out. */
  readonly hyper: Tensor;

  constructor(params: readonly Parameter[], { latent, momentum, moments }: ArenaOptions) {
    this.params = params;
    const table: number[] = [];
    const starts: number[] = [];
    params.forEach((p, layer) => {
      starts.push((table.length / 2) * SEGMENT);
      for (let done = 0; done < p.numel; done += SEGMENT) table.push(layer, Math.min(SEGMENT, p.numel - done));
    });
    this.starts = starts;
    this.segments = table.length / 2;
    this.parts = segmentParts(this.segments, moments);
    const make = (what: string, total = this.segments * SEGMENT) => {
      const t = allocate([total], "f32", { persistent: true, scoped: false, inParts: true });
      t.view.buffer.what = `${what} of ${params.length} parameters, [${total}] f32`;
      fillZero(t);
      return t;
    };
    // Padding must stay zero: the arenas start cleared, and kernels write no padding.
    this.theta = make(latent ? "latent weights" : "weights");
    this.weight = latent ? make("weights") : null;
    params.forEach((p, i) => {
      const start = starts[i]!;
      for (const arena of [this.theta, this.weight]) if (arena) copyBytes(stretch(arena, start, p.numel), p);
      p.latent = latent ? this.slice(this.theta, i, p.shape) : null;
      p.attach((this.weight ?? this.theta).view.buffer, start * 4);
    });
    // After the move, which released the parameters' own memory: the pool can reuse it here.
    this.gradient = make("gradients");
    this.velocity = momentum ? make("momentum") : null;
    this.moments = moments > 0 ? make("moments", this.segments * SEGMENT * moments) : null;
    params.forEach((p, i) => {
      p.grad = this.slice(this.gradient, i, p.shape);
      p.gradArrived = false;
      holders.set(p, this);
    });
    this.segmentTable = persistent(Uint32Array.from(table), [this.segments, 2]);
    this.tally = persistent(new Uint32Array(5 * params.length), [5, params.length]);
    this.counts = this.tally.alias([3, params.length], false);
    const words = layerWord(params.length);
    this.hyper = persistent(new Float32Array(words), [words]);
  }

  /** Number of layers. */
  get layers(): number {
    return this.params.length;
  }

  /** Set the step's numbers; those of the layers stay. */
  writeHeader(words: Uint32Array): void {
    const { buffer, offset } = this.hyper.view;
    currentGpu().stream.write(buffer, offset, words);
  }

  /** Return the slice of parameter i in one of the chunk's arenas. */
  slice(arena: Tensor, i: number, shape: Shape): Tensor {
    return arena.alias(shape, false, this.starts[i]!);
  }

  /** Return the moments of parameter i, [segments, moments, 1024]; null if there are none. */
  momentsOf(i: number): Tensor | null {
    if (!this.moments) return null;
    const each = this.moments.numel / (this.segments * SEGMENT);
    const segments = Math.ceil(this.params[i]!.numel / SEGMENT);
    return this.moments.alias([segments, each, SEGMENT], false, this.starts[i]! * each);
  }

  dispose(): void {
    for (const p of this.params) {
      // Another optimizer may hold it by now.
      if (holders.get(p) !== this) continue;
      holders.delete(p);
      p.grad?.dispose();
      p.latent?.dispose();
      p.grad = null;
      p.latent = null;
    }
    const { theta, gradient, weight, velocity, moments, segmentTable, tally, counts, hyper } = this;
    for (const t of [theta, gradient, weight, velocity, moments, segmentTable, tally, counts, hyper]) t?.dispose();
  }
}

/** Split an arena of `segments` segments, or a table with a row per segment, into parts that can be bound with their moments. */
export const segmentParts = (segments: number, moments = 0): Part[] =>
  bindableParts(segments, 4 * SEGMENT * Math.max(1, moments));

/**
 * Lay parameters out in as few chunks as the adapter's binding size allows. A parameter that exceeds a binding gets its own
 * chunk, in parts. `name` is the optimiser's, for messages. Throws OpError for an empty list, MemoryError if a parameter exceeds a buffer.
 */
export function buildArena(name: string, params: readonly Parameter[], options: ArenaOptions): ArenaChunk[] {
  if (params.length === 0) throw new OpError(name, "expected at least one parameter in each group, got an empty group");
  const limit = currentGpu().adapter.limits.maxStorageBufferBindingSize / 4 / Math.max(1, options.moments);
  const chunks: ArenaChunk[] = [];
  let batch: Parameter[] = [];
  let used = 0;
  for (const p of params) {
    const padded = Math.ceil(p.numel / SEGMENT) * SEGMENT;
    if (batch.length > 0 && used + padded > limit) {
      chunks.push(new ArenaChunk(batch, options));
      batch = [];
      used = 0;
    }
    batch.push(p);
    used += padded;
  }
  chunks.push(new ArenaChunk(batch, options));
  return chunks;
}
