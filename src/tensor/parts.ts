// Tensors larger than one binding are bound in parts: ranges of whole rows, one dispatch each.
import { type Bindable, currentGpu, MemoryError } from "../gpu/index.ts";
import { bytesOf } from "./dtype.ts";
import type { Tensor } from "./tensor.ts";

/** Some rows of tensors that all have `of` rows, of any length. */
export interface Part {
  readonly first: number;
  readonly rows: number;
  readonly of: number;
}

/** Bindings must begin at a multiple of this many bytes. */
const ALIGNMENT = 256;

/**
 * Cut `rows` rows into as few parts as the adapter's binding size allows: one if all of them fit. `rowBytes` is the size
 * of the longest rows that are bound; others may be shorter, down to `least` bytes: 4, or 2 for rows of one f16.
 * Throws MemoryError, which names `what`, if the rows between two possible boundaries exceed one binding.
 */
export function bindableParts(
  rows: number,
  rowBytes: number,
  what = "tensor",
  least: 2 | 4 = rowBytes % 4 === 0 ? 4 : 2,
): Part[] {
  const limit = currentGpu().adapter.limits.maxStorageBufferBindingSize;
  const step = ALIGNMENT / least;
  const most = rows * rowBytes <= limit ? rows : Math.floor(limit / rowBytes / step) * step;
  if (most === 0) {
    const needed = `${step} rows of ${what} need ${step * rowBytes} bytes`;
    throw new MemoryError(`${needed}; this adapter binds at most ${limit} bytes at once`);
  }
  const parts: Part[] = [];
  for (let first = 0; first < rows; first += most) parts.push({ first, rows: Math.min(most, rows - first), of: rows });
  return parts;
}

/** Return `count` elements of a tensor from `start` on (at a multiple of 256 bytes, as bindings need). It takes no reference. */
export function stretch(t: Tensor, start: number, count: number): Bindable {
  if (count === t.numel) return t;
  const { buffer, offset } = t.view;
  const each = bytesOf[t.dtype];
  return { view: { buffer, offset: offset + start * each, bytes: Math.ceil((count * each) / 4) * 4 } };
}

/** Return a part of a tensor, for a kernel to bind. */
export function partOf(t: Tensor, { first, rows, of }: Part): Bindable {
  const each = t.numel / of;
  return stretch(t, first * each, rows * each);
}
