// Padding in plain loops: lists of source entries per axis, in float64.
type Shape = readonly number[];

/** Source of each entry of a padded axis; null for the constant. */
function sources(size: number, before: number, after: number, mode: string): (number | null)[] {
  const list: (number | null)[] = Array.from({ length: size }, (_, i) => i);
  for (let k = 1; k <= before; k++) list.unshift(mode === "reflect" ? k : mode === "replicate" ? 0 : null);
  for (let k = 1; k <= after; k++)
    list.push(mode === "reflect" ? size - 1 - k : mode === "replicate" ? size - 1 : null);
  return list.slice(Math.max(0, -before), list.length - Math.max(0, -after));
}

/** x with pads of PyTorch's order: the last axis first. */
export function padReference(
  x: ArrayLike<number>,
  shape: Shape,
  pads: readonly number[],
  { mode = "constant", value = 0 }: { mode?: string; value?: number } = {},
): Float64Array {
  let values: (number | null)[] = Array.from(x, (_, i) => i);
  const sizes = [...shape];
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const at = 2 * (shape.length - 1 - axis);
    const list = sources(shape[axis]!, pads[at] ?? 0, pads[at + 1] ?? 0, mode);
    const inner = sizes.slice(axis + 1).reduce((a, b) => a * b, 1);
    const outer = shape.slice(0, axis).reduce((a, b) => a * b, 1);
    const next: (number | null)[] = [];
    for (let o = 0; o < outer; o++)
      for (const source of list)
        for (let i = 0; i < inner; i++)
          next.push(source === null ? null : values[(o * shape[axis]! + source) * inner + i]!);
    values = next;
    sizes[axis] = list.length;
  }
  return Float64Array.from(values, (i) => (i === null ? value : x[i]!));
}
