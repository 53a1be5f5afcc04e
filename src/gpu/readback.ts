// From GPU to host: a ring of staging buffers, and the only code that waits for data.

import { sizeClass } from "./buffer_pool.ts";
import { GpuHangError, GpuLostError } from "./errors.ts";
import type { MakeBuffer } from "./make_buffer.ts";
import type { BufferView } from "./pooled_buffer.ts";
import type { Stream } from "./stream.ts";

/** One u32 that is read with every reading, so that a check on the GPU reports without a further wait. */
interface Rider {
  readonly view: BufferView;
  /** Return the error for the value, or null. */
  judge(value: number): Error | null;
}

/** The parts of a device that a reading uses. All but `check` have a default. */
interface ReadbackHost {
  /** Throw the device's pending error. */
  check(): Promise<void>;
  makeBuffer?: MakeBuffer;
  /** Wait for the device, until it is lost or hangs. */
  guard?<T>(work: Promise<T>): Promise<T>;
}

export class Readback {
  private readonly device: GPUDevice;
  private readonly stream: Stream;
  private readonly host: ReadbackHost;
  rider: Rider | null = null;
  private readonly idle = new Map<number, GPUBuffer[]>();
  /** Staging buffers created so far. Constant once the ring is warm. */
  created = 0;

  constructor(device: GPUDevice, stream: Stream, host: ReadbackHost) {
    this.device = device;
    this.stream = stream;
    this.host = host;
  }

  /** Throw CaptureError while a step is recorded, at once: a captured function would not notice a rejection. */
  expectAllowed(): void {
    this.stream.expectNotRecording(
      "reading back inside a captured step: return the tensor from it and read it after run()",
    );
  }

  /** Copy the bytes of the views, all in one wait. Throws GpuLostError or a pending kernel error. */
  async read(wanted: readonly BufferView[]): Promise<ArrayBuffer[]> {
    this.expectAllowed();
    const { rider } = this;
    const views = rider ? [...wanted, rider.view] : wanted;
    const limit = Math.floor(this.device.limits.maxBufferSize / 4) * 4;
    // One staging buffer for all, or several if one would be too large.
    const totals = [0];
    const places = views.map((view) => {
      const bytes = Math.ceil(view.bytes / 4) * 4;
      if (totals.at(-1)! + bytes > limit) totals.push(0);
      const index = totals.length - 1;
      const offset = totals[index]!;
      totals[index] = offset + bytes;
      return { view, bytes, index, offset };
    });
    const sizes = totals.map((total) => Math.min(sizeClass(total), limit));
    const stagings = sizes.map((size) => this.idle.get(size)?.pop() ?? this.create(size));
    this.stream.flush();
    const encoder = this.device.createCommandEncoder();
    for (const { view, bytes, index, offset } of places) {
      const { buffer, start } = view.buffer;
      encoder.copyBufferToBuffer(buffer, start + view.offset, stagings[index]!, offset, bytes);
    }
    this.stream.submit(encoder);
    try {
      const mapping = Promise.all(stagings.map((staging) => staging.mapAsync(GPUMapMode.READ)));
      await (this.host.guard ? this.host.guard(mapping) : mapping);
    } catch (cause) {
      if (cause instanceof GpuHangError) throw cause;
      await this.host.check();
      throw new GpuLostError(`reading back failed: ${(cause as Error).message}`, true);
    }
    const mapped = stagings.map((staging) => staging.getMappedRange());
    const out = places.map(({ view, index, offset }) => mapped[index]!.slice(offset, offset + view.bytes));
    stagings.forEach((staging, i) => {
      staging.unmap();
      const size = sizes[i]!;
      const list = this.idle.get(size);
      if (list) list.push(staging);
      else this.idle.set(size, [staging]);
    });
    // After a loss the device still answers, with garbage: numbers count only if it is alive now.
    await this.host.check();
    const error = rider?.judge(new Uint32Array(out.pop()!)[0]!);
    if (error) throw error;
    return out;
  }

  private create(size: number): GPUBuffer {
    this.created++;
    const made = { size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST };
    return this.host.makeBuffer?.(made, "a staging buffer for readings") ?? this.device.createBuffer(made);
  }

  destroy(): void {
    for (const list of this.idle.values()) for (const buffer of list) buffer.destroy();
    this.idle.clear();
  }
}
