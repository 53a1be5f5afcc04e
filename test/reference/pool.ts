// Pooling on plain arrays in float64: windows are listed one by one, with no shared index arithmetic.

export interface PoolCase {
  /** [N, C, H, W] */
  readonly x: readonly [number, number, number, number];
  readonly kernel: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly padding: readonly [number, number];
  readonly ceilMode: boolean;
}

interface Span {
  /** First and end coordinate within the input. */
  readonly from: number;
  readonly to: number;
  /** Length with padding counted, up to the padded edge. */
  readonly padded: number;
}

/** Windows along one axis: they start every `stride`, and in ceil mode one more may hang over, if it starts before the right padding. */
function spans(size: number, kernel: number, stride: number, padding: number, ceilMode: boolean): Span[] {
  const all: Span[] = [];
  for (let start = -padding; ; start += stride) {
    const hangs = start + kernel > size + padding;
    if (hangs && !(ceilMode && start - stride + kernel < size + padding && start < size)) return all;
    all.push({
      from: Math.max(start, 0),
      to: Math.min(start + kernel, size),
      padded: Math.min(start + kernel, size + padding) - start,
    });
    if (hangs) return all;
  }
}

function windows(c: PoolCase): [Span[], Span[]] {
  return [2, 3].map((axis, i) => spans(c.x[axis]!, c.kernel[i]!, c.stride[i]!, c.padding[i]!, c.ceilMode)) as [
    Span[],
    Span[],
  ];
}

export function pooledShape(c: PoolCase): number[] {
  const [rows, columns] = windows(c);
  return [c.x[0], c.x[1], rows.length, columns.length];
}

type Window = (place: number, index: number, divisors: { padded: number; inside: number }, plane: number) => void;

/** Calls `visit` for every input element of every window, row-major, with the flat output index. */
function eachElement(c: PoolCase, visit: Window): number {
  const [rows, columns] = windows(c);
  const [n, channels, h, w] = c.x;
  let out = 0;
  for (let plane = 0; plane < n * channels; plane++) {
    for (const row of rows) {
      for (const column of columns) {
        const divisors = {
          padded: row.padded * column.padded,
          inside: (row.to - row.from) * (column.to - column.from),
        };
        for (let i = row.from; i < row.to; i++) {
          for (let j = column.from; j < column.to; j++) visit(i * w + j, out, divisors, plane * h * w);
        }
        out++;
      }
    }
  }
  return out;
}

const count = (c: PoolCase) => pooledShape(c).reduce((a, b) => a * b, 1);

/** Largest values and the first place of each, h · W + w. */
export function maxPool(c: PoolCase, x: ArrayLike<number>): { y: Float64Array; place: Int32Array } {
  const y = new Float64Array(count(c)).fill(Number.NEGATIVE_INFINITY);
  const place = new Int32Array(y.length).fill(-1);
  eachElement(c, (at, out, _divisors, plane) => {
    const v = x[plane + at]!;
    if (place[out] === -1 || v > y[out]!) {
      y[out] = v;
      place[out] = at;
    }
  });
  return { y, place };
}

/** dx of max pooling: each dy at its window's place. */
export function maxPoolGradient(c: PoolCase, place: ArrayLike<number>, dy: ArrayLike<number>): Float64Array {
  const dx = new Float64Array(c.x[0] * c.x[1] * c.x[2] * c.x[3]);
  eachElement(c, (at, out, _divisors, plane) => {
    if (place[out] === at) dx[plane + at]! += dy[out]!;
  });
  return dx;
}

export function avgPool(c: PoolCase, countIncludePad: boolean, x: ArrayLike<number>): Float64Array {
  const y = new Float64Array(count(c));
  eachElement(c, (at, out, { padded, inside }, plane) => {
    y[out]! += x[plane + at]! / (countIncludePad ? padded : inside);
  });
  return y;
}

export function avgPoolGradient(c: PoolCase, countIncludePad: boolean, dy: ArrayLike<number>): Float64Array {
  const dx = new Float64Array(c.x[0] * c.x[1] * c.x[2] * c.x[3]);
  eachElement(c, (at, out, { padded, inside }, plane) => {
    dx[plane + at]! += dy[out]! / (countIncludePad ? padded : inside);
  });
  return dx;
}
