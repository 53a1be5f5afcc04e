// Compressed sparse rows (CSR) of a weight as a matrix of shape[0] rows: the nonzero values, the column of each, and
// the start of each row.
import { type FileArray, widthOf } from "./array_types.ts";

type ColumnIndex = Uint8Array | Uint16Array | Uint32Array;

/** Return the bytes of a column index: the smallest of 1, 2 and 4 that fits the column count. */
export function indexBytes(columns: number): 1 | 2 | 4 {
  if (columns <= 2 ** 8) return 1;
  return columns <= 2 ** 16 ? 2 : 4;
}

/** Return the matrix of a shape with at least one axis: rows and columns. */
export function matrixOf(shape: readonly number[]): { rows: number; columns: number } {
  const [rows = 1, ...rest] = shape;
  return { rows, columns: rest.reduce((a, b) => a * b, 1) };
}

/**
 * Return how many values the weights of a file may unpack to together: 2^26 (256 MiB), or 1024 per byte of their parts
 * if that is more. Rows of zeros take almost no bytes, so a shape alone must not decide how much memory is allocated.
 */
export function denseRoom(parts: Iterable<FileArray>): number {
  let bytes = 0;
  for (const { dtype, data } of parts) bytes += data.length * widthOf(dtype);
  return Math.max(2 ** 26, 1024 * bytes);
}

interface Csr {
  /** Index of each row's first value, then the number of values: rows + 1. */
  readonly rows: Uint32Array;
  /** Column of each value, ascending within a row. */
  readonly columns: ColumnIndex;
  readonly values: Float32Array;
}

/** Pack the nonzero values of a weight. */
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

/** Unpack a weight. A string: the fault of the file's arrays, as the end of a sentence. */
export function unpackCsr(
  shape: readonly number[],
  { rows: starts, columns: places, values }: Readonly<Record<"rows" | "columns" | "values", FileArray>>,
): Float32Array | string {
  const { rows, columns } = matrixOf(shape);
  const dtype = { 1: "U8", 2: "U16", 4: "U32" }[indexBytes(columns)];
  if (starts.dtype !== "U32" || starts.data.length !== rows + 1)
    return `has ${starts.data.length} row pointers of type ${starts.dtype}: expected ${rows + 1} of type U32`;
  if (places.dtype !== dtype) return `has columns of type ${places.dtype}: expected ${dtype}`;
  if (values.dtype !== "F32" || values.data.length !== places.data.length)
    return `has ${values.data.length} values of type ${values.dtype}: expected ${places.data.length} of type F32, one per column`;
  if (starts.data[0] !== 0 || starts.data[rows] !== values.data.length)
    return `has row pointers from ${starts.data[0]} to ${starts.data[rows]}: expected 0 to ${values.data.length}`;
  const data = new Float32Array(rows * columns);
  const index = places.data as ColumnIndex;
  for (let row = 0; row < rows; row++) {
    const end = starts.data[row + 1]!;
    let last = -1;
    for (let i = starts.data[row]!; i < end; i++) {
      const column = index[i]!;
      // Ascending order also rules out a second value for an entry, and an entry of another row.
      if (!(column > last && column < columns))
        return `has column ${column} in row ${row}: expected ascending columns below ${columns}`;
      last = column;
      data[row * columns + column] = values.data[i]!;
    }
    if (end < starts.data[row]!) return `has descending row pointers: row ${row} ends before its start`;
  }
  return data;
}
