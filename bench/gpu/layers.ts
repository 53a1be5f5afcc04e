// Layers whose kernels `npm run bench:gpu` measures, and host values of single results for their check.

/** A convolution without groups. */
export interface Layer {
  readonly x: readonly [batch: number, channels: number, rows: number, columns: number];
  readonly outputs: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
}

const layer = (x: Layer["x"], outputs: number, kernel: number, stride = 1): Layer => ({
  x,
  outputs,
  kernel,
  stride,
  padding: (kernel - 1) / 2,
});

/** Layers of ResNet-50 at batch 64 and of ResNet-20 at batch 128. */
export const LAYERS: readonly Layer[] = [
  layer([64, 256, 14, 14], 256, 3),
  layer([64, 64, 56, 56], 64, 3),
  layer([64, 64, 56, 56], 256, 1),
  layer([64, 3, 224, 224], 64, 7, 2),
  layer([64, 128, 28, 28], 128, 3),
  layer([64, 512, 7, 7], 512, 3),
  layer([64, 128, 56, 56], 128, 3, 2),
  layer([128, 16, 32, 32], 16, 3),
];

/** Matrix products [m, k] x [k, n]. */
export interface Product {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

export const PRODUCTS: readonly Product[] = [
  { m: 4096, n: 4096, k: 4096 },
  { m: 3136, n: 256, k: 2304 },
];

export const PASSES = ["forward", "data gradient", "weight gradient"] as const;
export type Pass = (typeof PASSES)[number];

/** Return a layer with a smaller batch, for an adapter that computes on the CPU. */
export const shrinkLayer = ({ x, ...rest }: Layer): Layer => ({
  x: [Math.max(1, x[0] / 64), x[1], x[2], x[3]],
  ...rest,
});

export const shrinkProduct = ({ m, n, k }: Product): Product => ({ m: m / 8, n: n / 8, k: k / 8 });

/** Return height and width of a layer's output. */
export function outputSize({ x, kernel, stride, padding }: Layer): [rows: number, columns: number] {
  return [x[2], x[3]].map((size) => Math.floor((size + 2 * padding - kernel) / stride) + 1) as [number, number];
}

export function layerFlops(l: Layer): number {
  const [rows, columns] = outputSize(l);
  return 2 * l.x[0] * l.outputs * rows * columns * l.x[1] * l.kernel * l.kernel;
}

export function layerName({ x, outputs, kernel, stride }: Layer): string {
  return `${kernel}x${kernel}${stride > 1 ? `/${stride}` : ""} ${x[1]}->${outputs} [${x.join(",")}]`;
}

export const productName = ({ m, n, k }: Product): string => `${m}x${n}x${k}`;

/** Values that f16 holds exactly, and whose products and sums f32 holds exactly: sixty-fourths between -1 and 1. */
const TABLE = Float32Array.from({ length: 4093 }, (_, i) => (((i * 7919) % 4093) % 129) / 64 - 1);

/** Return the value of an index of operand `seed`. */
export const valueAt = (index: number, seed: number): number => TABLE[(index + 1000 * seed) % TABLE.length]!;

/** Return all values of an operand. */
export function values(length: number, seed: number): Float32Array {
  const out = new Float32Array(length);
  const first = (1000 * seed) % TABLE.length;
  const period = Float32Array.from({ length: TABLE.length }, (_, i) => TABLE[(first + i) % TABLE.length]!);
  for (let at = 0; at < length; at += period.length)
    out.set(period.subarray(0, Math.min(period.length, length - at)), at);
  return out;
}

const X = 1;
const W = 2;
const DY = 3;

/** Seeds of the operands. */
export const SEEDS = { x: X, w: W, dy: DY };

/** Return one result of a pass in float64. `index` counts the results. */
export function expectedAt(l: Layer, pass: Pass, index: number): number {
  if (pass === "forward") return forwardAt(l, index);
  return pass === "data gradient" ? dataGradientAt(l, index) : weightGradientAt(l, index);
}

/** Return the pixel of x that a tap of an output reads, or -1 outside. */
function source(l: Layer, axis: 2 | 3, output: number, tap: number): number {
  const at = output * l.stride - l.padding + tap;
  return at >= 0 && at < l.x[axis] ? at : -1;
}

function forwardAt(l: Layer, index: number): number {
  const [rows, columns] = outputSize(l);
  const [ox, oy] = [index % columns, Math.floor(index / columns) % rows];
  const o = Math.floor(index / columns / rows) % l.outputs;
  const n = Math.floor(index / columns / rows / l.outputs);
  const [, channels, height, width] = l.x;
  let sum = 0;
  for (let c = 0; c < channels; c++) {
    for (let tap = 0; tap < l.kernel * l.kernel; tap++) {
      const y = source(l, 2, oy, Math.floor(tap / l.kernel));
      const x = source(l, 3, ox, tap % l.kernel);
      if (y < 0 || x < 0) continue;
      const w = valueAt((o * channels + c) * l.kernel * l.kernel + tap, W);
      sum += w * valueAt(((n * channels + c) * height + y) * width + x, X);
    }
  }
  return sum;
}

function dataGradientAt(l: Layer, index: number): number {
  const [rows, columns] = outputSize(l);
  const [, channels, height, width] = l.x;
  const [x, y] = [index % width, Math.floor(index / width) % height];
  const c = Math.floor(index / width / height) % channels;
  const n = Math.floor(index / width / height / channels);
  let sum = 0;
  for (let tap = 0; tap < l.kernel * l.kernel; tap++) {
    const oy = (y + l.padding - Math.floor(tap / l.kernel)) / l.stride;
    const ox = (x + l.padding - (tap % l.kernel)) / l.stride;
    const isInside = Number.isInteger(oy) && Number.isInteger(ox) && oy >= 0 && ox >= 0 && oy < rows && ox < columns;
    for (let o = 0; isInside && o < l.outputs; o++) {
      const w = valueAt((o * channels + c) * l.kernel * l.kernel + tap, W);
      sum += w * valueAt(((n * l.outputs + o) * rows + oy) * columns + ox, DY);
    }
  }
  return sum;
}

function weightGradientAt(l: Layer, index: number): number {
  const [rows, columns] = outputSize(l);
  const [batch, channels, height, width] = l.x;
  const taps = l.kernel * l.kernel;
  const tap = index % taps;
  const c = Math.floor(index / taps) % channels;
  const o = Math.floor(index / taps / channels);
  let sum = 0;
  for (let n = 0; n < batch; n++) {
    for (let pixel = 0; pixel < rows * columns; pixel++) {
      const y = source(l, 2, Math.floor(pixel / columns), Math.floor(tap / l.kernel));
      const x = source(l, 3, pixel % columns, tap % l.kernel);
      if (y < 0 || x < 0) continue;
      const dy = valueAt((n * l.outputs + o) * rows * columns + pixel, DY);
      sum += dy * valueAt(((n * channels + c) * height + y) * width + x, X);
    }
  }
  return sum;
}

/** Return one result of a product in float64. */
export function productAt({ n, k }: Product, index: number): number {
  const [row, column] = [Math.floor(index / n), index % n];
  let sum = 0;
  for (let i = 0; i < k; i++) sum += valueAt(row * k + i, X) * valueAt(i * n + column, W);
  return sum;
}
