// The predicted classes of logits on the host.
import type { TypedArray } from "../tensor/index.ts";

/** Return the index of the largest number in each of the rows, the first one of equal numbers. */
export function argmaxRows(values: TypedArray, rows: number): number[] {
  const width = values.length / rows;
  return Array.from({ length: rows }, (_, i) => {
    let best = 0;
    for (let j = 1; j < width; j++) {
      if (values[i * width + j]! > values[i * width + best]!) best = j;
    }
    return best;
  });
}
