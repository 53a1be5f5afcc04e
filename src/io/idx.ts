// IDX, the array format of MNIST: a four-byte magic, big-endian sizes, big-endian elements.

import { type ArrayDtype, copyOf, elementsAt, type FileArray, shapeFault, widthOf } from "./array_types.ts";
import { DamagedFileError } from "./damaged.ts";

/** Kind of fault in an IDX file. */
export type IdxFault = "missing" | "empty" | "truncated" | "too long" | "wrong magic" | "wrong content";

/** An IDX file that is missing, corrupt or of another kind. The message is one line with the file's name. */
export class IdxError extends DamagedFileError {
  override readonly name = "IdxError";
  /** Kind of fault. */
  readonly fault: IdxFault;
  constructor(file: string, fault: IdxFault, message: string) {
    super(file, message);
    this.fault = fault;
  }
}

const typeCodes: Readonly<Record<number, ArrayDtype>> = {
  8: "U8",
  9: "I8",
  11: "I16",
  12: "I32",
  13: "F32",
  14: "F64",
};

const hex = (bytes: Uint8Array): string => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join(" ");

/**
 * Read an IDX file.
 *
 * Shapes    as in the header, at least one dimension. One-byte types are views of `bytes`, others are copies.
 * Errors    IdxError when the magic is wrong, a type unknown, or header and sizes do not add up to the file's length.
 * Source    Y. LeCun, "The MNIST database", file formats.
 */
export function parseIdx(bytes: Uint8Array, name = "idx"): FileArray {
  if (bytes.length === 0) throw new IdxError(name, "empty", "file is empty");
  if (bytes.length < 4)
    throw new IdxError(name, "truncated", `truncated: expected at least 4 bytes, got ${bytes.length}`);
  const wrongMagic = (message: string): never => {
    throw new IdxError(name, "wrong magic", `wrong magic ${hex(bytes.subarray(0, 4))}: ${message}`);
  };
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) wrongMagic("this is gzip data, unpack it first");
  if (bytes[0] !== 0 || bytes[1] !== 0) wrongMagic("an IDX file starts with 00 00, type, number of dimensions");
  const dtype = typeCodes[bytes[2]!];
  if (dtype === undefined) return wrongMagic("expected element type 08, 09, 0b, 0c, 0d or 0e");
  const rank = bytes[3]!;
  if (rank === 0) wrongMagic("an array without dimensions");

  const headerBytes = 4 + 4 * rank;
  if (bytes.length < headerBytes)
    throw new IdxError(name, "truncated", `truncated: expected a header of ${headerBytes} bytes, got ${bytes.length}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const shape = Array.from({ length: rank }, (_, i) => view.getUint32(4 + 4 * i));
  const fault = shapeFault(shape);
  if (fault) throw new IdxError(name, "wrong content", fault);
  const count = shape.reduce((product, dim) => product * dim, 1);
  const want = headerBytes + count * widthOf(dtype);
  if (bytes.length !== want) {
    const what = `${dtype} [${shape.join(",")}]: expected ${want} bytes, got ${bytes.length}`;
    if (bytes.length < want) throw new IdxError(name, "truncated", `truncated: ${what}`);
    throw new IdxError(name, "too long", `too long: ${what}`);
  }
  return { dtype, shape, data: bigEndianElements(dtype, bytes, headerBytes, count) } as FileArray;
}

/** Return the elements in the host's byte order. */
function bigEndianElements(dtype: ArrayDtype, bytes: Uint8Array, offset: number, count: number) {
  const width = widthOf(dtype);
  if (width === 1) return elementsAt(dtype, bytes, offset, count);
  const swapped = copyOf(bytes, offset, offset + count * width);
  for (let i = 0; i < swapped.length; i += width) swapped.subarray(i, i + width).reverse();
  return elementsAt(dtype, swapped, 0, count);
}
