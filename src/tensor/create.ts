// Makes tensors: from numbers, without values, or as shapes only.
import { type Bindable, currentGpu, OpError } from "../gpu/index.ts";
import { arrayOf, bytesToUpload, type DType, dtypeOf, type TypedArray } from "./dtype.ts";
import { flatten, type NestedNumbers, toTyped } from "./nested.ts";
import { checkShape, numel, type Shape } from "./shape.ts";
import { allocate, Tensor } from "./tensor.ts";

/**
 * Return memory with undefined contents, for kernels that write every element. Throws OpError for a bad shape, MemoryError if
 * there is no memory.
 */
export function empty(shape: Shape, dtype: DType = "f32"): Tensor {
  return allocate(shape, dtype);
}

/** Return memory with undefined contents, of the shape and dtype of `t`. */
export function emptyLike(t: Tensor): Tensor {
  return allocate(t.shape, t.dtype);
}

/**
 * Make a tensor of zeros. Throws OpError for a bad shape, MemoryError if there is no memory.
 *
 * @example
 * console.log(await zeros([2, 2]).data()); // 0, 0, 0, 0
 */
export function zeros(shape: Shape, dtype: DType = "f32"): Tensor {
  const t = allocate(shape, dtype);
  fillZero(t);
  return t;
}

/** Set every element to zero, in stream order. */
export function fillZero(t: Bindable): void {
  const { buffer, offset, bytes } = t.view;
  currentGpu().stream.enqueue({ kind: "clear", target: buffer, targetOffset: offset, bytes });
}

/** Copy values between tensors of equal size and dtype, in stream order. Throws OpError unless they are. */
export function copyInto(target: Tensor, source: Tensor): void {
  if (target.numel !== source.numel || target.dtype !== source.dtype)
    throw new OpError("copyInto", "expected equal sizes and dtypes", { target, source });
  copyBytes(target, source);
}

/** Copy all of `source` to the beginning of `target`, in stream order. The caller ensures that there is room. */
export function copyBytes(target: Bindable, source: Bindable): void {
  const from = source.view;
  const to = target.view;
  currentGpu().stream.enqueue({
    kind: "copy",
    source: from.buffer,
    sourceOffset: from.offset,
    target: to.buffer,
    targetOffset: to.offset,
    bytes: from.bytes,
  });
}

/** Return a copy with its own memory, of the same shape and dtype. Not recorded: no gradient flows to `t`. */
export function clone(t: Tensor): Tensor {
  const copy = emptyLike(t);
  copyInto(copy, t);
  return copy;
}

/**
 * Make a tensor of host values: Float32Array -> f32, Int32Array -> i32, Uint32Array -> u32, numbers in arrays of any depth -> f32.
 * With dtype f16, numbers and f32 values are rounded to the nearest f16. Without a shape it has that of the arrays; a typed
 * array is one-dimensional, a number a scalar. Throws OpError if shape and count differ, for arrays of unequal length, for
 * values that are not numbers of the dtype (NaN and infinities are numbers), and for f16 on an adapter without shader-f16.
 *
 * @example
 * const x = tensor([[1, 2, 3], [4, 5, 6]]);
 * console.log(x.shape, x.dtype); // 2, 3 f32
 * const labels = tensor(new Int32Array([0, 2, 1]));
 * console.log(labels.dtype); // i32
 */
export function tensor(values: TypedArray | NestedNumbers, shape?: Shape, dtype?: DType): Tensor {
  const nested =
    typeof values === "number" || Array.isArray(values) ? flatten("tensor", values as NestedNumbers) : null;
  const data = nested ? toTyped(dtype ?? "f32", nested.flat) : (values as TypedArray);
  const own = nested?.shape ?? [dtypeOf(data) && data.length];
  const dims = shape ?? own;
  checkShape("tensor", dims);
  if (numel(dims) !== data.length)
    throw new OpError("tensor", `expected ${numel(dims)} values for shape [${dims.join(",")}], got ${data.length}`);
  const t = allocate(dims, dtype ?? dtypeOf(data));
  t.set(data);
  return t;
}

/**
 * Make a number on the GPU that outlives every scope. Values that change between replayed steps are such scalars: `set`
 * writes the next one.
 *
 * Shapes    -> [] of dtype f32 (the default), f16, i32 or u32.
 * @example
 * const threshold = scalar(0.1);
 * threshold.set(0.2);
 * console.log(await threshold.item()); // 0.2
 */
export function scalar(value: number, dtype: DType = "f32"): Tensor {
  const t = allocate([], dtype, { persistent: true, scoped: false });
  writePersistent(t, [value]);
  return t;
}

/** Make a shape without data: ops on it infer shapes and use no GPU. */
export function metaTensor(shape: Shape, dtype: DType = "f32"): Tensor {
  return new Tensor({ shape, dtype });
}

/** Make a tensor of `values` that no scope frees and no recording owns. Allowed while a step is captured. `inParts`: see allocate. */
export function persistent(values: TypedArray, shape: Shape, inParts = false): Tensor {
  const t = allocate(shape, dtypeOf(values), { persistent: true, scoped: false, inParts });
  writePersistent(t, values);
  return t;
}

function writePersistent(t: Tensor, values: TypedArray | readonly number[]): void {
  const data = ArrayBuffer.isView(values) ? values : toTyped(t.dtype, values);
  const { buffer, offset } = t.view;
  currentGpu().stream.write(buffer, offset, bytesToUpload("scalar", t.dtype, data), true);
}

/**
 * Return the values of several tensors in one wait, each in row-major order; those of f16 as f32.
 *
 * Throws CaptureError inside a captured step.
 * @example
 * const [a, b] = await readAll(tensor([1, 2]), tensor([3]));
 * console.log(a, b); // 1, 2 3
 */
export function readAll(...tensors: Tensor[]): Promise<TypedArray[]> {
  currentGpu().readback.expectAllowed();
  return fetchAll(tensors);
}

async function fetchAll(tensors: readonly Tensor[]): Promise<TypedArray[]> {
  const buffers = await currentGpu().readback.read(tensors.map((t) => t.view));
  return buffers.map((bytes, i) => arrayOf(tensors[i]!.dtype, bytes, tensors[i]!.numel));
}
