// Prefetched batches: a bounded number at a time, in order, in arrays that are reused.

import { DataError, expectWhole } from "../data/errors.ts";
import type { ImageBatch, ImageBatches } from "../data/index.ts";

/** Limit of concurrent jobs; the others queue. */
export class Slots {
  private free: number;
  private readonly line: (() => void)[] = [];

  constructor(count: number) {
    this.free = count;
  }

  /** Run the job when a slot is free. A job whose signal was aborted meanwhile does not start. */
  async run<T>(signal: AbortSignal, job: () => Promise<T>): Promise<T> {
    if (this.free > 0) this.free--;
    else await new Promise<void>((resolve) => this.line.push(resolve));
    try {
      signal.throwIfAborted();
      return await job();
    } finally {
      const next = this.line.shift();
      if (next) next();
      else this.free++;
    }
  }
}

/** Arrays of one batch. */
export interface BatchArrays {
  readonly x: Uint8Array<ArrayBuffer>;
  readonly y: Int32Array<ArrayBuffer>;
  /** [size, 4] */
  readonly crop: Int32Array<ArrayBuffer>;
}

/** Pool of batch arrays, reused after a batch is given back. */
export class ArrayPool {
  private readonly pixels: number;
  private readonly spare = new Map<number, BatchArrays[]>();
  private readonly lent = new WeakMap<ImageBatch, BatchArrays>();
  /** Bytes of all arrays made so far. Constant in a loop that gives its batches back. */
  bytesMade = 0;

  /** @param pixels Bytes of one image. */
  constructor(pixels: number) {
    this.pixels = pixels;
  }

  take(size: number): BatchArrays {
    const spare = this.spare.get(size)?.pop();
    if (spare) return spare;
    const made = {
      x: new Uint8Array(size * this.pixels),
      y: new Int32Array(size),
      crop: new Int32Array(4 * size),
    };
    this.bytesMade += made.x.byteLength + made.y.byteLength + made.crop.byteLength;
    return made;
  }

  lend(batch: ImageBatch, arrays: BatchArrays): void {
    this.lent.set(batch, arrays);
  }

  /** Twice is harmless. At most `keep` batches of each size lie ready. */
  giveBack(batch: ImageBatch, keep: number): void {
    const arrays = this.lent.get(batch);
    if (!arrays) return;
    this.lent.delete(batch);
    const spare = this.spare.get(batch.size) ?? [];
    if (spare.length < keep) spare.push(arrays);
    this.spare.set(batch.size, spare);
  }
}

/** Source of a stream of batches. */
interface BatchMaker {
  readonly length: number;
  readonly startBatch: number;
  /** Batches in preparation or ready while the loop uses one. */
  readonly prefetch: number;
  readonly pool: ArrayPool;
  /** Make batch k. Runs for several k at a time; stops early if the signal is aborted. */
  make(k: number, signal: AbortSignal): Promise<ImageBatch>;
  /** Called for each batch in order, when the loop requests it; may throw. */
  deliver?(batch: ImageBatch): void;
}

/** All loops over one data set, so that closing it ends them. */
export class Loops {
  /** Pending batches of each loop. */
  private readonly running = new Map<AbortController, readonly Promise<ImageBatch>[]>();
  private closed = false;
  private readonly name: string;

  constructor(name: string) {
    this.name = name;
  }

  /** End all loops; their next batch is an error. Resolves when all reads have ended. */
  async close(): Promise<void> {
    this.closed = true;
    for (const controller of this.running.keys()) controller.abort(this.gone());
    await Promise.allSettled([...this.running.values()].flat());
  }

  private gone(): DataError {
    return new DataError(`${this.name}: the data set was closed`);
  }

  /** Return the batches in order, prefetched; each iteration starts at startBatch. */
  batches(maker: BatchMaker): ImageBatches {
    const { length, pool, prefetch } = maker;
    expectWhole(`${this.name}: startBatch`, maker.startBatch, 0, length);
    return {
      length,
      recycle: (batch) => pool.giveBack(batch, prefetch + 2),
      [Symbol.asyncIterator]: () => this.iterate(maker),
    };
  }

  private async *iterate(maker: BatchMaker): AsyncGenerator<ImageBatch, void, undefined> {
    if (this.closed) throw this.gone();
    const controller = new AbortController();
    const { signal } = controller;
    const pending: Promise<ImageBatch>[] = [];
    let next = maker.startBatch;
    const refill = () => {
      while (pending.length < Math.max(1, maker.prefetch) && next < maker.length && !signal.aborted) {
        const batch = maker.make(next++, signal);
        batch.catch(() => {}); // reported in its turn
        pending.push(batch);
      }
    };
    this.running.set(controller, pending);
    try {
      refill();
      while (pending.length > 0) {
        const batch = await pending[0]!;
        signal.throwIfAborted();
        pending.shift();
        maker.deliver?.(batch);
        if (maker.prefetch > 0) refill();
        yield batch;
        signal.throwIfAborted();
        refill();
      }
    } finally {
      controller.abort();
      await Promise.allSettled(pending);
      this.running.delete(controller);
    }
  }
}
