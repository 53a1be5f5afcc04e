// Tensors as a PyTorch file describes them: a window with strides on a storage that several may share.
import {
  type ArrayData,
  type ArrayDtype,
  elementCount,
  elementsAt,
  type FileArray,
  quote,
  shapeFault,
  widthOf,
} from "../array_types.ts";
import { describeValue, type PickleCall, PickleObject, type PickleValue } from "./pickle.ts";

/** torch.FloatStorage and its kin. */
export const storageDtypes: ReadonlyMap<string, ArrayDtype> = new Map<string, ArrayDtype>([
  ["torch.DoubleStorage", "F64"],
  ["torch.FloatStorage", "F32"],
  ["torch.HalfStorage", "F16"],
  ["torch.BFloat16Storage", "BF16"],
  ["torch.LongStorage", "I64"],
  ["torch.IntStorage", "I32"],
  ["torch.ShortStorage", "I16"],
  ["torch.CharStorage", "I8"],
  ["torch.ByteStorage", "U8"],
  ["torch.BoolStorage", "BOOL"],
  ["torch.UntypedStorage", "U8"],
  ["torch.storage.UntypedStorage", "U8"],
]);

/** A run of elements of one type. */
export class TorchStorage extends PickleObject {
  readonly key: string;
  readonly dtype: ArrayDtype;
  /** In elements. */
  readonly length: number;
  /** Of exactly that many elements. A file without zip has them behind the pickle, so they come later. */
  bytes: Uint8Array = new Uint8Array(0);
  private array: ArrayData | null = null;
  constructor(key: string, dtype: ArrayDtype, length: number) {
    super();
    this.key = key;
    this.dtype = dtype;
    this.length = length;
  }
  get what(): string {
    return `storage ${quote(this.key)}`;
  }
  /** All elements: a view of the file where alignment allows, else one copy, however many tensors share it. */
  get elements(): ArrayData {
    this.array ??= elementsAt(this.dtype, this.bytes, 0, this.length);
    return this.array;
  }
}

/** A tensor that lies wholly within its storage; strides and offset count elements. */
export class TorchTensor extends PickleObject {
  readonly storage: TorchStorage;
  readonly offset: number;
  readonly shape: readonly number[];
  readonly strides: readonly number[];
  constructor(storage: TorchStorage, offset: number, shape: readonly number[], strides: readonly number[]) {
    super();
    this.storage = storage;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
  get what(): string {
    return `a tensor of shape [${this.shape.join(",")}]`;
  }
  get dtype(): ArrayDtype {
    return this.storage.dtype;
  }
  /** Whether its elements stand in C order without gaps. */
  get contiguous(): boolean {
    let step = 1;
    for (let i = this.shape.length - 1; i >= 0; i--) {
      const size = this.shape[i] as number;
      if (size !== 1 && this.strides[i] !== step) return false;
      step *= size;
    }
    return true;
  }
  /** Bytes of its elements, counted once for each place of its shape: strides of 0 can make it larger than its storage. */
  get byteLength(): number {
    return elementCount(this.shape) * widthOf(this.dtype);
  }
  /** Its elements in C order: a view of the file where they lie so, else a copy. */
  read(): FileArray {
    const { dtype, shape } = this;
    const count = elementCount(shape);
    const all = this.storage.elements;
    if (count === 0 || this.contiguous) {
      const start = count === 0 ? 0 : this.offset;
      return { dtype, shape, data: all.subarray(start, start + count) } as FileArray;
    }
    const data = new (all.constructor as new (length: number) => typeof all)(count);
    const index = shape.map(() => 0);
    let from = this.offset;
    for (let i = 0; i < count; i++) {
      data[i] = all[from] as number & bigint;
      // The next index, the last axis fastest, and its place.
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        from += this.strides[axis] as number;
        index[axis] = (index[axis] as number) + 1;
        if ((index[axis] as number) < (shape[axis] as number)) break;
        from -= (shape[axis] as number) * (this.strides[axis] as number);
        index[axis] = 0;
      }
    }
    return { dtype, shape, data } as FileArray;
  }
}

/** PyTorch's own limit is 64. */
const MAX_DIMS = 64;

const isIndex = (value: PickleValue | undefined): value is number =>
  Number.isSafeInteger(value) && (value as number) >= 0;

/** torch._utils._rebuild_tensor and _rebuild_tensor_v2: (storage, offset, size, stride, ...), every bound checked. */
export function rebuildTensor({ args, spend, fail }: PickleCall): TorchTensor {
  const refuse = (problem: string): never => fail(`the tensor ${problem}`);
  const [storage, offset, size, stride] = args;
  if (!(storage instanceof TorchStorage)) return refuse("has no storage");
  const whole = (what: string, list: PickleValue | undefined): number[] => {
    if (!Array.isArray(list)) return refuse(`has a ${what} that is not a tuple`);
    if (list.length > MAX_DIMS) refuse(`has a ${what} of ${list.length} dimensions, at most ${MAX_DIMS} are read`);
    const bad = list.findIndex((n) => !isIndex(n) || Object.is(n, -0));
    if (bad >= 0) refuse(`has ${describeValue(list[bad])} in its ${what}, wanted whole numbers of at least 0`);
    spend(list.length);
    return [...list];
  };
  const shape = whole("size", size);
  const strides = whole("stride", stride);
  const fault = shapeFault(shape);
  if (fault) refuse(`is impossible: its ${fault}`);
  if (!isIndex(offset)) return refuse(`has offset ${describeValue(offset)}, wanted a whole number of at least 0`);
  if (strides.length !== shape.length) refuse(`has ${shape.length} dimensions and ${strides.length} strides`);
  if (elementCount(shape) > 0) {
    // Products beyond 2^53 are inexact, yet far above every length.
    const last = shape.reduce((sum, n, i) => sum + (n - 1) * (strides[i] as number), offset);
    if (last >= storage.length) {
      refuse(
        `of shape [${shape.join(",")}] wants element ${last} of storage ${quote(storage.key)}, which has ${storage.length}`,
      );
    }
  }
  return new TorchTensor(storage, offset, shape, strides);
}
