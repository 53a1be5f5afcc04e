// Tensor: shape, dtype and counted GPU memory. It has no arithmetic: ops are functions (src/ops).
import {
  type Bindable,
  type BufferView,
  currentGpu,
  DisposedError,
  debugLevel,
  debugLog,
  OpError,
  type PooledBuffer,
} from "../gpu/index.ts";
import { arrayOf, bytesOf, bytesToUpload, type DType, type TypedArray } from "./dtype.ts";
import { toTyped } from "./nested.ts";
import { Scope } from "./scope.ts";
import { checkShape, formatShape, numel, type Shape } from "./shape.ts";

/** Parts of a new tensor. */
export interface TensorInit {
  /** Sizes of the axes; [] for a scalar. */
  readonly shape: Shape;
  /** Type of the elements. */
  readonly dtype: DType;
  /** @internal Memory, of which this tensor takes one reference; absent for a meta tensor (shape without data). */
  readonly storage?: PooledBuffer;
  /** Bytes into the storage, a multiple of 256. */
  readonly offset?: number;
  /** False for a tensor that no scope frees. */
  readonly scoped?: boolean;
}

let nextId = 1;

/**
 * A contiguous array on the GPU. Free it with `dispose()`, `using`, or by making it inside a Scope. Use after `dispose`
 * throws DisposedError.
 */
export class Tensor implements Bindable, Disposable {
  /** Distinct number, for messages. */
  readonly id: number;
  /** Sizes of the axes, slowest first; [] for a scalar. */
  readonly shape: Shape;
  /** Type of the elements. */
  readonly dtype: DType;
  /** Number of elements. */
  readonly numel: number;
  /** True if gradients flow to it. Ops set it on their outputs. */
  requiresGrad = false;
  /** The gradient of a leaf, set by backward. */
  grad: Tensor | null = null;
  /** False while `grad` holds an old value that the next backward overwrites. */
  gradArrived = false;
  /** Name for messages; modules set it to the parameter's path. */
  name = "";
  /** @internal */
  protected storage: PooledBuffer | null;
  /** @internal */
  protected offset: number;
  /** @internal */
  protected gone = false;

  /** @internal */
  constructor({ shape, dtype, storage, offset = 0, scoped = true }: TensorInit) {
    this.id = nextId++;
    this.shape = shape;
    this.dtype = dtype;
    this.numel = numel(shape);
    this.storage = storage ?? null;
    this.offset = offset;
    if (scoped && storage) Scope.adopt(this);
  }

  /** Size of the elements in bytes. Memory has whole words of 4 bytes: see `view`. */
  get bytes(): number {
    return this.numel * bytesOf[this.dtype];
  }
  /** True for a shape without data: ops on it only infer shapes. */
  get isMeta(): boolean {
    return this.storage === null && !this.gone;
  }
  /** True after `dispose`. */
  get isDisposed(): boolean {
    return this.gone;
  }

  /** The memory that kernels bind. Throws DisposedError. */
  get view(): BufferView {
    if (!this.storage) {
      const what = this.gone ? "was disposed (a Tape frees what it recorded; keep it with tape.keep)" : "has no data";
      throw new DisposedError(`tensor ${this.describe()} ${what}`);
    }
    return { buffer: this.storage, offset: this.offset, bytes: Math.ceil(this.bytes / 4) * 4 };
  }

  /** Return name or number, shape and dtype: "weight [6,1,5,5] f32". */
  describe(): string {
    return `${this.name ? `${this.name} ` : `#${this.id} `}${formatShape(this.shape)} ${this.dtype}`;
  }

  /**
   * Return name or number, shape, dtype and state: "Tensor weight [6,1,5,5] f32, requires gradient". The values are on the GPU
   * and cannot be read without waiting: see `formatTensor`.
   */
  toString(): string {
    const state: string[] = [];
    if (this.gone) state.push(", disposed");
    else if (this.isMeta) state.push(", shape only");
    if (this.requiresGrad) state.push(", requires gradient");
    return `Tensor ${this.describe()}${state.join("")}`;
  }

