// Dispatches that copy a tensor with its axes in another order.
import permuteWgsl from "../../../shaders/permute.wgsl";
import transposeWgsl from "../../../shaders/transpose.wgsl";
import { currentGpu, grid1d, groups1d, kernel, OpError } from "../../gpu/index.ts";
import { copyInto, stridesOf, type Tensor } from "../../tensor/index.ts";
import { mergeAxes } from "../pointwise/merge_axes.ts";
import { bitsOf } from "./bits_of.ts";

const permuteKernel = kernel("permute", permuteWgsl);
const transposeKernel = kernel("transpose", transposeWgsl);

/** Axes that the kernel walks, edge of a tile of the transposing one, and least size of an axis that it turns. */
const [AXES, TILE, LEAST] = [8, 32, 16];
/** Results of an invocation, each of one place or quad: more share its start on a CPU, fewer fill a GPU. */
const [ITEMS_SOFTWARE, ITEMS_HARDWARE] = [4, 1];

/** Write y [batch, columns, rows] = x [batch, rows, columns], tile by tile. */
export function transposeTiles(x: Tensor, y: Tensor, [batch, rows, columns]: readonly [number, number, number]): void {
  const [tiles_down, tiles_across] = [Math.ceil(rows / TILE), Math.ceil(columns / TILE)];
  transposeKernel.run({
    bind: { x, y },
    params: { batch, rows, columns, tiles_down, tiles_across },
    spec: { Cell: bitsOf(x, false) },
    grid: groups1d(batch * tiles_down * tiles_across),
  });
}

/**
 * Write y = x with axis dims[i] of x as axis i. `tiles`: through workgroup memory where two axes swap. A CPU gains nothing from
 * that, and SwiftShader's barriers are slow.
 */
export function permuteAxes(
  name: string,
  x: Tensor,
  y: Tensor,
  dims: readonly number[],
  tiles = !currentGpu().adapter.software,
): void {
  const strides = stridesOf(x.shape);
  const from = dims.map((axis) => strides[axis]!);
  const sizes = dims.map((axis) => x.shape[axis]!);
  const axes = mergeAxes(sizes, from, from, AXES);
  if (!axes) throw new OpError(name, `expected an order with at most ${AXES} groups of axes, got [${dims.join(",")}]`);
  const moved = axes.filter(({ size }) => size > 1);
  if (moved.length < 2) {
    copyInto(y, x);
    return;
  }
  // Innermost pair swapped, behind at most one batch axis.
  const [columns, rows] = [moved.at(-2)!, moved.at(-1)!];
  if (tiles && moved.length <= 3 && columns.a === 1 && Math.min(rows.size, columns.size) >= LEAST) {
    const batch = moved.length === 3 ? moved[0]!.size : 1;
    const isBatched = batch === 1 || moved[0]!.a === rows.size * columns.size;
    if (isBatched && rows.a === columns.size) {
      transposeTiles(x, y, [batch, rows.size, columns.size]);
      return;
    }
  }
  // Where the innermost axis stays, strides outside of it are multiples of its size.
  const wide = rows.a === 1 && rows.size % 4 === 0;
  if (wide) {
    rows.size /= 4;
    for (const axis of moved) if (axis !== rows) axis.a /= 4;
  }
  const isQuads = x.numel % 4 === 0;
  const n = isQuads ? x.numel / 4 : x.numel;
  const Item = bitsOf(x, wide);
  permuteKernel.run({
    bind: { x, y },
    params: {
      n,
      size0: axes.slice(0, 4).map(({ size }) => size),
      size1: axes.slice(4).map(({ size }) => size),
      stride0: axes.slice(0, 4).map(({ a }) => a),
      stride1: axes.slice(4).map(({ a }) => a),
    },
    spec: {
      Item,
      STRIDED_AXES: moved.length,
      ITEMS_PER_INVOCATION: currentGpu().adapter.software ? ITEMS_SOFTWARE : ITEMS_HARDWARE,
      ...(isQuads && !wide && { EACH: 4, Out: `vec4<${Item}>`, written: "Out(v[0], v[1], v[2], v[3])" }),
    },
    grid: grid1d(n),
  });
}
