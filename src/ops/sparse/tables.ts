// Tables of the block-sparse kernels. They hold distances in x and bits of taps, so that the kernels divide nothing.
import { currentGpu, type Gpu } from "../../gpu/index.ts";
import { persistent, type Tensor } from "../../tensor/index.ts";
import type { Axis, ConvShape } from "../conv/shape.ts";
import { type Blocks, everyBlock } from "./blocks.ts";

/** Most taps on an axis: each has a bit. */
export const MOST_TAPS = 15;

/** Return distance in x and bits of each live block's tap. */
export function tapTable(b: Blocks, { channels, groups, rows, columns }: ConvShape): Uint32Array {
  const each = channels / groups;
  const perGroup = b.shape[0]! / groups;
  const window = rows.kernel * columns.kernel;
  const plane = rows.size * columns.size;
  const out = new Uint32Array(2 * b.places.length);
  everyBlock(b, (block, { first }) => {
    const place = b.places[block]!;
    const channel = Math.floor(first / perGroup) * each + Math.floor(place / window);
    const i = Math.floor((place % window) / columns.kernel);
    const j = place % columns.kernel;
    out[2 * block] = channel * plane + i * rows.dilation * columns.size + j * columns.dilation;
    out[2 * block + 1] = (1 << i) | (1 << (16 + j));
  });
  return out;
}

/** Return the bits of the taps that are inside of an axis, at one output. */
export function insideBits({ size, kernel, stride, padding, dilation }: Axis, at: number): number {
  let bits = 0;
  for (let tap = 0; tap < kernel; tap++) {
    const place = at * stride - padding + tap * dilation;
    if (place >= 0 && place < size) bits |= 1 << tap;
  }
  return bits;
}

/** Return place in x and bits of each pixel of the plane; `flat`: of all images. A place before x wraps around, as the kernels' sums do. */
function pixelTable({ batch, channels, rows, columns }: ConvShape, flat: boolean): Uint32Array {
  const area = rows.out * columns.out;
  const out = new Uint32Array(2 * area * (flat ? batch : 1));
  for (let pixel = 0; pixel < area; pixel++) {
    const i = Math.floor(pixel / columns.out);
    const j = pixel % columns.out;
    const at = (i * rows.stride - rows.padding) * columns.size + j * columns.stride - columns.padding;
    out[2 * pixel] = at;
    out[2 * pixel + 1] = insideBits(rows, i) | (insideBits(columns, j) << 16);
  }
  const image = channels * rows.size * columns.size;
  for (let at = 2 * area; at < out.length; at += 2) {
    out[at] = out[at - 2 * area]! + image;
    out[at + 1] = out[at - 2 * area + 1]!;
  }
  return out;
}

const made = new WeakMap<Gpu, Map<string, Tensor>>();

/** Return the table of the pixels of a plane, made once per device. Captured steps bind it, so it is never dropped. */
export function pixelsOf(s: ConvShape, flat: boolean): Tensor {
  const gpu = currentGpu();
  const known = made.get(gpu) ?? new Map<string, Tensor>();
  made.set(gpu, known);
  const key = [...Object.values(s.rows), ...Object.values(s.columns), ...(flat ? [s.batch, s.channels] : [])].join();
  const found = known.get(key);
  if (found && !found.isDisposed) return found;
  const numbers = pixelTable(s, flat);
  const table = persistent(numbers, [numbers.length / 2, 2]);
  known.set(key, table);
  return table;
}

/** Return true if some tap of some pixel is outside of x. */
export const mayLeave = ({ rows, columns }: ConvShape): boolean =>
  [rows, columns].some(
    ({ size, out, kernel, stride, padding, dilation }) =>
      padding > 0 || (out - 1) * stride + (kernel - 1) * dilation >= size,
  );
