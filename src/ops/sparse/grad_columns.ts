// The gradient of x in a convolution with a block-sparse weight, added in place: each lane has a column of an image of dx.
import columnsWgsl from "../../../shaders/sparse_grad_columns.wgsl";
import { currentGpu, kernel, lavapipe, MESA_26_1 } from "../../gpu/index.ts";
import { actSpec, fillZero, type Tensor } from "../../tensor/index.ts";
import type { ConvShape } from "../conv/shape.ts";
import { type Blocks, everyBlock } from "./blocks.ts";
import { distances, LARGEST_GRID, lanesOf, oneSpec } from "./grad_layout.ts";
import type { SparseWeight } from "./sparse_weight.ts";
import { insideBits } from "./tables.ts";

const columnsKernel = kernel("sparse_grad_columns", columnsWgsl);

/** Most rows of dy of a lane: 4 and 2 took 1.2 and 1.8 times as long. */
const MOST_ROWS = 8;

/** Live blocks of each row of blocks, by the columns of the window. */
interface ColumnStrips {
  /** [rows of blocks, columns of the window, 4]: first live block in `terms`, end, first output, outputs. */
  readonly strips: Uint32Array;
  /** [live, 4]: number of the block, distance in x of its channel and row of the window, bit of that row, 0. */
  readonly terms: Uint32Array;
}

/** Order the live blocks by the columns of the window. */
function columnStrips(b: Blocks, { channels, groups, rows, columns }: ConvShape): ColumnStrips {
  const window = rows.kernel * columns.kernel;
  const perGroup = b.shape[0]! / groups;
  const parts = Array.from({ length: (b.rows.length / 4) * columns.kernel }, (): number[] => []);
  let row = 0;
  everyBlock(b, (block, { first }) => {
    while (b.rows[4 * row + 1]! <= block) row++;
    const place = b.places[block]!;
    const channel = Math.floor(first / perGroup) * (channels / groups) + Math.floor(place / window);
    const [i, j] = [Math.floor((place % window) / columns.kernel), place % columns.kernel];
    const distance = (channel * rows.size + i * rows.dilation) * columns.size;
    parts[row * columns.kernel + j]!.push(block, distance, 1 << i, 0);
  });
  const strips = new Uint32Array(4 * parts.length);
  let begin = 0;
  for (const [at, part] of parts.entries()) {
    const row = 4 * Math.floor(at / columns.kernel);
    strips.set([begin, begin + part.length / 4, b.rows[row + 2]!, b.rows[row + 3]!], 4 * at);
    begin += part.length / 4;
  }
  return { strips, terms: Uint32Array.from(parts.flat()) };
}

/** Return the column of dy that each column of dx gets from a column of the window; the width of dy: none. */
function sourceColumns({ columns: { size, out, kernel, stride, padding, dilation } }: ConvShape): Uint32Array {
  return Uint32Array.from({ length: kernel * size }, (_, at) => {
    const place = (at % size) + padding - Math.floor(at / size) * dilation;
    const column = place / stride;
    return place >= 0 && place % stride === 0 && column < out ? column : out;
  });
}

/** Return, of each row of y, the distance in x of the first row that it reads, which may wrap around, and the bits of its rows inside. */
function firstRows({ rows, columns }: ConvShape): Uint32Array {
  const { out, stride, padding } = rows;
  return Uint32Array.from({ length: 2 * out }, (_, at) => {
    const i = at >>> 1;
    return at % 2 === 0 ? (i * stride - padding) * columns.size : insideBits(rows, i);
  });
}

/** True if dx is computed by columns: on the drivers where this was measured to be faster than terms and taps. f32 only: sums are in dx. */
export const usesColumns = ({ batch, columns }: ConvShape, { dtype }: Tensor): boolean =>
  dtype === "f32" && batch * columns.size <= LARGEST_GRID && (lavapipe(currentGpu().adapter)?.mesa ?? 0) >= MESA_26_1;

/** Compute dx [N,C,H,W], of f32, from dy [N,O,OH,OW]. */
export function gradInputByColumns(
  s: ConvShape,
  weight: SparseWeight,
  { dy, dx }: { readonly dy: Tensor; readonly dx: Tensor },
): void {
  const { blocks, rowCount } = weight;
  const { rows, columns } = s;
  const { area, x_image, y_image } = distances(s);
  const lanes = lanesOf();
  const all = s.batch * columns.size;
  const key = [...Object.values(rows), ...Object.values(columns)].join();
  fillZero(dx);
  columnsKernel.run({
    bind: {
      dy,
      strips: weight.table(`strips of columns ${key}`, 4, () => columnStrips(blocks, s).strips),
      terms: weight.table(`terms of columns ${key}`, 4, () => columnStrips(blocks, s).terms),
      columns: weight.table(`columns ${key}`, 1, () => sourceColumns(s)),
      rows: weight.table(`first rows ${key}`, 2, () => firstRows(s)),
      weights: weight.values,
      dx,
    },
    params: {
      ...{ columns: all, width: columns.size, window: columns.kernel, strips: rowCount, rows: rows.out },
      ...{ y_width: columns.out, area, x_image, y_image },
    },
    spec: {
      ...actSpec(dy),
      ...oneSpec(blocks.size),
      ...{ R: blocks.size, P: Math.ceil(rows.out / Math.ceil(rows.out / MOST_ROWS)), LANES: lanes },
    },
    grid: [Math.ceil(all / lanes)],
  });
}
