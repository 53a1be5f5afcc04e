// Matrix products in float64, by three loops.

interface MatmulShape {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Matrices in a, in b and in the result; 1 in an operand means it is used for all. */
  readonly batch?: readonly [a: number, b: number, y: number];
  readonly transposeA?: boolean;
  readonly transposeB?: boolean;
}

/** y[z] = a[z] b[z] for flat batches: the result [batch, m, n]. */
export function matmulReference(a: ArrayLike<number>, b: ArrayLike<number>, shape: MatmulShape): Float64Array {
  const { m, n, k, transposeA = false, transposeB = false } = shape;
  const [aCount, bCount, count] = shape.batch ?? [1, 1, 1];
  const y = new Float64Array(count * m * n);
  for (let z = 0; z < count; z++) {
    const a0 = aCount === 1 ? 0 : z * m * k;
    const b0 = bCount === 1 ? 0 : z * k * n;
    for (let i = 0; i < m; i++) {
      for (let j = 0; j < n; j++) {
        let sum = 0;
        for (let p = 0; p < k; p++) {
          const left = a[a0 + (transposeA ? p * m + i : i * k + p)]!;
          const right = b[b0 + (transposeB ? j * k + p : p * n + j)]!;
          sum += left * right;
        }
        y[(z * m + i) * n + j] = sum;
      }
    }
  }
  return y;
}

/** x [rows, inputs] times weight [outputs, inputs] transposed, plus bias. */
export function linearReference(
  x: ArrayLike<number>,
  weight: ArrayLike<number>,
  bias: ArrayLike<number> | null,
  rows: number,
  inputs: number,
  outputs: number,
): Float64Array {
  const y = matmulReference(x, weight, { m: rows, n: outputs, k: inputs, transposeB: true });
  if (bias) for (let i = 0; i < y.length; i++) y[i] = y[i]! + bias[i % outputs]!;
  return y;
}
