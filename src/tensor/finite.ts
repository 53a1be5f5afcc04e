// Checks for NaN and infinity before values are saved, exported, loaded or reported as a result.
import { EspalierError } from "../text/index.ts";

/** A loss, a weight or a result that is NaN or infinite. */
export class NonFiniteError extends EspalierError {
  override readonly name: string = "NonFiniteError";
}

export interface NonFiniteEntry {
  readonly name: string;
  readonly index: number;
  readonly value: number;
  readonly length: number;
}

/** Return the first NaN or infinity of some named arrays, or null. Arrays of integers hold none. */
export function firstNonFinite(
  arrays: Iterable<readonly [name: string, array: { readonly data: ArrayLike<number> }]>,
): NonFiniteEntry | null {
  for (const [name, { data }] of arrays) {
    if (!(data instanceof Float32Array || data instanceof Float64Array || Array.isArray(data))) continue;
    // A finite number minus itself is 0; NaN and infinity give NaN.
    for (let i = 0; i < data.length; i++) {
      const value = data[i] as number;
      if (value - value !== 0) return { name, index: i, value, length: data.length };
    }
  }
  return null;
}

export const describeNonFinite = ({ name, index, value, length }: NonFiniteEntry): string =>
  `${name} holds ${value} at index ${index} of ${length}`;

/** Throw NonFiniteError that names the first bad array, index and value, and the action that was not done. */
export function expectFinite(
  what: string,
  arrays: Iterable<readonly [name: string, array: { readonly data: ArrayLike<number> }]>,
): void {
  const bad = firstNonFinite(arrays);
  if (bad) throw new NonFiniteError(`${what}: ${describeNonFinite(bad)}; expected finite numbers, nothing was written`);
}
