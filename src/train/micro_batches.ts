// Micro-batches: the parts of a batch, and the sum of their gradients.
import { checksNan, OpError } from "../gpu/index.ts";
import type { Optimizer } from "../optim/optimizer.ts";
import { type CapturedStep, captureStep, fillZero, persistent, type Tensor } from "../tensor/index.ts";
import type { HostBatch } from "./batch_step.ts";

export interface MicroBatches {
  /** Images of a whole batch; the last of an epoch may have fewer. */
  readonly batchSize: number;
  /** Images of a micro-batch; the last of a batch may have fewer. */
  readonly microBatch: number;
}

interface MicroBatch {
  readonly batch: HostBatch;
  /** Index in the batch, from 0. */
  readonly index: number;
  /** Share of the batch's images. */
  readonly share: number;
}

/** Return images [from, from + size) of a batch, sharing its memory. */
export function batchPart(batch: HostBatch, from: number, size: number): HostBatch {
  const cut = <A extends { subarray(from: number, to: number): A; readonly length: number }>(all: A): A => {
    const each = all.length / batch.size;
    return all.subarray(from * each, (from + size) * each);
  };
  const { x, y, stored, crop, pad } = batch;
  return { x: cut<HostBatch["x"]>(x), y: cut<HostBatch["y"]>(y), size, stored, crop: crop && cut(crop), pad };
}

/** Yield the parts of a batch in order, sharing its memory. Errors: OpError for more images than a whole batch has. */
export function* microBatches(batch: HostBatch, { batchSize, microBatch }: MicroBatches): Generator<MicroBatch> {
  const { size } = batch;
  if (size > batchSize) throw new OpError("train", `batch: expected at most ${batchSize} images, got ${size}`);
  for (let index = 0; index * microBatch < size; index++) {
    const from = index * microBatch;
    const images = Math.min(microBatch, size - from);
    yield { batch: batchPart(batch, from, images), index, share: images / size };
  }
}

/** Return the distinct batch sizes of `count` samples: a full batch, and a shorter last one. */
export function batchSizes(count: number, batch: number): number[] {
  return [...(count >= batch ? [batch] : []), ...(count % batch > 0 ? [count % batch] : [])];
}

/** Return the distinct sizes recorded in an epoch of `count` samples: of batches, or of micro-batches. */
export function recordedSizes(count: number, batchSize: number, microBatch = batchSize): number[] {
  return [...new Set(batchSizes(count, batchSize).flatMap((size) => batchSizes(size, microBatch)))];
}

/**
 * The sum of the micro-batches' gradients, in the gradient arena of an optimiser. It is cleared once a step; each micro-batch
 * adds its gradient, all with the same recording; after the last one the optimiser updates.
 */
export class GradientSum {
  /** Shape [2]: share of the current part; 0 for the first part of its batch, 1 for others. Read by the captured part. */
  readonly part: Tensor = persistent(new Float32Array(2), [2]);
  readonly sizes: MicroBatches;
  private readonly optimizer: Optimizer;
  /** @internal The update. */
  readonly captured: CapturedStep<never, Record<never, Tensor>>;

  /** Without `replay` each update runs eagerly. */
  constructor(optimizer: Optimizer, sizes: MicroBatches, replay = true) {
    this.optimizer = optimizer;
    this.sizes = sizes;
    this.captured = captureStep(
      () => {
        this.optimizer.step();
        return {};
      },
      { replay: replay && !checksNan() },
    );
  }

  /** Return the parts of a batch in order, sharing its memory. Errors: OpError for more images than a whole batch has. */
  parts(batch: HostBatch): Iterable<MicroBatch> {
    return microBatches(batch, this.sizes);
  }

  /** Return the distinct sizes of the parts of a batch. */
  partSizes(size: number): number[] {
    return batchSizes(size, this.sizes.microBatch);
  }

  /** Return the counter of random layers for a part of a step; it is unique in the run. */
  draw(step: number, part: number): number {
    const { batchSize, microBatch } = this.sizes;
    return step * Math.ceil(batchSize / microBatch) + part;
  }

  /** Clear the gradients. Enqueues only. */
  clear(): void {
    for (const { chunks } of this.optimizer.groups) for (const { gradient } of chunks) fillZero(gradient);
  }

  /** Set the current part; call before it is recorded or replayed. */
  begin({ index, share }: Pick<MicroBatch, "index" | "share">): void {
    this.part.set([share, index === 0 ? 0 : 1]);
    this.expectArrivals();
  }

  /** Mark all gradients as present: backward then adds to the arena, and the update reads all of it. */
  expectArrivals(): void {
    for (const { chunks } of this.optimizer.groups) {
      for (const { params } of chunks) for (const p of params) p.gradArrived = true;
    }
  }

  /** Return the upstream gradient of a part's mean loss: its share. */
  upstream(): Tensor {
    return this.part.alias([]);
  }

  /** Enqueue the optimiser's step. */
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
