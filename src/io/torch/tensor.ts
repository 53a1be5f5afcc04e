// Tensors of a PyTorch file: a window with strides on a storage that several may share.
import {
  type ArrayData,
  type ArrayDtype,
  elementCount,
  elementsAt,
  type FileArray,
  quote,
  widthOf,
} from "../array_types.ts";
import { PickleObject } from "./pickle_values.ts";

/** Storage classes, such as torch.FloatStorage. */
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

/** Dtypes that a tensor names itself, because they have no storage class. */
export const tensorDtypes: ReadonlyMap<string, ArrayDtype> = new Map<string, ArrayDtype>([
  ["torch.float64", "F64"],
  ["torch.float32", "F32"],
  ["torch.float16", "F16"],
  ["torch.bfloat16", "BF16"],
  ["torch.float8_e4m3fn", "F8_E4M3"],
  ["torch.float8_e5m2", "F8_E5M2"],
  ["torch.float8_e4m3fnuz", "F8_E4M3FNUZ"],
  ["torch.float8_e5m2fnuz", "F8_E5M2FNUZ"],
  ["torch.float8_e8m0fnu", "F8_E8M0"],
  ["torch.int64", "I64"],
  ["torch.int32", "I32"],
  ["torch.int16", "I16"],
  ["torch.int8", "I8"],
  ["torch.uint64", "U64"],
  ["torch.uint32", "U32"],
  ["torch.uint16", "U16"],
  ["torch.uint8", "U8"],
  ["torch.bool", "BOOL"],
]);

/** A run of elements of one type. */
export class TorchStorage extends PickleObject {
  /** Key in the file. */
  readonly key: string;
  /** Type of the elements. */
  readonly dtype: ArrayDtype;
  /** In elements. */
  readonly length: number;
  /** Bytes of exactly `length` elements. A file without zip has them behind the pickle, so they are set later. */
  bytes: Uint8Array = new Uint8Array(0);
  private readonly arrays = new Map<ArrayDtype, ArrayData>();
  constructor(key: string, dtype: ArrayDtype, length: number) {
    super();
    this.key = key;
    this.dtype = dtype;
    this.length = length;
  }
  /** Description for error messages. */
  get what(): string {
    return `storage ${quote(this.key)}`;
  }
  /** Size in bytes. */
  get byteLength(): number {
    return this.length * widthOf(this.dtype);
  }
  /** Return all elements: a view of the file if alignment allows, else one copy for all tensors that share it. */
  elements(dtype: ArrayDtype): ArrayData {
    const known = this.arrays.get(dtype);
    if (known) return known;
    const array = elementsAt(dtype, this.bytes, 0, Math.floor(this.byteLength / widthOf(dtype)));
    this.arrays.set(dtype, array);
    return array;
  }
}

/** Negate every element, as PyTorch's negative bit requires. Null: a type without sign. */
function negate(dtype: ArrayDtype, data: ArrayData): ArrayData | null {
  const Elements = data.constructor as new (values: ArrayData) => ArrayData;
  const out = new Elements(data);
  const flip = dtype === "F16" || dtype === "BF16";
  const signed = ["F64", "F32", "I64", "I32", "I16", "I8"].includes(dtype);
  if (!flip && !signed) return null;
  for (let i = 0; i < out.length; i++) out[i] = flip ? (out[i] as number) ^ 0x8000 : (-(out[i] as number) as never);
  return out;
}

/** True if a tensor of this type can have PyTorch's negative bit. */
export const canNegate = (dtype: ArrayDtype): boolean =>
  negate(dtype, elementsAt(dtype, new Uint8Array(0), 0, 0)) !== null;

/** A tensor within its storage; strides and offset count elements. */
export class TorchTensor extends PickleObject {
  /** Elements, which other tensors may share. */
  readonly storage: TorchStorage;
  /** Dtype of its storage, or one without a storage class. */
  readonly dtype: ArrayDtype;
  /** True if its elements are the negatives of the stored ones. */
  readonly negative: boolean;
  /** First element in the storage. */
  readonly offset: number;
  /** Sizes of the axes. */
  readonly shape: readonly number[];
  /** Elements between neighbours along each axis. */
  readonly strides: readonly number[];
  constructor(
    storage: TorchStorage,
    offset: number,
    shape: readonly number[],
    strides: readonly number[],
    { dtype = storage.dtype, negative = false }: { readonly dtype?: ArrayDtype; readonly negative?: boolean } = {},
  ) {
    super();
    this.storage = storage;
    this.dtype = dtype;
    this.negative = negative;
    this.offset = offset;
    this.shape = shape;
    this.strides = strides;
  }
  /** Description for error messages. */
  get what(): string {
    return `a tensor of shape [${this.shape.join(",")}]`;
  }
  /** True if its elements are in C order without gaps. */
  get contiguous(): boolean {
    let step = 1;
    for (let i = this.shape.length - 1; i >= 0; i--) {
      const size = this.shape[i]!;
      if (size !== 1 && this.strides[i] !== step) return false;
      step *= size;
    }
    return true;
  }
  /** Bytes of its elements by its shape: strides of 0 can make it larger than its storage. */
  get byteLength(): number {
    return elementCount(this.shape) * widthOf(this.dtype);
  }
  /** Read its elements in C order: a view of the file if possible, else a copy. */
  read(): FileArray {
    const { dtype, shape } = this;
    const stored = this.stored();
    return { dtype, shape, data: this.negative ? negate(dtype, stored) : stored } as FileArray;
  }
  private stored(): ArrayData {
    const { shape } = this;
    const count = elementCount(shape);
    const all = this.storage.elements(this.dtype);
    if (count === 0 || this.contiguous) {
      const start = count === 0 ? 0 : this.offset;
      return all.subarray(start, start + count);
    }
    const data = new (all.constructor as new (length: number) => typeof all)(count);
    const index = shape.map(() => 0);
    let from = this.offset;
    for (let i = 0; i < count; i++) {
      data[i] = all[from] as number & bigint;
      // The next index (last axis fastest) and its element.
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        from += this.strides[axis]!;
        index[axis] = index[axis]! + 1;
        if (index[axis]! < shape[axis]!) break;
        from -= shape[axis]! * this.strides[axis]!;
        index[axis] = 0;
      }
    }
    return data;
  }
}
