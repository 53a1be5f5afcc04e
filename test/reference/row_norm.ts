// Layer and group normalisation on plain arrays in float64, two passes over each row.

interface RowNormCase {
  /** Numbers in a row, which share their statistics. */
  readonly length: number;
  readonly eps?: number | undefined;
  /** Index of the weight of element i. */
  readonly weightOf: (i: number) => number;
}

type Values = ArrayLike<number>;

/** Layer norm over the last `length` numbers. */
export const layerCase = (length: number, eps?: number): RowNormCase => ({ length, eps, weightOf: (i) => i % length });

/** Group norm of [N, C, ...]. */
export function groupCase([, channels = 1, ...plane]: readonly number[], groups: number, eps?: number): RowNormCase {
  const area = plane.reduce((a, b) => a * b, 1);
  return { length: (channels / groups) * area, eps, weightOf: (i) => Math.floor(i / area) % channels };
}

function statistics(x: Values, first: number, { length, eps = 1e-5 }: RowNormCase) {
  let mean = 0;
  for (let i = first; i < first + length; i++) mean += x[i]! / length;
  let variance = 0;
  for (let i = first; i < first + length; i++) variance += (x[i]! - mean) ** 2 / length;
  return { mean, invstd: 1 / Math.sqrt(variance + eps) };
}

/** y = (x - mean) / sqrt(var + eps) · weight + bias. */
export function rowNorm(x: Values, c: RowNormCase, weight?: Values | null, bias?: Values | null): Float64Array {
  const y = new Float64Array(x.length);
  for (let first = 0; first < x.length; first += c.length) {
    const { mean, invstd } = statistics(x, first, c);
    for (let i = first; i < first + c.length; i++) {
      const k = c.weightOf(i);
      y[i] = (x[i]! - mean) * invstd * (weight?.[k] ?? 1) + (bias?.[k] ?? 0);
    }
  }
  return y;
}

/** dx = invstd · (g - mean of g - xhat · mean of g · xhat), with g = dy · weight. */
export function rowNormGradient(x: Values, dy: Values, c: RowNormCase, weight?: Values | null): Float64Array {
  const dx = new Float64Array(x.length);
  for (let first = 0; first < x.length; first += c.length) {
    const { mean, invstd } = statistics(x, first, c);
    const g = (i: number) => dy[i]! * (weight?.[c.weightOf(i)] ?? 1);
    const xhat = (i: number) => (x[i]! - mean) * invstd;
    let total = 0;
    let along = 0;
    for (let i = first; i < first + c.length; i++) {
      total += g(i) / c.length;
      along += (g(i) * xhat(i)) / c.length;
    }
    for (let i = first; i < first + c.length; i++) dx[i] = invstd * (g(i) - total - xhat(i) * along);
  }
  return dx;
}
