// Shapes: sizes along axes, outermost first. All tensors are contiguous, so the shape determines the layout.
import { OpError } from "../gpu/index.ts";
import { valueText } from "../text/index.ts";

/** Sizes of the axes, slowest first; [] for a scalar. */
export type Shape = readonly number[];

export function numel(shape: Shape): number {
  let n = 1;
  for (const d of shape) n *= d;
  return n;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((d, i) => d === b[i]);
}

export function formatShape(shape: Shape): string {
  return `[${shape.join(",")}]`;
}

/** Throw OpError unless every size is a positive integer and their product is exact. */
export function checkShape(op: string, shape: Shape): void {
  if (!Array.isArray(shape)) throw new OpError(op, `shape: expected an array of sizes, got ${valueText(shape)}`);
  for (const d of shape) {
    if (!Number.isSafeInteger(d) || d <= 0)
      throw new OpError(op, `expected a shape of positive integers, got ${formatShape(shape)}`);
  }
  if (!Number.isSafeInteger(numel(shape)))
    throw new OpError(op, `expected fewer than 2^53 elements, got shape ${formatShape(shape)}`);
}

/** Broadcast two shapes as NumPy does: aligned at the last axis, sizes equal or 1. Throws OpError if they do not fit. */
export function broadcastShapes(op: string, a: Shape, b: Shape): number[] {
  const rank = Math.max(a.length, b.length);
  const out: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[a.length - rank + i] ?? 1;
    const y = b[b.length - rank + i] ?? 1;
    if (x !== y && x !== 1 && y !== 1)
      throw new OpError(op, `expected shapes that broadcast, got ${formatShape(a)} and ${formatShape(b)}`);
    out.push(Math.max(x, y));
  }
  return out;
}

/** Return the elements to step per axis. */
export function stridesOf(shape: Shape): number[] {
  const out = new Array<number>(shape.length);
  let n = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    out[i] = n;
    n *= shape[i]!;
  }
  return out;
}

/** Convert a negative axis, which counts from the end. Throws OpError if out of range. */
export function normalizeAxis(op: string, axis: number, rank: number): number {
  const at = axis < 0 ? axis + rank : axis;
  if (!Number.isInteger(axis) || at < 0 || at >= rank)
    throw new OpError(op, `expected an axis of a tensor of rank ${rank}, got ${axis}`);
  return at;
}

/** Return sorted, distinct, non-negative axes; null means all of them. */
export function normalizeAxes(op: string, axes: readonly number[] | null | undefined, rank: number): number[] {
  if (axes === null || axes === undefined) return Array.from({ length: rank }, (_, i) => i);
  const out = axes.map((axis) => normalizeAxis(op, axis, rank)).sort((a, b) => a - b);
  if (new Set(out).size !== out.length) throw new OpError(op, `expected distinct axes, got [${axes.join(",")}]`);
  return out;
}

/** Return the output size of a sliding window along one axis: floor((size + 2 padding - dilation (kernel - 1) - 1) / stride) + 1. */
export function windowOutput(size: number, kernel: number, stride: number, padding: number, dilation = 1): number {
  return Math.floor((size + 2 * padding - dilation * (kernel - 1) - 1) / stride) + 1;
}
