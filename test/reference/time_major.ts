// The first two axes of an array exchanged.

/** x [a, b, inner] -> [b, a, inner]. */
export function swapFirstTwo(x: ArrayLike<number>, a: number, b: number): Float64Array {
  const inner = x.length / (a * b);
  const y = new Float64Array(x.length);
  for (let i = 0; i < a; i++) {
    for (let j = 0; j < b; j++) {
      for (let k = 0; k < inner; k++) y[(j * a + i) * inner + k] = x[(i * b + j) * inner + k]!;
    }
  }
  return y;
}
