// Lookups by index in plain loops.
type Shape = readonly number[];

const count = (shape: Shape) => shape.reduce((a, b) => a * b, 1);

/** Pick along an axis: PyTorch's gather. An index out of range gives NaN. */
export function gatherReference(
  x: ArrayLike<number>,
  shape: Shape,
  dim: number,
  index: ArrayLike<number>,
  indexShape: Shape,
): Float64Array {
  return Float64Array.from({ length: count(indexShape) }, (_, i) => {
    let rest = i;
    let at = 0;
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      const own = rest % indexShape[axis]!;
      rest = Math.floor(rest / indexShape[axis]!);
      const from = axis === dim ? index[i]! : own;
      if (from < 0 || from >= shape[axis]!) return Number.NaN;
      at += from * stride;
      stride *= shape[axis]!;
    }
    return x[at]!;
  });
}

/** Rows of a table [rows, width]. */
export function embeddingReference(index: ArrayLike<number>, weight: ArrayLike<number>, width: number): Float64Array {
  return Float64Array.from(
    { length: index.length * width },
    (_, i) => weight[index[Math.floor(i / width)]! * width + (i % width)]!,
  );
}
