// From GPU to host: a ring of staging buffers, and the one place where the host waits for data.
import type { BufferView } from "./buffer_pool.ts";
import { sizeClass } from "./buffer_pool.ts";
import { CaptureError, GpuLostError } from "./errors.ts";
import type { Stream } from "./stream.ts";

export class Readback {
  private readonly device: GPUDevice;
  private readonly stream: Stream;
  private readonly check: () => void;
  private readonly idle = new Map<number, GPUBuffer[]>();
  /** Staging buffers created so far: stays constant once the ring is warm. */
  created = 0;

  constructor(device: GPUDevice, stream: Stream, check: () => void) {
    this.device = device;
    this.stream = stream;
    this.check = check;
  }

  /** Copies of the views' bytes, all fetched in one wait. Throws GpuLostError or a pending kernel error. */
  async read(views: readonly BufferView[]): Promise<ArrayBuffer[]> {
    if (this.stream.isRecording) {
      throw new CaptureError("reading back inside a captured step: return the tensor from it and read it after run()");
    }
    const offsets: number[] = [];
    let total = 0;
    for (const view of views) {
      offsets.push(total);
      total += Math.ceil(view.bytes / 4) * 4;
    }
    const size = sizeClass(Math.max(total, 4));
    const staging = this.idle.get(size)?.pop() ?? this.create(size);
    this.stream.flush();
    const encoder = this.device.createCommandEncoder();
    views.forEach((view, i) => {
      const bytes = Math.ceil(view.bytes / 4) * 4;
      encoder.copyBufferToBuffer(view.buffer.buffer, view.offset, staging, offsets[i] as number, bytes);
    });
    this.device.queue.submit([encoder.finish()]);
    try {
      await staging.mapAsync(GPUMapMode.READ);
    } catch (cause) {
      this.check();
      throw new GpuLostError(`reading back failed: ${(cause as Error).message}`);
    }
    const mapped = staging.getMappedRange();
    const out = views.map((view, i) => mapped.slice(offsets[i] as number, (offsets[i] as number) + view.bytes));
    staging.unmap();
    const list = this.idle.get(size);
    if (list) list.push(staging);
    else this.idle.set(size, [staging]);
    // After a loss the device still answers, with garbage: numbers count only if it is alive now.
    this.check();
    return out;
  }

  private create(size: number): GPUBuffer {
    this.created++;
    return this.device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
  }

  destroy(): void {
    for (const list of this.idle.values()) for (const buffer of list) buffer.destroy();
    this.idle.clear();
  }
}
