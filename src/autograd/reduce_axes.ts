// Sums over axes: the reduction behind broadcast gradients, `sum` and `mean`.
import sumToWgsl from "../../shaders/sum_to.wgsl";
import { grid1d, kernel, OpError } from "../gpu/index.ts";
import { empty, type Shape, stridesOf, type Tensor } from "../tensor/index.ts";

const sumToKernel = kernel("sum_to", sumToWgsl);

interface Axes {
  size: [number, number, number, number];
  stride: [number, number, number, number];
}

/** Axes of `shape` split in kept and summed ones, neighbours of one kind merged, at most three of each. */
export function splitAxes(op: string, shape: Shape, isSummed: (axis: number) => boolean): { kept: Axes; summed: Axes } {
  const strides = stridesOf(shape);
  const runs: { size: number; stride: number; summed: boolean }[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const summed = isSummed(axis);
    const last = runs.at(-1);
    if (last && last.summed === summed) {
      last.size *= size;
      last.stride = strides[axis] as number;
    } else runs.push({ size, stride: strides[axis] as number, summed });
  });
  const pick = (summed: boolean): Axes => {
    const chosen = runs.filter((run) => run.summed === summed);
    if (chosen.length > 3)
      throw new OpError(op, `sums over more than three separate groups of axes of [${shape.join(",")}]`);
    while (chosen.length < 3) chosen.unshift({ size: 1, stride: 0, summed });
    const [a, b, c] = chosen as [(typeof runs)[0], (typeof runs)[0], (typeof runs)[0]];
    return { size: [a.size, b.size, c.size, 1], stride: [a.stride, b.stride, c.stride, 0] };
  };
  return { kept: pick(false), summed: pick(true) };
}

const product = (axes: Axes) => axes.size[0] * axes.size[1] * axes.size[2];

/**
 * Writes into y the sum of x over `axes`, times `scale`. y holds the kept elements in order; its shape may or may not
 * keep the summed axes as ones. Long sums with few outputs run in two passes, in a fixed order.
 */
export function sumAxesInto(op: string, y: Tensor, x: Tensor, axes: readonly number[], scale = 1): void {
  const { kept, summed } = splitAxes(op, x.shape, (axis) => axes.includes(axis));
  const outputs = product(kept);
  const terms = product(summed);
  const run = (source: Tensor, target: Tensor, k: Axes, s: Axes, n: number, t: number, factor: number) => {
    const lanes = t >= 64 ? 64 : 1;
    sumToKernel.run({
      bind: { x: source, y: target },
      params: {
        kept: k.size,
        kept_stride: k.stride,
        summed: s.size,
        summed_stride: s.stride,
        outputs: n,
        terms: t,
        scale: factor,
      },
      spec: { LANES: lanes },
      grid: lanes === 64 ? grid1d(n, 1) : grid1d(n, 64),
    });
  };
  // A long innermost run and few outputs would leave most of the device idle: sum slices of the outermost run first.
  const [outer] = summed.size;
  const innerRun = summed.size[2];
  if (outputs < 64 && terms > 16384) {
    const slices = outer > 1 ? outer : largestDivisor(innerRun, Math.ceil(terms / 2048));
    if (slices > 1 && outputs * slices * 4 < x.bytes) {
      const partial = empty([outputs, slices]);
      const rest: Axes =
        outer > 1
          ? { size: [1, summed.size[1], summed.size[2], 1], stride: [0, summed.stride[1], summed.stride[2], 0] }
          : { size: [1, summed.size[1], innerRun / slices, 1], stride: [0, summed.stride[1], summed.stride[2], 0] };
      const sliceStride = outer > 1 ? summed.stride[0] : (innerRun / slices) * summed.stride[2];
      const keptRuns = kept.size.filter((n) => n > 1).length;
      if (keptRuns <= 2) {
        const k: Axes = {
          size: [kept.size[1], kept.size[2], slices, 1],
          stride: [kept.stride[1], kept.stride[2], sliceStride, 0],
        };
        run(x, partial, k, rest, outputs * slices, terms / slices, 1);
        const flatKept: Axes = { size: [1, 1, outputs, 1], stride: [0, 0, slices, 0] };
        run(partial, y, flatKept, { size: [1, 1, slices, 1], stride: [0, 0, 1, 0] }, outputs, slices, scale);
        partial.dispose();
        return;
      }
      partial.dispose();
    }
  }
  run(x, y, kept, summed, outputs, terms, scale);
}

/** Largest divisor of n that is at most `limit`. */
function largestDivisor(n: number, limit: number): number {
  for (let d = Math.min(limit, n); d > 1; d--) if (n % d === 0) return d;
  return 1;
}

/** Sums a gradient over the axes along which its input was broadcast, back to the input's shape. */
export function sumTo(op: string, dy: Tensor, shape: Shape): Tensor {
  const lead = dy.shape.length - shape.length;
  const axes = dy.shape.map((_, i) => i).filter((i) => i < lead || (shape[i - lead] === 1 && dy.shape[i] !== 1));
  const y = empty(shape);
  sumAxesInto(op, y, dy, axes);
  return y;
}
