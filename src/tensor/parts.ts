// Tensors larger than one binding are bound in parts: ranges of whole rows, one dispatch each.
import { type Bindable, currentGpu, MemoryError } from "../gpu/index.ts";
import type { Tensor } from "./tensor.ts";

/** Some rows of tensors that all have `of` rows, of any length. */
export interface Part {
  readonly first: number;
  readonly rows: number;
  readonly of: number;
}

/** Parts of this many rows, of at least 4 bytes each, begin at a multiple of 256 bytes, as bindings must. */
const STEP = 64;

/**
 * Cut `rows` rows into as few parts as the adapter's binding size allows: one if all of them fit. `rowBytes` is the size
 * of the longest rows that are bound; others may be shorter, down to 4 bytes.
 * Throws MemoryError, which names `what`, if 64 rows exceed one binding.
 */
export function bindableParts(rows: number, rowBytes: number, what = "tensor"): Part[] {
  const limit = currentGpu().adapter.limits.maxStorageBufferBindingSize;
  const most = rows * rowBytes <= limit ? rows : Math.floor(limit / rowBytes / STEP) * STEP;
  if (most === 0) {
    const needed = `${STEP} rows of ${what} need ${STEP * rowBytes} bytes`;
    throw new MemoryError(`${needed}; this adapter binds at most ${limit} bytes at once`);
  }
  const parts: Part[] = [];
  for (let first = 0; first < rows; first += most) parts.push({ first, rows: Math.min(most, rows - first), of: rows });
  return parts;
}

/** Return `count` elements of a tensor from `start` on (a multiple of 64, as bindings need). It takes no reference. */
export function stretch(t: Tensor, start: number, count: number): Bindable {
  if (count === t.numel) return t;
  const { buffer, offset, bytes } = t.view;
  const each = bytes / t.numel;
  return { view: { buffer, offset: offset + start * each, bytes: count * each } };
}

/** Return a part of a tensor, for a kernel to bind. */
export function partOf(t: Tensor, { first, rows, of }: Part): Bindable {
  const each = t.numel / of;
  return stretch(t, first * each, rows * each);
}
