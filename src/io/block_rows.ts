// Blocks of a weight as a matrix of shape[0] rows: 8 or 4 neighbouring rows at one column, those that hold a number other than
// zero. The file records the size of the blocks, the start of each row of blocks, the column of each block, and its numbers.
import { type FileArray, widthOf } from "./array_types.ts";
import { indexBytes, matrixOf } from "./csr.ts";

const SIZES = [8, 4] as const;

interface BlockParts {
  /** Size of the blocks, then the index of each row's first block, then their number. */
  readonly blocks: Uint32Array;
  /** Column of each block, ascending within a row. */
  readonly columns: Uint8Array | Uint16Array | Uint32Array;
  /** Numbers of each block. The blocks of the last row are smaller if the matrix's rows are no multiple of the size. */
  readonly values: Float32Array;
}

/** Return the rows of the matrix in a row of blocks. */
const countOf = (rows: number, row: number, size: number) => Math.min(size, rows - row * size);

/** Call `visit` for each live block, row by row. */
function everyBlock(
  data: Float32Array,
  shape: readonly number[],
  size: number,
  visit: (row: number, column: number, count: number) => void,
): void {
  const { rows, columns } = matrixOf(shape);
  for (let row = 0; row * size < rows; row++) {
    const count = countOf(rows, row, size);
    for (let column = 0; column < columns; column++) {
      let live = false;
      for (let r = 0; r < count; r++) live ||= data[(row * size + r) * columns + column] !== 0;
      if (live) visit(row, column, count);
    }
  }
}

/** Return the size of blocks that takes the fewest bytes, and the bytes of blocks, columns and values. */
export function blockBytes(data: Float32Array, shape: readonly number[]): { size: number; bytes: number } {
  const { rows, columns } = matrixOf(shape);
  const all = SIZES.map((size) => {
    let bytes = 4 * (2 + Math.ceil(rows / size));
    everyBlock(data, shape, size, (_row, _column, count) => {
      bytes += indexBytes(columns) + 4 * count;
    });
    return { size, bytes };
  });
  return all.reduce((a, b) => (b.bytes < a.bytes ? b : a));
}

/** Pack the live blocks of a weight. */
export function packBlockRows(data: Float32Array, shape: readonly number[]): BlockParts {
  const { rows, columns } = matrixOf(shape);
  const { size } = blockBytes(data, shape);
  const places: number[] = [];
  const values: number[] = [];
  const blocks = new Uint32Array(2 + Math.ceil(rows / size));
  blocks[0] = size;
  everyBlock(data, shape, size, (row, column, count) => {
    places.push(column);
    // Adding 0 makes a negative zero positive, as the other layouts do.
    for (let r = 0; r < count; r++) values.push(data[(row * size + r) * columns + column]! + 0);
    blocks[row + 2] = places.length;
  });
  for (let row = 2; row < blocks.length; row++) blocks[row] = Math.max(blocks[row]!, blocks[row - 1]!);
  const Index = { 1: Uint8Array, 2: Uint16Array, 4: Uint32Array }[indexBytes(columns)];
  return { blocks, columns: Index.from(places), values: Float32Array.from(values) };
}

/** Return the fault of the arrays' types and lengths, as the end of a sentence; null if there is none. */
function faultOf(shape: readonly number[], { blocks, columns, values }: Parts): string | null {
  const matrix = matrixOf(shape);
  const size = blocks.data[0];
  if (blocks.dtype !== "U32" || (size !== 8 && size !== 4))
    return `has blocks of ${size} numbers of type ${blocks.dtype}: expected 8 or 4 of type U32`;
  const rows = Math.ceil(matrix.rows / size);
  if (blocks.data.length !== rows + 2) return `has ${blocks.data.length - 1} row pointers: expected ${rows + 1}`;
  if (widthOf(columns.dtype) !== indexBytes(matrix.columns) || !columns.dtype.startsWith("U"))
    return `has columns of type ${columns.dtype}: expected U${8 * indexBytes(matrix.columns)}`;
  if (values.dtype !== "F32") return `has values of type ${values.dtype}: expected F32`;
  const last = blocks.data[rows + 1]!;
  if (blocks.data[1] !== 0 || last !== columns.data.length)
    return `has row pointers from ${blocks.data[1]} to ${last}: expected 0 to ${columns.data.length}`;
  return null;
}

type Parts = Readonly<Record<"blocks" | "columns" | "values", FileArray>>;

/** Unpack a weight. A string: the fault of the file's arrays, as the end of a sentence. */
export function unpackBlockRows(shape: readonly number[], parts: Parts): Float32Array | string {
  const fault = faultOf(shape, parts);
  if (fault) return fault;
  const { rows, columns } = matrixOf(shape);
  const [blocks, places, values] = [parts.blocks.data, parts.columns.data, parts.values.data] as Uint32Array[];
  const size = blocks![0]!;
  const data = new Float32Array(rows * columns);
  let next = 0;
  for (let row = 0; row * size < rows; row++) {
    const [begin, end] = [blocks![row + 1]!, blocks![row + 2]!];
    if (end < begin) return `has descending row pointers: row ${row} ends before its start`;
    const count = countOf(rows, row, size);
    let last = -1;
    for (let i = begin; i < end; i++) {
      const column = places![i]!;
      if (!(column > last && column < columns))
        return `has column ${column} in row ${row}: expected ascending columns below ${columns}`;
      last = column;
      for (let r = 0; r < count; r++) data[(row * size + r) * columns + column] = values![next++] ?? Number.NaN;
    }
  }
  return next === values!.length ? data : `has ${values!.length} values: expected ${next}, as in its blocks`;
}
