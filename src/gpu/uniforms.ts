// Per-dispatch parameters. Shapes repeat from step to step, so equal parameter bytes share one immutable slot: no
// writes after the first, nothing to reuse while a dispatch is pending, and a replayed step finds its values unchanged.

import type { MakeBuffer } from "./make_buffer.ts";

const SLOT = 256; // minUniformBufferOffsetAlignment of every adapter
const SLOTS_PER_SLAB = 256;

export interface UniformSlot {
  readonly buffer: GPUBuffer;
  readonly offset: number;
  readonly bytes: number;
  readonly id: number;
}

export class UniformCache {
  private readonly device: GPUDevice;
  private readonly make: MakeBuffer;
  private readonly slots = new Map<string, UniformSlot>();
  private slab: GPUBuffer | null = null;
  private used = SLOTS_PER_SLAB;
  private nextId = 1;

  constructor(device: GPUDevice, make: MakeBuffer) {
    this.device = device;
    this.make = make;
  }

  get size(): number {
    return this.slots.size;
  }

  /** Return the slot with exactly these 32-bit words. */
  slot(words: Uint32Array): UniformSlot {
    const key = words.join();
    const known = this.slots.get(key);
    if (known) return known;
    if (!this.slab || this.used === SLOTS_PER_SLAB) {
      const usage = GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST;
      this.slab = this.make({ size: SLOT * SLOTS_PER_SLAB, usage }, "parameters of dispatches");
      this.used = 0;
    }
    const slot = { buffer: this.slab, offset: SLOT * this.used++, bytes: words.byteLength, id: this.nextId++ };
    // No pending dispatch binds a new slot, so this write needs no flush.
    this.device.queue.writeBuffer(slot.buffer, slot.offset, words as Uint32Array<ArrayBuffer>);
    this.slots.set(key, slot);
    return slot;
  }
}
