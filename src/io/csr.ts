// Compressed sparse rows: of a weight as a matrix of shape[0] rows, the values that are not zero, each one's column, and where
// each row begins.
import { type FileArray, widthOf } from "./array_types.ts";

export type ColumnIndex = Uint8Array | Uint16Array | Uint32Array;

/** Bytes of a column index: the fewest of 1, 2 and 4 that tell the columns apart. */
export function indexBytes(columns: number): 1 | 2 | 4 {
  if (columns <= 2 ** 8) return 1;
  return columns <= 2 ** 16 ? 2 : 4;
}

/** Rows, and entries of each, of a shape with at least one axis. */
export function matrixOf(shape: readonly number[]): { rows: number; columns: number } {
  const [rows = 1, ...rest] = shape;
  return { rows, columns: rest.reduce((a, b) => a * b, 1) };
}

/**
 * How many values the weights of a file may unpack to together: 2^26 (256 MiB), or 1024 for each byte of their parts if
 * that is more. Rows of zeros take next to nothing, so a shape alone must not decide how much memory is taken.
 */
export function denseRoom(parts: Iterable<FileArray>): number {
  let bytes = 0;
  for (const { dtype, data } of parts) bytes += data.length * widthOf(dtype);
  return Math.max(2 ** 26, 1024 * bytes);
}

export interface Csr {
  /** Place of each row's first value among the values, and behind the last one their number: rows + 1. */
  readonly rows: Uint32Array;
  /** Of each value, ascending within a row. */
  readonly columns: ColumnIndex;
  readonly values: Float32Array;
}

/** What is not zero of a weight. */
export function packCsr(data: Float32Array, shape: readonly number[]): Csr {
  const { rows, columns } = matrixOf(shape);
  const values = data.filter((v) => v !== 0);
  const Index = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }[indexBytes(columns)];
  const starts = new Uint32Array(rows + 1);
  const places = new Index(values.length);
  let next = 0;
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      if (data[row * columns + column] !== 0) places[next++] = column;
    }
    starts[row + 1] = next;
  }
  return { rows: starts, columns: places, values };
}

/** The weight again, or what is wrong with the arrays of a file, as the end of a sentence. */
export function unpackCsr(
  shape: readonly number[],
  { rows: starts, columns: places, values }: Readonly<Record<"rows" | "columns" | "values", FileArray>>,
): Float32Array | string {
  const { rows, columns } = matrixOf(shape);
  const dtype = { 1: "U8", 2: "U16", 4: "U32" }[indexBytes(columns)];
  if (starts.dtype !== "U32" || starts.data.length !== rows + 1) return `wants ${rows + 1} row pointers, U32`;
  if (places.dtype !== dtype) return `wants columns of type ${dtype}, they are ${places.dtype}`;
  if (values.dtype !== "F32" || values.data.length !== places.data.length)
    return `wants as many F32 values as columns, has ${values.data.length} and ${places.data.length}`;
  if (starts.data[0] !== 0 || starts.data[rows] !== values.data.length)
    return `wants row pointers from 0 to ${values.data.length}`;
  const data = new Float32Array(rows * columns);
  const index = places.data as ColumnIndex;
  for (let row = 0; row < rows; row++) {
    const end = starts.data[row + 1]!;
    let last = -1;
    for (let i = starts.data[row]!; i < end; i++) {
      const column = index[i]!;
      // In order: so that no entry is named twice, and none lies in another row.
      if (!(column > last && column < columns)) return `wants ascending columns below ${columns} in row ${row}`;
      last = column;
      data[row * columns + column] = values.data[i]!;
    }
    if (end < starts.data[row]!) return `wants ascending row pointers, row ${row} ends before it begins`;
  }
  return data;
}
