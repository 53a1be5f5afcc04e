// Axes of up to three operands that are walked together, for kernels with a fixed number of them.

interface SharedAxis {
  size: number;
  /** Strides in the operands; 0 along a broadcast axis. */
  a: number;
  b: number;
  c: number;
}

/**
 * Drop axes of one, merge adjacent ones that are contiguous (or broadcast) in all operands, and pad to `count` axes in
 * front. Returns null if more remain.
 */
export function mergeAxes(
  sizes: readonly number[],
  a: readonly number[],
  b: readonly number[],
  count: number,
  c: readonly number[] = b,
) {
  const axes: SharedAxis[] = [];
  sizes.forEach((size, i) => {
    if (size === 1) return;
    const axis = { size, a: a[i] ?? 0, b: b[i] ?? 0, c: c[i] ?? 0 };
    const last = axes.at(-1);
    const joins = last && last.a === axis.a * size && last.b === axis.b * size && last.c === axis.c * size;
    if (last && joins) {
      Object.assign(last, axis, { size: last.size * size });
    } else axes.push(axis);
  });
  if (axes.length > count) return null;
  while (axes.length < count) axes.unshift({ size: 1, a: 0, b: 0, c: 0 });
  return axes;
}
