// The format of block-sparse weights: blocks of neighbouring outputs at one place of the other axes, those that hold a number
// other than zero. A block of one output makes it the compressed sparse rows of an unstructured weight.
import { OpError } from "../../gpu/index.ts";
import { numel, type Shape } from "../../tensor/index.ts";

/** Outputs of a block. */
export const BLOCK_SIZES = [8, 4, 1] as const;
/** Outputs of a block; see BLOCK_SIZES. */
export type BlockSize = (typeof BLOCK_SIZES)[number];

/** Live blocks of a weight [O, I/groups, kh, kw] or [O, I]. */
export interface Blocks {
  readonly size: BlockSize;
  readonly shape: Shape;
  readonly groups: number;
  /** [rows of blocks, 4]: first live block, end, first output, number of outputs. */
  readonly rows: Uint32Array;
  /** Place of each live block in its outputs' part of the weight, ascending within a row of blocks. */
  readonly places: Uint32Array;
  /** [live, size]: zero beyond the outputs of the row. */
  readonly values: Float32Array;
}

/** First output and number of outputs of a row of blocks. */
interface BlockRow {
  readonly first: number;
  readonly count: number;
}

/** List the rows of blocks: none crosses the border of a group. */
export function blockRows(outputs: number, groups: number, size: number): BlockRow[] {
  const each = outputs / groups;
  const rows: BlockRow[] = [];
  for (let group = 0; group < groups; group++) {
    for (let first = 0; first < each; first += size)
      rows.push({ first: group * each + first, count: Math.min(size, each - first) });
  }
  return rows;
}

/** Throw OpError unless the sizes fit together. */
function expectWeight(data: Float32Array, shape: Shape, size: number, groups: number): void {
  const op = "packBlocks";
  if (shape.length !== 2 && shape.length !== 4)
    throw new OpError(op, `weight: expected 2 or 4 axes, got ${shape.length}`);
  if (!BLOCK_SIZES.includes(size as BlockSize))
    throw new OpError(op, `size: expected one of ${BLOCK_SIZES.join(", ")}, got ${size}`);
  if (numel(shape) !== data.length)
    throw new OpError(op, `weight: expected ${numel(shape)} values for shape [${shape.join(",")}], got ${data.length}`);
  if (!Number.isInteger(groups) || groups < 1 || shape[0]! % groups !== 0)
    throw new OpError(op, `groups: expected a divisor of the ${shape[0]} outputs, got ${groups}`);
}

/** Return true if a block has a number other than zero; NaN is one. */
function isLive(data: Float32Array, at: number, count: number, step: number): boolean {
  for (let r = 0; r < count; r++) if (data[at + r * step] !== 0) return true;
  return false;
}

/** Count the live blocks of a weight of `each` numbers an output. */
export function countLive(data: Float32Array, rows: readonly BlockRow[], each: number): number {
  let live = 0;
  for (const { first, count } of rows) {
    for (let place = 0; place < each; place++) if (isLive(data, first * each + place, count, each)) live++;
  }
  return live;
}

/**
 * Find the live blocks of a weight [O, I/groups, kh, kw] or [O, I]. The last row of blocks of a group has fewer outputs if the
 * group's outputs are no multiple of `size`.
 *
 * Errors    OpError if sizes do not fit together.
 */
export function packBlocks(
  data: Float32Array,
  shape: Shape,
  { size, groups = 1 }: { readonly size: BlockSize; readonly groups?: number },
): Blocks {
  expectWeight(data, shape, size, groups);
  const each = data.length / shape[0]!;
  const found = blockRows(shape[0]!, groups, size);
  const live = countLive(data, found, each);
  const rows = new Uint32Array(4 * found.length);
  const places = new Uint32Array(live);
  const values = new Float32Array(live * size);
  let next = 0;
  found.forEach(({ first, count }, row) => {
    const begin = next;
    for (let place = 0; place < each; place++) {
      const at = first * each + place;
      if (!isLive(data, at, count, each)) continue;
      places[next] = place;
      for (let r = 0; r < count; r++) values[next * size + r] = data[at + r * each]!;
      next++;
    }
    rows.set([begin, next, first, count], 4 * row);
  });
  return { size, shape, groups, rows, places, values };
}

/** Call `visit` for each live block with its row of blocks, and the index of its first number in the weight. */
export function everyBlock(b: Blocks, visit: (block: number, row: BlockRow, at: number) => void): void {
  const each = numel(b.shape) / b.shape[0]!;
  for (let row = 0; row < b.rows.length; row += 4) {
    const [begin, end, first, count] = b.rows.subarray(row, row + 4) as unknown as [number, number, number, number];
    for (let block = begin; block < end; block++) visit(block, { first, count }, first * each + b.places[block]!);
  }
}
