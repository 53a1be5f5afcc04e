// GPU memory: counted buffers in size classes, reused in stream order. Freed memory is handed out again at once,
// which is safe because one queue runs everything in order.
import { MemoryError } from "./errors.ts";

/** A GPU buffer with a reference count; returns to its pool when the count reaches zero. */
export class PooledBuffer {
  readonly buffer: GPUBuffer;
  readonly bytes: number;
  readonly id: number;
  refs = 1;
  private readonly giveBack: (buffer: PooledBuffer) => void;
  constructor(buffer: GPUBuffer, bytes: number, id: number, giveBack: (buffer: PooledBuffer) => void) {
    this.buffer = buffer;
    this.bytes = bytes;
    this.id = id;
    this.giveBack = giveBack;
  }
  retain(): this {
    this.refs++;
    return this;
  }
  release(): void {
    if (this.refs <= 0) throw new MemoryError(`buffer ${this.id} was released more often than retained`);
    if (--this.refs === 0) this.giveBack(this);
  }
}

/** Part of a buffer, as a kernel binds it. */
export interface BufferView {
  readonly buffer: PooledBuffer;
  readonly offset: number;
  readonly bytes: number;
}

export interface MemoryStats {
  /** Bytes in use now. */
  live: number;
  /** Bytes held for reuse. */
  pooled: number;
  /** Largest `live` so far. */
  peak: number;
  /** Buffers created since the start; constant while a captured step is replayed. */
  created: number;
}

/**
 * Size class of a request, in bytes: multiples of 256 up to 4 KiB, then eight steps per power of two (at most
 * 12.5 % is wasted). Few classes mean that freed buffers fit later requests.
 */
export function sizeClass(bytes: number): number {
  if (bytes <= 4096) return Math.max(256, Math.ceil(bytes / 256) * 256);
  const step = 2 ** (Math.floor(Math.log2(bytes - 1)) - 3);
  return Math.ceil(bytes / step) * step;
}

type FreeLists = Map<number, PooledBuffer[]>;

function take(lists: FreeLists, bytes: number): PooledBuffer | undefined {
  return lists.get(bytes)?.pop();
}

function put(lists: FreeLists, buffer: PooledBuffer): void {
  const list = lists.get(buffer.bytes);
  if (list) list.push(buffer);
  else lists.set(buffer.bytes, [buffer]);
}

/**
 * Memory that one captured step owns: what it frees is reused by that step only, so that a replay finds its
 * buffers where the recording left them.
 */
export class Arena {
  readonly free: FreeLists = new Map();
  readonly owned = new Set<PooledBuffer>();
}

export class BufferPool {
  private readonly device: GPUDevice;
  private readonly free: FreeLists = new Map();
  private arena: Arena | null = null;
  private nextId = 1;
  private readonly owners = new Map<PooledBuffer, Arena>();
  private readonly onDestroy: (buffer: PooledBuffer) => void;
  readonly stats: MemoryStats = { live: 0, pooled: 0, peak: 0, created: 0 };

  constructor(device: GPUDevice, onDestroy: (buffer: PooledBuffer) => void) {
    this.device = device;
    this.onDestroy = onDestroy;
  }

  /**
   * A buffer of at least `bytes`, contents undefined. `persistent` memory outlives a recording in progress.
   * Throws MemoryError when one buffer may not be that large on this adapter.
   */
  acquire(bytes: number, what: string, persistent = false): PooledBuffer {
    const limit = Math.min(this.device.limits.maxBufferSize, this.device.limits.maxStorageBufferBindingSize);
    if (bytes > limit) {
      throw new MemoryError(`${what} needs ${bytes} bytes; this adapter binds at most ${limit} bytes at once`);
    }
    // A class rounded up past the limit would be refused, so the largest tensors get their exact size.
    const size = Math.min(sizeClass(bytes), Math.floor(limit / 4) * 4);
    const arena = persistent ? null : this.arena;
    let buffer = (arena ? take(arena.free, size) : undefined) ?? take(this.free, size);
    if (buffer) {
      buffer.refs = 1;
      this.stats.pooled -= size;
    } else {
      const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
      buffer = new PooledBuffer(this.device.createBuffer({ size, usage }), size, this.nextId++, this.giveBack);
      this.stats.created++;
    }
    if (arena) this.own(arena, buffer);
    this.stats.live += size;
    this.stats.peak = Math.max(this.stats.peak, this.stats.live);
    return buffer;
  }

  private readonly giveBack = (buffer: PooledBuffer): void => {
    this.stats.live -= buffer.bytes;
    this.stats.pooled += buffer.bytes;
    // What is freed while a step is recorded may be bound by the recording: nobody else may have it meanwhile.
    if (this.arena) this.own(this.arena, buffer);
    put(this.owners.get(buffer)?.free ?? this.free, buffer);
  };

  /** The first arena that owns a buffer stays its owner. */
  private own(arena: Arena, buffer: PooledBuffer): void {
    if (this.owners.has(buffer)) return;
    arena.owned.add(buffer);
    this.owners.set(buffer, arena);
  }

  /** From now on, memory comes from `arena` first and returns to it. */
  enter(arena: Arena): void {
    if (this.arena) throw new MemoryError("a step is being recorded already");
    this.arena = arena;
  }
  leave(): void {
    this.arena = null;
  }

  /** Hands an arena's memory to everybody again. Buffers still referenced return when their owner lets go. */
  dissolve(arena: Arena): void {
    for (const buffer of arena.owned) this.owners.delete(buffer);
    for (const list of arena.free.values()) for (const buffer of list) put(this.free, buffer);
    arena.owned.clear();
    arena.free.clear();
  }

  /** Destroys everything held for reuse, except what captured steps hold. */
  trim(): void {
    for (const list of this.free.values()) {
      for (const buffer of list) {
        this.stats.pooled -= buffer.bytes;
        this.onDestroy(buffer);
        buffer.buffer.destroy();
      }
    }
    this.free.clear();
  }
}
