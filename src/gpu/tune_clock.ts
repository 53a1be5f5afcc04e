// Measures the time of a candidate: by the adapter's clock from the first dispatch of a sample to the end of its last, or by
// the host's clock until the queue is empty.
import type { PassTimer, Stream } from "./stream.ts";

/** The part of a device that timing needs. */
export interface TimedGpu {
  readonly adapter: { readonly software: boolean };
  readonly device: GPUDevice;
  readonly stream: Stream;
  wait(): Promise<void>;
}

/** Stamp the start of the first and the end of the last of `dispatches` dispatches. */
class SpanTimer implements PassTimer {
  private readonly set: GPUQuerySet;
  private readonly resolved: GPUBuffer;
  private readonly staging: GPUBuffer;
  private readonly dispatches: number;
  private seen = 0;

  constructor(device: GPUDevice, dispatches: number) {
    this.dispatches = dispatches;
    this.set = device.createQuerySet({ type: "timestamp", count: 2 });
    this.resolved = device.createBuffer({ size: 16, usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC });
    this.staging = device.createBuffer({ size: 16, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  }

  begin(): GPUComputePassTimestampWrites | undefined {
    const at = this.seen++;
    const first = at === 0 ? { beginningOfPassWriteIndex: 0 } : {};
    const last = at === this.dispatches - 1 ? { endOfPassWriteIndex: 1 } : {};
    return at === 0 || at === this.dispatches - 1 ? { querySet: this.set, ...first, ...last } : undefined;
  }

  flush(encoder: GPUCommandEncoder): void {
    if (this.seen < this.dispatches) return;
    encoder.resolveQuerySet(this.set, 0, 2, this.resolved, 0);
    encoder.copyBufferToBuffer(this.resolved, 0, this.staging, 0, 16);
  }

  /** Return the milliseconds between the stamps; 0 if the adapter reset its clock in between. */
  async read(): Promise<number> {
    await this.staging.mapAsync(GPUMapMode.READ);
    const [start, end] = new BigUint64Array(this.staging.getMappedRange()) as unknown as [bigint, bigint];
    const ms = Math.max(0, Number(end - start)) / 1e6;
    this.staging.unmap();
    return ms;
  }

  destroy(): void {
    for (const object of [this.set, this.resolved, this.staging]) object.destroy();
  }
}

/** True if the adapter's own clock is used: it has one that is not the host's, and no profile is using it. */
export function hasAdapterClock(gpu: TimedGpu): boolean {
  return !gpu.adapter.software && gpu.device.features.has("timestamp-query") && !gpu.stream.timer;
}

/** Return the milliseconds of one `run`, the mean of `repeats` in a row. `dispatches` counts those of one run. Waits for the GPU. */
export async function timeRuns(gpu: TimedGpu, run: () => void, dispatches: number, repeats: number): Promise<number> {
  await gpu.wait();
  const timer = hasAdapterClock(gpu) ? new SpanTimer(gpu.device, dispatches * repeats) : null;
  gpu.stream.timer = timer ?? gpu.stream.timer;
  const started = performance.now();
  try {
    for (let i = 0; i < repeats; i++) run();
    await gpu.wait();
    const wall = performance.now() - started;
    const span = timer ? await timer.read() : 0;
    return (span > 0 ? span : wall) / repeats;
  } finally {
    if (timer) {
      gpu.stream.timer = undefined;
      timer.destroy();
    }
  }
}
