// GPU memory: counted buffers in size classes, reused in stream order. Freed memory is reused at once, which is safe because
// one queue runs everything in order. Memory requested while a step is recorded gets its offset afterwards, from a plan of
// the values' lifetimes (memory_plan.ts).
import { MemoryError } from "./errors.ts";
import type { MakeBuffer } from "./make_buffer.ts";
import type { Block } from "./memory_plan.ts";
import { PooledBuffer } from "./pooled_buffer.ts";

/** Bytes of GPU memory in use, kept for reuse, and at the peak. */
export interface MemoryStats {
  /** Bytes in use: referenced, or owned by a captured step. */
  live: number;
  /** The part of `live` that captured steps own for their values. */
  steps: number;
  /** Bytes kept for reuse. */
  pooled: number;
  /** Largest `live` so far. */
  peak: number;
  /** Buffers created since the start. Constant while a captured step is replayed. */
  created: number;
}

/**
 * Return the size class of a request, in bytes: multiples of 256 up to 4 KiB, then eight steps per power of two (at most
 * 12.5 % is wasted). With few classes, freed buffers fit later requests.
 */
export function sizeClass(bytes: number): number {
  if (bytes <= 4096) return Math.max(256, Math.ceil(bytes / 256) * 256);
  const step = 2 ** (Math.floor(Math.log2(bytes - 1)) - 3);
  return Math.ceil(bytes / step) * step;
}

/** Memory of one captured step: values without a location while it is recorded, then the blocks of the plan. */
export class Arena {
  /** Values requested during the recording, in order. */
  readonly values: PooledBuffer[] = [];
  /** Memory of the values, one reference each. */
  readonly blocks = new Set<PooledBuffer>();
  /** Buffers from outside that were released during the recording: its commands may bind them. */
  readonly adopted = new Set<PooledBuffer>();
  /** Blocks that hold a value which outlived the recording, by that value. */
  readonly outliving = new Map<PooledBuffer, PooledBuffer>();
  dissolved = false;

  /** Bytes of all blocks. */
  get bytes(): number {
    let sum = 0;
    for (const block of this.blocks) sum += block.bytes;
    return sum;
  }
}

/** Contents of a captured step's block: its largest value, and the number of others. */
function named(tenants: readonly { readonly bytes: number; readonly value: PooledBuffer }[]): string {
  const { value } = tenants.reduce((a, b) => (b.bytes > a.bytes ? b : a));
  return tenants.length === 1
    ? value.what
    : `${value.what} and ${tenants.length - 1} more of a captured step, in turns`;
}

/** Memory of buffers, in size classes. Freed memory is kept for reuse until `trim`. */
export class BufferPool {
  private readonly device: GPUDevice;
  private readonly make: MakeBuffer;
  private readonly free = new Map<number, PooledBuffer[]>();
  /** Every buffer made, for a list of what uses memory. Weak references: unused ones may be collected. */
  private made: WeakRef<PooledBuffer>[] = [];
  /**
   * Blocks of captured steps. True: no value in the block outlives a run, so every step may use it, since steps run one after
   * another.
   */
  private readonly blocks = new Map<PooledBuffer, boolean>();
  private arena: Arena | null = null;
  private nextId = 1;
  private readonly onDestroy: (buffer: PooledBuffer) => void;
  /** Bytes by use. */
  readonly stats: MemoryStats = { live: 0, steps: 0, pooled: 0, peak: 0, created: 0 };

  /** @internal */
  constructor(device: GPUDevice, onDestroy: (buffer: PooledBuffer) => void, make?: MakeBuffer) {
    this.device = device;
    this.make = make ?? ((descriptor) => device.createBuffer(descriptor));
    this.onDestroy = onDestroy;
  }

