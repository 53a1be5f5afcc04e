// A counted GPU buffer, or a part of one, and its views.
import { MemoryError } from "./errors.ts";

interface Place {
  readonly buffer: GPUBuffer;
  readonly id: number;
  /** Bytes before it in the GPU buffer. */
  readonly start: number;
}

/** A GPU buffer with a reference count. It returns to its pool when the count reaches zero. */
export class PooledBuffer {
  readonly bytes: number;
  refs = 1;
  /** Description of the contents, for a list of what uses memory. */
  what: string;
  private place: Place | null;
  private readonly giveBack: (buffer: PooledBuffer) => void;
  private readonly findPlace: ((buffer: PooledBuffer) => Place) | null;

  /** Without a location, `findPlace` supplies one when the buffer is first bound. */
  constructor(
    place: Place | null,
    bytes: number,
    what: string,
    giveBack: (buffer: PooledBuffer) => void,
    findPlace: ((buffer: PooledBuffer) => Place) | null = null,
  ) {
    this.place = place;
    this.bytes = bytes;
    this.what = what;
    this.giveBack = giveBack;
    this.findPlace = findPlace;
  }

  private get settled(): Place {
    this.place ??= this.findPlace?.(this) ?? null;
    if (!this.place) throw new MemoryError(`a buffer of ${this.bytes} bytes has no memory`);
    return this.place;
  }
  get buffer(): GPUBuffer {
    return this.settled.buffer;
  }
  /** Number of the GPU buffer. Values of a recorded step that share memory share it. */
  get id(): number {
    return this.settled.id;
  }
  /** First byte in the GPU buffer, where bindings and copies begin. */
  get start(): number {
    return this.settled.start;
  }
  /** Use the memory of another buffer, from `offset` bytes on. */
  settle(on: PooledBuffer, offset: number): void {
    this.place = { ...on.settled, start: on.settled.start + offset };
  }

  retain(): this {
    this.refs++;
    return this;
  }
  release(): void {
    if (this.refs <= 0)
      throw new MemoryError(`buffer ${this.place?.id ?? "(unplaced)"} was released more often than retained`);
    if (--this.refs === 0) this.giveBack(this);
  }
}

/** Part of a buffer, as a kernel binds it. */
export interface BufferView {
  /** @internal */
  readonly buffer: PooledBuffer;
  /** Bytes from the start of the buffer, a multiple of 256. */
  readonly offset: number;
  /** Length in bytes. */
  readonly bytes: number;
}