  /** Text for console.log in Node. */
  [Symbol.for("nodejs.util.inspect.custom")](): string {
    return this.toString();
  }

  /**
   * Return another tensor on the same memory, from element `start` on (a multiple of 64, for f16 of 128: kernels bind from
   * 256-byte boundaries). The shape may differ, within the remaining elements.
   */
  alias(shape: Shape = this.shape, scoped = true, start = 0): Tensor {
    const { buffer } = this.view;
    const offset = this.offset + start * bytesOf[this.dtype];
    return new Tensor({ shape, dtype: this.dtype, storage: buffer.retain(), offset, scoped });
  }

  /** @internal True if no other tensor shares the memory. */
  get isSoleOwner(): boolean {
    return this.view.buffer.refs === 1;
  }

  /** Return the values, in row-major order; those of f16 as f32. Waits for the GPU. */
  data(): Promise<TypedArray> {
    currentGpu().readback.expectAllowed();
    return this.fetch();
  }

  /** Return the value of a one-element tensor. Waits for the GPU. */
  item(): Promise<number> {
    currentGpu().readback.expectAllowed();
    return this.fetchItem();
  }

  private async fetch(): Promise<TypedArray> {
    const [bytes] = await currentGpu().readback.read([this.view]);
    return arrayOf(this.dtype, bytes!, this.numel);
  }
  private async fetchItem(): Promise<number> {
    if (this.numel !== 1) throw new OpError("item", "expected one element", { tensor: this });
    return (await this.fetch())[0]!;
  }

  /** Overwrite the values, after everything enqueued so far. One number fills a scalar. For f16, values are rounded. */
  set(values: number | TypedArray | readonly number[]): void {
    const list = typeof values === "number" ? [values] : values;
    if (list.length !== this.numel)
      throw new OpError("set", `expected ${this.numel} values, got ${list.length}`, { tensor: this });
    const data = ArrayBuffer.isView(list) ? (list as TypedArray) : toTyped(this.dtype, list as readonly number[]);
    const bytes = bytesToUpload("set", this.dtype, data, { tensor: this });
    const { buffer, offset } = this.view;
    currentGpu().stream.write(buffer, offset, bytes);
  }

  /** Free the memory, unless another tensor shares it. A second call does nothing. */
  dispose(): void {
    if (this.gone) return;
    this.gone = true;
    this.storage?.release();
    this.storage = null;
    if (debugLevel() >= 3) debugLog(`free ${this.describe()}`);
  }
  [Symbol.dispose](): void {
    this.dispose();
  }
}

/** Throw OpError if the device cannot run shaders with f16. */
function expectHalves(): void {
  const { adapter, device } = currentGpu();
  if (!device.features.has("shader-f16"))
    throw new OpError(
      "dtype or precision f16",
      `expected an adapter with shader-f16, got ${adapter.description || "one without"}; use f32`,
    );
}

/**
 * Allocate uninitialised memory for a shape. Throws OpError for a bad shape, or for f16 on an adapter without shader-f16;
 * MemoryError if one binding cannot hold it; with `inParts`, for tensors that ops bind part by part, only if one buffer cannot.
 */
export function allocate(
  shape: Shape,
  dtype: DType,
  options: { persistent?: boolean; scoped?: boolean; inParts?: boolean } = {},
): Tensor {
  checkShape("tensor", shape);
  if (dtype === "f16") expectHalves();
  const bytes = Math.ceil((numel(shape) * bytesOf[dtype]) / 4) * 4;
  const what = `tensor ${formatShape(shape)} ${dtype}`;
  const storage = currentGpu().pool.acquire(bytes, what, options.persistent ?? false, options.inParts);
  if (debugLevel() >= 3) debugLog(`new ${what}`);
  return new Tensor({ shape, dtype, storage, scoped: options.scoped ?? true });
}
