// Local response normalisation on plain arrays in float64.

interface ResponseNormCase {
  /** [N, C, ...]. */
  readonly shape: readonly number[];
  readonly size: number;
  readonly alpha: number;
  readonly beta: number;
  readonly k: number;
}

export function responseNorm({ shape, size, alpha, beta, k }: ResponseNormCase, x: ArrayLike<number>): Float64Array {
  const [n = 1, channels = 1, ...rest] = shape;
  const area = rest.reduce((a, b) => a * b, 1);
  const y = new Float64Array(n * channels * area);
  const at = (i: number, c: number, p: number) => (i * channels + c) * area + p;
  for (let i = 0; i < n; i++) {
    for (let p = 0; p < area; p++) {
      for (let c = 0; c < channels; c++) {
        let sum = 0;
        // The window has `size` channels; an even one reaches one further down.
        for (let step = 0; step < size; step++) {
          const j = c - Math.floor(size / 2) + step;
          if (j >= 0 && j < channels) sum += x[at(i, j, p)]! ** 2;
        }
        y[at(i, c, p)] = x[at(i, c, p)]! * (k + (alpha / size) * sum) ** -beta;
      }
    }
  }
  return y;
}
