// The channels of a tensor: their axis, their sets, and the values of those that are constant.
import { numel, type Shape } from "../../tensor/index.ts";

/** Channels of a tensor along one axis. */
export interface Layout {
  readonly axis: number;
  /** The channel at each position of the axis. After flattening, H·W positions in a row have one channel. */
  readonly ids: Int32Array;
  /** Value of each position if it is the same for every sample, pixel and time step; else NaN. */
  readonly values: Float64Array;
}

/** Return values that depend on the input. */
export const unknownValues = (n: number): Float64Array => new Float64Array(n).fill(Number.NaN);

/** Return the layout with every entry repeated k times. */
function repeated({ ids, values }: Layout, axis: number, k: number): Layout {
  const n = ids.length * k;
  return {
    axis,
    ids: Int32Array.from({ length: n }, (_, i) => ids[Math.floor(i / k)]!),
    values: Float64Array.from({ length: n }, (_, i) => values[Math.floor(i / k)]!),
  };
}

/** Return the layout with every k equal entries merged; null if they differ. */
function merged({ ids, values }: Layout, axis: number, k: number): Layout | null {
  const isRun = ids.every((id, i) => id === ids[i - (i % k)] && Object.is(values[i], values[i - (i % k)]));
  if (!isRun) return null;
  const first = (_: unknown, i: number) => i % k === 0;
  return { axis, ids: ids.filter(first), values: values.filter(first) };
}

/** Return the axis that follows `before` elements: the first that is not 1, unless the size is 1; -1 if there is none. */
function axisAfter(before: number, to: Shape, size: number): number {
  let lead = 1;
  for (const [at, d] of to.entries()) {
    const skips = d === 1 && size !== 1 && at < to.length - 1;
    if (lead === before && !skips) return at;
    lead *= d;
  }
  return -1;
}

/**
 * Return the channels after a reshape: on one axis again, whole (folded time steps), repeated (flattened pixels) or merged; null
 * if they are split otherwise.
 */
export function reshapedLayout(from: Shape, layout: Layout, to: Shape): Layout | null {
  const { axis } = layout;
  const before = numel(from.slice(0, axis));
  const size = from[axis]!;
  const after = numel(from.slice(axis + 1));
  const at = axisAfter(before, to, size);
  const d = to[at];
  if (d === undefined) return null;
  if (d === size) return { ...layout, axis: at };
  if (d > size) return d % size === 0 && after % (d / size) === 0 ? repeated(layout, at, d / size) : null;
  return size % d === 0 ? merged(layout, at, size / d) : null;
}
