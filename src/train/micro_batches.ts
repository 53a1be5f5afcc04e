// Batches that the GPU takes in parts: what they are cut into, and the sum of their gradients.
import { checksNan, OpError } from "../gpu/index.ts";
import type { SGD } from "../optim/sgd.ts";
import { type CapturedStep, capture, fillZero, persistent, type Tensor } from "../tensor/index.ts";
import type { HostBatch } from "./batch_step.ts";

export interface MicroBatches {
  /** Images of a whole batch; the last of an epoch may have fewer. */
  readonly batchSize: number;
  /** Images of a part; the last of a batch may have fewer. */
  readonly microBatch: number;
}

export interface MicroBatch {
  readonly batch: HostBatch;
  /** Its number in the batch, from 0. */
  readonly index: number;
  /** Its images over those of the batch. */
  readonly share: number;
}

/** Images [from, from + size) of a batch, in its memory. */
export function batchPart(batch: HostBatch, from: number, size: number): HostBatch {
  const cut = <A extends { subarray(from: number, to: number): A; readonly length: number }>(all: A): A => {
    const each = all.length / batch.size;
    return all.subarray(from * each, (from + size) * each);
  };
  const { x, y, stored, crop } = batch;
  return { x: cut<Float32Array | Uint8Array>(x), y: cut(y), size, stored, crop: crop && cut(crop) };
}

/** Parts of a batch, in order, in its memory. Throws OpError for more images than a whole batch has. */
function* cut(batch: HostBatch, { batchSize, microBatch }: MicroBatches): Generator<MicroBatch> {
  const { size } = batch;
  if (size > batchSize) throw new OpError("train", `a batch wants at most ${batchSize} images, was given ${size}`);
  for (let index = 0; index * microBatch < size; index++) {
    const from = index * microBatch;
    const images = Math.min(microBatch, size - from);
    yield { batch: batchPart(batch, from, images), index, share: images / size };
  }
}

/** Sizes of the batches that `count` samples make: full ones, and a shorter last one. */
export function batchSizes(count: number, batch: number): number[] {
  return [...(count >= batch ? [batch] : []), ...(count % batch > 0 ? [count % batch] : [])];
}

/** Sizes of what the GPU is given of `count` samples in an epoch: batches, or their parts. */
export function recordedSizes(count: number, batchSize: number, microBatch = batchSize): number[] {
  return [...new Set(batchSizes(count, batchSize).flatMap((size) => batchSizes(size, microBatch)))];
}

/**
 * Gradients of the parts of a batch, in the gradient arena of an optimiser. It is cleared once a step; each part then adds its
 * own, all by the same recording, and after the last the optimiser updates.
 */
export class GradientSum {
  /** [2]: share of the part under way, 0 for the first of its batch and 1 for others. What the captured part reads. */
  readonly part: Tensor = persistent(new Float32Array(2), [2]);
  readonly sizes: MicroBatches;
  private readonly optimizer: SGD;
  private readonly captured: CapturedStep<never, Record<never, Tensor>>;

  /** Without `replay` each update is enqueued anew. */
  constructor(optimizer: SGD, sizes: MicroBatches, replay = true) {
    this.optimizer = optimizer;
    this.sizes = sizes;
    this.captured = capture(
      () => {
        this.optimizer.step();
        return {};
      },
      { replay: replay && !checksNan() },
    );
  }

  /** Parts of a batch, in order, in its memory. Throws OpError for more images than a whole batch has. */
  parts(batch: HostBatch): Iterable<MicroBatch> {
    return cut(batch, this.sizes);
  }

  /** Sizes of the parts of a batch. */
  partSizes(size: number): number[] {
    return batchSizes(size, this.sizes.microBatch);
  }

  /** What random layers draw by in a part of a step: no two parts of a run draw by the same number. */
  draw(step: number, part: number): number {
    const { batchSize, microBatch } = this.sizes;
    return step * Math.ceil(batchSize / microBatch) + part;
  }

  /** Enqueues: no gradient has arrived. */
  clear(): void {
    for (const { chunks } of this.optimizer.groups) for (const { gradient } of chunks) fillZero(gradient);
  }

  /** Before a part is recorded or replayed: says which it is. */
  begin({ index, share }: Pick<MicroBatch, "index" | "share">): void {
    this.part.set([share, index === 0 ? 0 : 1]);
    this.expectArrivals();
  }

  /** From now on backward adds to what is in the arena, and the update takes all of it for a gradient. */
  expectArrivals(): void {
    for (const { chunks } of this.optimizer.groups) {
      for (const { params } of chunks) for (const p of params) p.gradArrived = true;
    }
  }

  /** The upstream gradient of a part's mean loss: its share. */
  upstream(): Tensor {
    return this.part.alias([]);
  }

  /** Enqueues the optimiser's step. */
  update(): void {
    this.expectArrivals();
    this.captured.run({});
  }

  describe() {
    return this.captured.describe();
  }

  dispose(): void {
    this.captured.dispose();
    this.part.dispose();
  }
}
