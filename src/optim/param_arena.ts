// One buffer for all parameters of a group, so that one dispatch updates them: values, gradients and momentum lie in
// equal layouts, each parameter padded to whole segments of 1024 elements.
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

/** Elements per segment: one workgroup of the update kernel works on one layer only. */
export const SEGMENT = 1024;

export interface ArenaOptions {
  /** The forward pass reads thresholded weights, kept apart from the latent ones. */
  readonly latent: boolean;
  readonly momentum: boolean;
}

/** The chunk that moves a parameter. */
const holders = new WeakMap<Parameter, ArenaChunk>();

/** Whether an optimizer that is not disposed has the parameter's memory. */
export const isHeld = (p: Parameter): boolean => holders.has(p);

/** Part of an arena: parameters that fit one binding together, or one that exceeds it alone. */
export class ArenaChunk {
  readonly params: readonly Parameter[];
  /** First element of each parameter. */
  readonly starts: readonly number[];
  readonly segments: number;
  /** What kernels bind one after another: ranges of segments, one where the chunk fits a binding. */
  readonly parts: readonly Part[];
  readonly theta: Tensor;
  readonly gradient: Tensor;
  /** Effective weights; null where the forward pass reads theta itself. */
  readonly weight: Tensor | null;
  readonly velocity: Tensor | null;
  /** [segments, 2]: layer and element count of each segment. */
  readonly segmentTable: Tensor;
  /** [4, layers]: the counts, and ~n where step n first wrote a NaN or an infinity (0: none did), all by the update. */
  readonly tally: Tensor;
  /** [3, layers]: non-zero, pruned, regrown. Part of `tally`, and what checkpoints hold of it. */
  readonly counts: Tensor;
  /** The step's numbers, then those of each layer's threshold, as hyper.ts lays them out. */
  readonly hyper: Tensor;

  constructor(params: readonly Parameter[], { latent, momentum }: ArenaOptions) {
    this.params = params;
    const table: number[] = [];
    const starts: number[] = [];
    params.forEach((p, layer) => {
      starts.push((table.length / 2) * SEGMENT);
      for (let done = 0; done < p.numel; done += SEGMENT) table.push(layer, Math.min(SEGMENT, p.numel - done));
    });
    this.starts = starts;
    this.segments = table.length / 2;
    this.parts = segmentParts(this.segments);
    const total = this.segments * SEGMENT;
    const make = (what: string) => {
      const t = allocate([total], "f32", { persistent: true, scoped: false, inParts: true });
      t.view.buffer.what = `${what} of ${params.length} parameters, [${total}] f32`;
      fillZero(t);
      return t;
    };
    // Padding must stay zero, so the arenas start cleared and kernels only ever write a parameter's own elements.
    this.theta = make(latent ? "latent weights" : "weights");
    this.weight = latent ? make("weights") : null;
    params.forEach((p, i) => {
      const start = starts[i]!;
      for (const arena of [this.theta, this.weight]) if (arena) copyBytes(stretch(arena, start, p.numel), p);
      p.latent = latent ? this.slice(this.theta, i, p.shape) : null;
      p.attach((this.weight ?? this.theta).view.buffer, start * 4);
    });
    // Later than the move, which gave the parameters' own memory back: a large one's serves here again.
    this.gradient = make("gradients");
    this.velocity = momentum ? make("momentum") : null;
    params.forEach((p, i) => {
      p.grad = this.slice(this.gradient, i, p.shape);
      p.gradArrived = false;
      holders.set(p, this);
    });
    this.segmentTable = persistent(Uint32Array.from(table), [this.segments, 2]);
    this.tally = persistent(new Uint32Array(4 * params.length), [4, params.length]);
    this.counts = this.tally.alias([3, params.length], false);
    const words = layerWord(params.length);
    this.hyper = persistent(new Float32Array(words), [words]);
  }

  /** Layers, for what goes through arenas without knowing their parameters. */
  get layers(): number {
    return this.params.length;
  }

  /** Set the step's numbers; those of the layers stay. */
  writeHeader(words: Uint32Array): void {
    const { buffer, offset } = this.hyper.view;
    currentGpu().stream.write(buffer, offset, words);
  }

  /** The place of parameter i in one of the chunk's arenas. */
  slice(arena: Tensor, i: number, shape: Shape): Tensor {
    return arena.alias(shape, false, this.starts[i]!);
  }

  dispose(): void {
    for (const p of this.params) {
      // Another optimizer may have taken it over.
      if (holders.get(p) !== this) continue;
      holders.delete(p);
      p.grad?.dispose();
      p.latent?.dispose();
      p.grad = null;
      p.latent = null;
    }
    const { theta, gradient, weight, velocity, segmentTable, tally, counts, hyper } = this;
    for (const t of [theta, gradient, weight, velocity, segmentTable, tally, counts, hyper]) t?.dispose();
  }
}

/** What kernels bind, one after another, of an arena with so many segments, and of tables with a row for each. */
export const segmentParts = (segments: number): Part[] => bindableParts(segments, 4 * SEGMENT);

/**
 * Lays parameters out in as few chunks as the adapter's binding size allows; one that exceeds a binding has a chunk of its
 * own, in parts. Throws OpError when there is none, MemoryError when one exceeds a buffer.
 */
export function buildArena(params: readonly Parameter[], options: ArenaOptions): ArenaChunk[] {
  if (params.length === 0) throw new OpError("SGD", "a parameter group is empty");
  const limit = currentGpu().adapter.limits.maxStorageBufferBindingSize / 4;
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
