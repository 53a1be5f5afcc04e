// Adaptive average pooling on plain arrays in float64: each bin's bounds from their definition in real numbers.

type Shape = readonly [n: number, c: number, h: number, w: number];
type Size = readonly [number, number];
type Visit = (at: number, out: number, count: number) => void;

function eachElement([n, c, h, w]: Shape, [oh, ow]: Size, visit: Visit): void {
  let out = 0;
  for (let plane = 0; plane < n * c; plane++) {
    for (let i = 0; i < oh; i++) {
      for (let j = 0; j < ow; j++) {
        const [top, bottom] = [Math.floor((i * h) / oh), Math.ceil(((i + 1) * h) / oh)];
        const [left, right] = [Math.floor((j * w) / ow), Math.ceil(((j + 1) * w) / ow)];
        for (let r = top; r < bottom; r++) {
          for (let s = left; s < right; s++) visit(plane * h * w + r * w + s, out, (bottom - top) * (right - left));
        }
        out++;
      }
    }
  }
}

export function adaptivePool(shape: Shape, size: Size, x: ArrayLike<number>): Float64Array {
  const y = new Float64Array(shape[0] * shape[1] * size[0] * size[1]);
  eachElement(shape, size, (at, out, count) => {
    y[out]! += x[at]! / count;
  });
  return y;
}

export function adaptivePoolGradient(shape: Shape, size: Size, dy: ArrayLike<number>): Float64Array {
  const dx = new Float64Array(shape[0] * shape[1] * shape[2] * shape[3]);
  eachElement(shape, size, (at, out, count) => {
    dx[at]! += dy[out]! / count;
  });
  return dx;
}
