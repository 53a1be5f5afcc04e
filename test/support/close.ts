// Comparing numbers: |got - want| <= atol + rtol * max|want| over the tensor, since cancelling sums make tiny elements.

export interface Tolerance {
  readonly rtol: number;
  readonly atol: number;
}

export function maxAbs(values: ArrayLike<number>): number {
  let m = 0;
  for (let i = 0; i < values.length; i++) m = Math.max(m, Math.abs(values[i]!));
  return m;
}

/** Largest deviation; NaN and missing values count as infinite. */
export function deviation(got: ArrayLike<number>, want: ArrayLike<number>): number {
  if (got.length !== want.length) return Number.POSITIVE_INFINITY;
  let d = 0;
  for (let i = 0; i < want.length; i++) {
    const e = Math.abs(got[i]! - want[i]!);
    if (Number.isNaN(e)) return Number.POSITIVE_INFINITY;
    d = Math.max(d, e);
  }
  return d;
}

/** Throw with the worst element if `got` is not close to `want`. */
export function expectClose(
  got: ArrayLike<number>,
  want: ArrayLike<number>,
  { rtol, atol }: Tolerance,
  what = "values",
): void {
  if (got.length !== want.length) throw new Error(`${what}: expected ${want.length} elements, got ${got.length}`);
  const limit = atol + rtol * maxAbs(want);
  for (let i = 0; i < want.length; i++) {
    const e = Math.abs(got[i]! - want[i]!);
    if (!(e <= limit)) {
      throw new Error(`${what}[${i}]: expected ${want[i]}, got ${got[i]}; off by ${e}, limit ${limit}`);
    }
  }
}

/** Number of 32-bit words in which two arrays differ, or -1 where their lengths do: equal is 0. For arrays of any size. */
export function differingWords(got: ArrayBufferView, want: ArrayBufferView): number {
  const words = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
    new Uint32Array(buffer, byteOffset, byteLength / 4);
  const [a, b] = [words(got), words(want)];
  return a.length === b.length ? a.reduce((n, word, i) => n + Number(word !== b[i]), 0) : -1;
}
