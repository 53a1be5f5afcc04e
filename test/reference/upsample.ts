// Resampling of images in float64, by PyTorch's formulas and one pixel after another.

export interface UpsampleCase {
  /** [N, C, H, W] */
  readonly x: readonly [number, number, number, number];
  readonly out: readonly [number, number];
  readonly mode: "nearest" | "bilinear";
  readonly alignCorners?: boolean;
  /** Output pixels per input pixel, if given as a scale. */
  readonly scale?: readonly [number, number];
}

type Values = ArrayLike<number>;

/** The source pixels of one output pixel on one axis, each with its weight. */
function taps(c: UpsampleCase, axis: 0 | 1, i: number): [pixel: number, weight: number][] {
  const [input, out] = [c.x[2 + axis]!, c.out[axis]];
  const ratio = c.scale ? 1 / c.scale[axis] : input / out;
  if (c.mode === "nearest") return [[Math.min(Math.floor(c.scale ? i * ratio : (i * input) / out), input - 1), 1]];
  const aligned = out > 1 ? (i * (input - 1)) / (out - 1) : 0;
  const at = c.alignCorners ? aligned : Math.max((i + 0.5) * ratio - 0.5, 0);
  const low = Math.min(Math.floor(at), input - 1);
  const share = at - low;
  return [
    [low, 1 - share],
    [Math.min(low + 1, input - 1), share],
  ];
}

/** Calls `visit` for every output pixel, row tap and column tap. */
function everyTap(c: UpsampleCase, visit: (y: number, x: number, row: number, column: number) => void): void {
  const [batch, channels, height, width] = c.x;
  for (let plane = 0; plane < batch * channels; plane++) {
    for (let i = 0; i < c.out[0]; i++) {
      for (let j = 0; j < c.out[1]; j++) {
        const y = (plane * c.out[0] + i) * c.out[1] + j;
        for (const [row, a] of taps(c, 0, i))
          for (const [column, b] of taps(c, 1, j)) visit(y, (plane * height + row) * width + column, a, b);
      }
    }
  }
}

export function resample(c: UpsampleCase, x: Values): Float64Array {
  const y = new Float64Array(c.x[0] * c.x[1] * c.out[0] * c.out[1]);
  everyTap(c, (to, from, a, b) => {
    y[to]! += a * b * x[from]!;
  });
  return y;
}

export function resampleGradient(c: UpsampleCase, dy: Values): Float64Array {
  const dx = new Float64Array(c.x.reduce((a, b) => a * b, 1));
  everyTap(c, (to, from, a, b) => {
    dx[from]! += a * b * dy[to]!;
  });
  return dx;
}
