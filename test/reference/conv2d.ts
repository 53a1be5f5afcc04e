// Convolution and its gradients in float64, by the definition and nothing else.

export interface ConvCase {
  /** N, C, H, W */
  readonly x: readonly [number, number, number, number];
  readonly outputs: number;
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly dilation: readonly [number, number];
  readonly groups: number;
}

/** [O, C / groups, kh, kw] */
export function weightShape(c: ConvCase): [number, number, number, number] {
  return [c.outputs, c.x[1] / c.groups, ...c.kernel];
}

/** [N, O, OH, OW] */
export function resultShape(c: ConvCase): [number, number, number, number] {
  const size = (i: 0 | 1) =>
    Math.floor((c.x[2 + i]! + 2 * c.padding[i] - c.dilation[i] * (c.kernel[i] - 1) - 1) / c.stride[i]) + 1;
  return [c.x[0], c.outputs, size(0), size(1)];
}

/** Call `visit` with row and column of every input element under the kernel at output (i, j), and the index of its tap. */
function everyTap(c: ConvCase, i: number, j: number, visit: (h: number, l: number, tap: number) => void): void {
  const [, , height, width] = c.x;
  for (let u = 0; u < c.kernel[0]; u++) {
    const h = i * c.stride[0] + u * c.dilation[0] - c.padding[0];
    if (h < 0 || h >= height) continue;
    for (let v = 0; v < c.kernel[1]; v++) {
      const l = j * c.stride[1] + v * c.dilation[1] - c.padding[1];
      if (l >= 0 && l < width) visit(h, l, u * c.kernel[1] + v);
    }
  }
}

/** Call `visit` with the flat indices of every (output, input, weight) that are multiplied with each other. */
function everyProduct(c: ConvCase, visit: (y: number, x: number, w: number) => void): void {
  const [batch, channels, height, width] = c.x;
  const [, outputs, rows, columns] = resultShape(c);
  const perGroup = channels / c.groups;
  const taps = c.kernel[0] * c.kernel[1];
  for (let n = 0; n < batch; n++) {
    for (let o = 0; o < outputs; o++) {
      const first = Math.floor(o / (outputs / c.groups)) * perGroup;
      for (let i = 0; i < rows; i++) {
        for (let j = 0; j < columns; j++) {
          const y = ((n * outputs + o) * rows + i) * columns + j;
          for (let k = 0; k < perGroup; k++) {
            const plane = (n * channels + first + k) * height;
            everyTap(c, i, j, (h, l, tap) => visit(y, (plane + h) * width + l, (o * perGroup + k) * taps + tap));
          }
        }
      }
    }
  }
}

type Values = ArrayLike<number>;
const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

/** y from x, w and an optional bias [O]. */
export function convolve(c: ConvCase, x: Values, w: Values, b?: Values): Float64Array {
  const [batch, outputs, rows, columns] = resultShape(c);
  const y = new Float64Array(batch * outputs * rows * columns);
  if (b) for (let i = 0; i < y.length; i++) y[i] = b[Math.floor(i / (rows * columns)) % outputs]!;
  everyProduct(c, (to, from, at) => {
    y[to]! += x[from]! * w[at]!;
  });
  return y;
}

/** The gradients of sum(dy · y) with respect to x, w and the bias. */
export function convolveGradients(
  c: ConvCase,
  x: Values,
  w: Values,
  dy: Values,
): { x: Float64Array; w: Float64Array; b: Float64Array } {
  const [, outputs, rows, columns] = resultShape(c);
  const dx = new Float64Array(product(c.x));
  const dw = new Float64Array(product(weightShape(c)));
  const db = new Float64Array(outputs);
  everyProduct(c, (to, from, at) => {
    dx[from]! += dy[to]! * w[at]!;
    dw[at]! += dy[to]! * x[from]!;
  });
  for (let i = 0; i < dy.length; i++) db[Math.floor(i / (rows * columns)) % outputs]! += dy[i]!;
  return { x: dx, w: dw, b: db };
}
