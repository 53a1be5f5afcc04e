// Axes of two operands that are walked together, for kernels with a fixed number of them.

interface SharedAxis {
  size: number;
  /** Strides in both operands; 0 along a broadcast axis. */
  a: number;
  b: number;
}

/**
 * Drop axes of one, merge adjacent ones that are contiguous (or broadcast) in both operands, and pad to `count` axes in
 * front. Returns null if more remain.
 */
export function mergeAxes(sizes: readonly number[], a: readonly number[], b: readonly number[], count: number) {
  const axes: SharedAxis[] = [];
  sizes.forEach((size, i) => {
    if (size === 1) return;
    const axis = { size, a: a[i] ?? 0, b: b[i] ?? 0 };
    const last = axes.at(-1);
    if (last && last.a === axis.a * size && last.b === axis.b * size) {
      last.size *= size;
      last.a = axis.a;
      last.b = axis.b;
    } else axes.push(axis);
  });
  if (axes.length > count) return null;
  while (axes.length < count) axes.unshift({ size: 1, a: 0, b: 0 });
  return axes;
}
