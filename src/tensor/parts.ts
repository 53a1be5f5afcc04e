// Tensors larger than what a kernel may bind at once are bound in parts: ranges of whole rows, one dispatch each.
import { type Bindable, currentGpu, MemoryError } from "../gpu/index.ts";
import type { Tensor } from "./tensor.ts";

/** Some rows of tensors that all have `of` rows, whatever the length of each. */
export interface Part {
  readonly first: number;
  readonly rows: number;
  readonly of: number;
}

/** In so many rows of 4 bytes and more, a part begins where a binding may: at a multiple of 256 bytes. */
const STEP = 64;

/**
 * Cuts `rows` rows into as few parts as the adapter's binding size allows: one where all of them fit. `rowBytes` are those
 * of the longest rows that are bound; others may be shorter, down to 4 bytes.
 * Throws MemoryError, which names `what`, when 64 rows are more than one binding.
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

/** `count` elements of a tensor from `start` on (what kernels bind starts at a multiple of 64). It takes no reference. */
export function stretch(t: Tensor, start: number, count: number): Bindable {
  if (count === t.numel) return t;
  const { buffer, offset, bytes } = t.view;
  const each = bytes / t.numel;
  return { view: { buffer, offset: offset + start * each, bytes: count * each } };
}

/** A part of a tensor, for a kernel to bind. */
export function partOf(t: Tensor, { first, rows, of }: Part): Bindable {
  const each = t.numel / of;
  return stretch(t, first * each, rows * each);
}
