// Two clocks. The host's clock runs from the first enqueue until the queue is empty; the adapter's (timestamp queries) runs
// only while command buffers execute, so that it also measures kernels that are shorter than the host's work for them.
import type { Gpu } from "../../src/gpu/index.ts";
import type { PassTimer } from "../../src/gpu/stream.ts";

export type Clock = "queue" | "timestamp";

/** Pairs of timestamps, one per submit. A submit holds at most 96 commands, so this is enough for 50,000 dispatches. */
const MOST_SUBMITS = 512;

/** Timer of each submit from its first dispatch to its end. Time that the queue waits for the host does not count. */
class SubmitTimer implements PassTimer {
  private readonly gpu: Gpu;
  private readonly set: GPUQuerySet;
  private submits = 0;
  private isOpen = false;
  /** Submits without a free pair of timestamps. */
  missed = 0;

  constructor(gpu: Gpu) {
    this.gpu = gpu;
    gpu.stream.flush();
    this.set = gpu.device.createQuerySet({ type: "timestamp", count: 2 * MOST_SUBMITS });
    gpu.stream.timer = this;
  }

  begin(): GPUComputePassTimestampWrites | undefined {
    if (this.isOpen) return undefined;
    this.isOpen = true;
    if (this.submits >= MOST_SUBMITS) this.missed++;
    return this.submits < MOST_SUBMITS
      ? { querySet: this.set, beginningOfPassWriteIndex: 2 * this.submits }
      : undefined;
  }

  flush(encoder: GPUCommandEncoder): void {
    if (!this.isOpen) return; // nothing but copies
    this.isOpen = false;
    if (this.submits >= MOST_SUBMITS) return;
    const timestampWrites = { querySet: this.set, endOfPassWriteIndex: 2 * this.submits + 1 };
    encoder.beginComputePass({ timestampWrites }).end();
    this.submits++;
  }

  /** Wait for the work and return its milliseconds; null if nothing was timed or the timestamps are invalid. */
  async stop(): Promise<number | null> {
    const { device, stream } = this.gpu;
    stream.flush();
    stream.timer = undefined;
    const bytes = 16 * this.submits;
    if (bytes === 0) {
      await this.gpu.wait();
      this.set.destroy();
      return null;
    }
    const resolved = device.createBuffer({
      size: bytes,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
    const staging = device.createBuffer({ size: bytes, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    try {
      const encoder = device.createCommandEncoder();
      encoder.resolveQuerySet(this.set, 0, 2 * this.submits, resolved, 0);
      encoder.copyBufferToBuffer(resolved, 0, staging, 0, bytes);
      stream.submit(encoder);
      await this.gpu.wait();
      await staging.mapAsync(GPUMapMode.READ);
      const stamps = new BigUint64Array(staging.getMappedRange());
      let ns = 0;
      for (let i = 0; i < this.submits; i++) {
        const span = Number(stamps[2 * i + 1]! - stamps[2 * i]!);
        if (!(span >= 0 && span < 3.6e12)) return null; // a stamp that was never written, or a clock set back
        ns += span;
      }
      return this.missed === 0 && ns > 0 ? ns / 1e6 : null;
    } finally {
      this.set.destroy();
      resolved.destroy();
      staging.destroy();
    }
  }
}

interface Timing {
  readonly ms: number;
  readonly clock: Clock;
}

/**
 * Measure the milliseconds of `repeats` runs together. The clock "timestamp" falls back to "queue" without timestamp queries,
 * for runs without dispatches (only copies) and for invalid timestamps; the result names the clock. Throws errors that the
 * device reported.
 */
export async function timeRuns(gpu: Gpu, run: () => void, repeats: number, clock: Clock): Promise<Timing> {
  await gpu.wait();
  if (clock === "timestamp" && gpu.device.features.has("timestamp-query")) {
    const timer = new SubmitTimer(gpu);
    let ms: number | null;
    try {
      for (let i = 0; i < repeats; i++) run();
    } finally {
      ms = await timer.stop();
    }
    if (ms !== null) return { ms, clock };
  }
  const start = performance.now();
  for (let i = 0; i < repeats; i++) run();
  await gpu.wait();
  return { ms: performance.now() - start, clock: "queue" };
}

/**
 * Choose the clock. Timestamps on hardware that has them, if they agree with the queue about `work`, some tens of milliseconds
 * that the host does not slow down; the queue on software adapters, where the host's cores do the work.
 */
export async function chooseClock(gpu: Gpu, work: () => void): Promise<Clock> {
  if (gpu.adapter.software || !gpu.device.features.has("timestamp-query")) return "queue";
  const queue = await timeRuns(gpu, work, 1, "queue");
  const stamps = await timeRuns(gpu, work, 1, "timestamp");
  const share = stamps.ms / queue.ms;
  return stamps.clock === "timestamp" && share > 0.5 && share < 1.5 ? "timestamp" : "queue";
}
