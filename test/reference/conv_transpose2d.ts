// Transposed convolution in float64, by its definition: every pixel adds its multiple of the kernel to the output.

export interface TransposedCase {
  /** N, C, H, W */
  readonly x: readonly [number, number, number, number];
  readonly outputs: number;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly outputPadding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

type Values = ArrayLike<number>;

/** [C, O / groups, kh, kw] */
export const transposedWeight = (c: TransposedCase): [number, number, number, number] => [
  c.x[1],
  c.outputs / c.groups,
  ...c.kernel,
];

/** [N, O, OH, OW] */
export function transposedResult(c: TransposedCase): [number, number, number, number] {
  const size = (i: 0 | 1) =>
    (c.x[2 + i]! - 1) * c.stride[i] - 2 * c.padding[i] + c.dilation[i] * (c.kernel[i] - 1) + c.outputPadding[i] + 1;
  return [c.x[0], c.outputs, size(0), size(1)];
}

/** y from x, w and an optional bias [O]. */
export function convolveTransposed(c: TransposedCase, x: Values, w: Values, b?: Values | null): Float64Array {
  const [batch, channels, height, width] = c.x;
  const [, outputs, rows, columns] = transposedResult(c);
  const y = Float64Array.from({ length: batch * outputs * rows * columns }, (_, i) =>
    b ? b[Math.floor(i / (rows * columns)) % outputs]! : 0,
  );
  const [, perGroup, kh, kw] = transposedWeight(c);
  for (let i = 0; i < x.length; i++) {
    const [column, row] = [i % width, Math.floor(i / width) % height];
    const channel = Math.floor(i / (width * height)) % channels;
    const n = Math.floor(i / (width * height * channels));
    const first = Math.floor(channel / (channels / c.groups)) * perGroup;
    for (let tap = 0; tap < perGroup * kh * kw; tap++) {
      const [v, u, o] = [tap % kw, Math.floor(tap / kw) % kh, Math.floor(tap / (kw * kh))];
      const h = row * c.stride[0] + u * c.dilation[0] - c.padding[0];
      const l = column * c.stride[1] + v * c.dilation[1] - c.padding[1];
      if (h < 0 || h >= rows || l < 0 || l >= columns) continue;
      y[((n * outputs + first + o) * rows + h) * columns + l]! += x[i]! * w[channel * perGroup * kh * kw + tap]!;
    }
  }
  return y;
}