  /** Largest size of one buffer that one kernel can bind, in bytes. */
  private get limit(): number {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    return Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / 4) * 4;
  }

  /**
   * Return a buffer of at least `bytes` with undefined contents. `persistent` memory outlives a recording in progress; with
   * `inParts` it may exceed the size that one kernel can bind. Throws MemoryError for a size beyond this adapter's limits.
   * @internal
   */
  acquire(bytes: number, what: string, persistent = false, inParts = false): PooledBuffer {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.device.limits;
    const limit = inParts ? maxBufferSize : Math.min(maxBufferSize, maxStorageBufferBindingSize);
    if (bytes > limit) {
      const does = inParts ? "holds" : "binds";
      throw new MemoryError(`${what} needs ${bytes} bytes; this adapter ${does} at most ${limit} bytes at once`);
    }
    // A size rounded up past the limit would be refused, so the largest tensors get their exact size.
    const rounded = (size: number) => Math.max(bytes, Math.min(size, this.limit));
    if (this.arena && !persistent) return this.promise(this.arena, rounded(Math.ceil(bytes / 256) * 256), what);
    return this.obtain(rounded(sizeClass(bytes)), what);
  }

  /** Allocate memory of exactly this size. */
  private obtain(size: number, what: string): PooledBuffer {
    let buffer = this.free.get(size)?.pop();
    if (buffer) {
      buffer.refs = 1;
      buffer.what = what;
      this.stats.pooled -= size;
    } else {
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
      const place = { buffer: this.make({ size, usage }, what), id: this.nextId++, start: 0 };
      buffer = new PooledBuffer(place, size, what, this.giveBack);
      this.made.push(new WeakRef(buffer));
      this.stats.created++;
    }
    this.stats.live += size;
    this.stats.peak = Math.max(this.stats.peak, this.stats.live);
    return buffer;
  }

  private readonly giveBack = (buffer: PooledBuffer): void => {
    // The recording may bind what is freed while it runs: it keeps such buffers.
    if (this.arena) {
      buffer.refs = 1;
      this.arena.adopted.add(buffer);
      return;
    }
    if (this.blocks.delete(buffer)) this.stats.steps -= buffer.bytes;
    this.stats.live -= buffer.bytes;
    this.stats.pooled += buffer.bytes;
    const list = this.free.get(buffer.bytes);
    if (list) list.push(buffer);
    else this.free.set(buffer.bytes, [buffer]);
  };

  /** Return a value of a recording, without memory. Unless the plan gives it an offset, it gets memory when it is first bound. */
  private promise(arena: Arena, bytes: number, what: string): PooledBuffer {
    const giveBack = (value: PooledBuffer) => {
      const block = arena.outliving.get(value);
      arena.outliving.delete(value);
      block?.release();
    };
    const findPlace = (value: PooledBuffer) => {
      if (arena.dissolved) throw new MemoryError("the recording that made this tensor failed or was disposed");
      const block = this.obtainBlock(bytes, false, what);
      arena.blocks.add(block);
      this.give(arena, value, block, 0);
      return block;
    };
    const value = new PooledBuffer(null, bytes, what, giveBack, findPlace);
    arena.values.push(value);
    return value;
  }

  private obtainBlock(size: number, sharable: boolean, what: string): PooledBuffer {
    const block = this.obtain(size, what);
    this.blocks.set(block, sharable);
    this.stats.steps += size;
    return block;
  }

  private give(arena: Arena, value: PooledBuffer, block: PooledBuffer, offset: number): void {
    value.settle(block, offset);
    // A value that is still referenced keeps its block, so that it survives its step.
    if (value.refs > 0) arena.outliving.set(value, block.retain());
  }

  /**
   * Give every value of a finished recording the offset that a plan assigns to it (`settleArena`). Steps share the blocks of
   * values that none of them keeps.
   * @internal
   */
  settle(arena: Arena, packed: Block[]): void {
    const idle = [...this.blocks].flatMap(([block, sharable]) => (sharable ? [block] : []));
    idle.sort((a, b) => a.bytes - b.bytes);
    // Largest first, each in the smallest block that is large enough.
    for (const { bytes, tenants } of packed.sort((a, b) => b.bytes - a.bytes)) {
      const sharable = tenants.every(({ value }) => value.refs === 0);
      const at = sharable ? idle.findIndex((b) => b.bytes >= bytes) : -1;
      const block = at >= 0 ? idle.splice(at, 1)[0]!.retain() : this.obtainBlock(bytes, sharable, named(tenants));
      arena.blocks.add(block);
      for (const { value, offset } of tenants) this.give(arena, value, block, offset);
    }
  }

  /** @internal Make memory that is not persistent a value of `arena` from now on. */
  enter(arena: Arena): void {
    if (this.arena) throw new MemoryError("a step is being recorded already");
    this.arena = arena;
  }
  /** @internal */
  leave(): void {
    this.arena = null;
  }

  /** @internal Return an arena's memory to the pool. Blocks of values still referenced return when their owner releases them. */
  dissolve(arena: Arena): void {
    if (this.arena === arena) this.leave();
    arena.dissolved = true;
    for (const block of [...arena.blocks, ...arena.adopted]) block.release();
    arena.blocks.clear();
    arena.adopted.clear();
    arena.values.length = 0;
  }

  /** Return the largest buffers in use, with descriptions. */
  largest(count: number): { readonly what: string; readonly bytes: number }[] {
    const held = this.made.flatMap((ref) => ref.deref() ?? []).filter(({ refs }) => refs > 0);
    return held
      .sort((a, b) => b.bytes - a.bytes)
      .slice(0, count)
      .map(({ what, bytes }) => ({ what, bytes }));
  }

  /** Destroy everything kept for reuse, except the memory of captured steps. */
  trim(): void {
    for (const list of this.free.values()) {
      for (const buffer of list) {
        this.stats.pooled -= buffer.bytes;
        this.onDestroy(buffer);
        buffer.buffer.destroy();
      }
    }
    this.free.clear();
    // Otherwise the list would grow with every buffer that a long run ever had.
    this.made = this.made.filter((ref) => (ref.deref()?.refs ?? 0) > 0);
  }
}
