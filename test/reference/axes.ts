// Axes in plain loops: reductions over some of them and repetition along others, in float64.

type Shape = readonly number[];

const count = (shape: Shape) => shape.reduce((a, b) => a * b, 1);

/** Position along each axis of flat element i. */
function coordinates(i: number, shape: Shape): number[] {
  const at: number[] = [];
  for (const size of [...shape].reverse()) {
    at.unshift(i % size);
    i = Math.floor(i / size);
  }
  return at;
}

/** Flat element at a position; axes of size 1 answer to every position. */
function flat(at: readonly number[], shape: Shape): number {
  const lead = at.length - shape.length;
  return shape.reduce((sum, size, axis) => sum * size + (size === 1 ? 0 : at[axis + lead]!), 0);
}

/** The values that meet in each element once `axes` are gone, in row-major order. */
export function groupsOver(x: ArrayLike<number>, shape: Shape, axes: readonly number[]): number[][] {
  const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
  const groups: number[][] = Array.from({ length: count(kept) }, () => []);
  for (let i = 0; i < x.length; i++) groups[flat(coordinates(i, shape), kept)]?.push(x[i]!);
  return groups;
}

export function sumOver(x: ArrayLike<number>, shape: Shape, axes: readonly number[]): number[] {
  return groupsOver(x, shape, axes).map((group) => group.reduce((a, b) => a + b, 0));
}

/** x repeated to a shape it broadcasts to. */
export function broadcastTo(x: ArrayLike<number>, shape: Shape, target: Shape): Float64Array {
  return Float64Array.from({ length: count(target) }, (_, i) => x[flat(coordinates(i, target), shape)]!);
}

/** Softmax or its logarithm along one axis. */
export function softmaxReference(x: ArrayLike<number>, shape: Shape, axis: number, log: boolean): Float64Array {
  const kept = shape.map((size, i) => (i === axis ? 1 : size));
  const top = groupsOver(x, shape, [axis]).map((group) => Math.max(...group));
  const total = groupsOver(x, shape, [axis]).map((group, g) =>
    group.reduce((sum, v) => sum + Math.exp(v - top[g]!), 0),
  );
  return Float64Array.from(x, (v, i) => {
    const g = flat(coordinates(i, shape), kept);
    const shifted = v - top[g]!;
    return log ? shifted - Math.log(total[g]!) : Math.exp(shifted) / total[g]!;
  });
}

/** x with axis dims[i] as axis i. */
export function permuteReference(x: ArrayLike<number>, shape: Shape, dims: readonly number[]): Float64Array {
  const sizes = dims.map((axis) => shape[axis]!);
  return Float64Array.from({ length: x.length }, (_, i) => {
    const at = coordinates(i, sizes);
    return x[
      flat(
        shape.map((_size, axis) => at[dims.indexOf(axis)]!),
        shape,
      )
    ]!;
  });
}
