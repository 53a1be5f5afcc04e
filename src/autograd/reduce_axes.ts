// Sums over axes: the reduction behind broadcast gradients, `sum` and `mean`.
import sumToWgsl from "../../shaders/sum_to.wgsl";
import { currentGpu, grid1d, kernel, OpError } from "../gpu/index.ts";
import { empty, type Shape, stridesOf, type Tensor } from "../tensor/index.ts";

const sumToKernel = kernel("sum_to", sumToWgsl);

interface Axes {
  size: [number, number, number, number];
  stride: [number, number, number, number];
}

/** Split the axes of `shape` in kept and summed ones, neighbours of one kind merged, at most three of each. */
export function splitAxes(op: string, shape: Shape, isSummed: (axis: number) => boolean): { kept: Axes; summed: Axes } {
  const strides = stridesOf(shape);
  const runs: { size: number; stride: number; summed: boolean }[] = [];
  shape.forEach((size, axis) => {
    if (size === 1) return;
    const summed = isSummed(axis);
    const last = runs.at(-1);
    if (last && last.summed === summed) {
      last.size *= size;
      last.stride = strides[axis]!;
    } else runs.push({ size, stride: strides[axis]!, summed });
  });
  const pick = (summed: boolean): Axes => {
    const chosen = runs.filter((run) => run.summed === summed);
    if (chosen.length > 3)
      throw new OpError(op, `expected at most three separate groups of summed axes, got more in [${shape.join(",")}]`);
    while (chosen.length < 3) chosen.unshift({ size: 1, stride: 0, summed });
    const [a, b, c] = chosen as [(typeof runs)[0], (typeof runs)[0], (typeof runs)[0]];
    return { size: [a.size, b.size, c.size, 1], stride: [a.stride, b.stride, c.stride, 0] };
  };
  return { kept: pick(false), summed: pick(true) };
}

const product = (axes: Axes) => axes.size[0] * axes.size[1] * axes.size[2];

/** Below this many workgroups a device is mostly idle, so that long sums are cut up; few keep a CPU busy. */
const BUSY_HARDWARE = 256;
const BUSY_SOFTWARE = 8;
/** Items that one workgroup of 64 must add up before a cut pays for its second dispatch. */
const SLICE_ITEMS = 1024;

/** One pass in Items of one or four numbers: the shader's Params except for the slices. */
interface Pass {
  readonly kept: Axes;
  readonly summed: Axes;
  /** Items of results, and terms per result. */
  readonly results: number;
  readonly terms: number;
  /** Results per Item. */
  readonly width: 1 | 4;
  readonly wide: boolean;
}

/** Return the innermost axis in Items of four; null if it is not divisible or not contiguous. */
function inFours({ size: [a, b, c], stride: [sa, sb, sc] }: Axes): Axes | null {
  if (sc !== 1 || c % 4 !== 0) return null;
  return { size: [a, b, c / 4, 1], stride: [sa / 4, sb / 4, 1, 0] };
}

const strideByFour = ({ size, stride: [a, b, c] }: Axes): Axes => ({ size, stride: [a / 4, b / 4, c / 4, 0] });

function planPass(kept: Axes, summed: Axes): Pass {
  const [keptFours, summedFours] = [inFours(kept), inFours(summed)];
  // All strides but the innermost are multiples of its size.
  if (keptFours) kept = keptFours;
  else if (summedFours) kept = strideByFour(kept);
  if (summedFours) summed = summedFours;
  else if (keptFours) summed = strideByFour(summed);
  const wide = keptFours !== null || summedFours !== null;
  return { kept, summed, results: product(kept), terms: product(summed), width: keptFours ? 4 : 1, wide };
}

/** Return the invocations per result. A tree costs more than a few terms; many results keep a device busy with one lane each. */
function lanesOf(terms: number, results: number): 1 | 8 | 64 {
  if (terms < 16 || (results >= 4096 && terms <= 256)) return 1;
  return terms < 2048 && results >= 64 ? 8 : 64;
}

/**
 * Write into y the sum of x over `axes`, times `scale`. y holds the kept elements in order; its shape may keep the summed
 * axes as ones. Long sums with few results run in two passes. The order of additions depends on the shapes, and on whether
 * the adapter is a software one. Throws OpError if kept and summed axes alternate more than three
 * times.
 */
export function sumAxesInto(op: string, y: Tensor, x: Tensor, axes: readonly number[], scale = 1): void {
  const { kept, summed } = splitAxes(op, x.shape, (axis) => axes.includes(axis));
  const pass = planPass(kept, summed);
  const { results, terms } = pass;
  const busy = currentGpu().adapter.software ? BUSY_SOFTWARE : BUSY_HARDWARE;
  const wanted = Math.min(Math.ceil(terms / SLICE_ITEMS), Math.ceil(busy / results));
  if (wanted < 2) {
    dispatch(x, y, pass, scale, { slices: 1, slice_terms: terms });
    return;
  }
  const slice_terms = Math.ceil(terms / wanted);
  const slices = Math.ceil(terms / slice_terms);
  using partial = empty([slices, y.numel]);
  dispatch(x, partial, pass, 1, { slices, slice_terms });
  const across = planPass(oneAxis(y.numel, 1), oneAxis(slices, y.numel));
  dispatch(partial, y, across, scale, { slices: 1, slice_terms: slices });
}

/** Return the axis; one of size 1 has no stride, as from splitAxes. */
const oneAxis = (size: number, stride: number): Axes => ({
  size: [1, 1, size, 1],
  stride: [0, 0, size === 1 ? 0 : stride, 0],
});

function dispatch(
  x: Tensor,
  y: Tensor,
  { kept, summed, results, terms, width, wide }: Pass,
  scale: number,
  cut: { readonly slices: number; readonly slice_terms: number },
): void {
  const LANES = lanesOf(cut.slice_terms, results * cut.slices);
  const [, rows, columns] = summed.size;
  const [a, b, c] = summed.stride;
  // Coordinates on the summed axes of LANES terms further. Offsets count modulo 2^32, like the shader's.
  const places = [Math.floor(LANES / (rows * columns)), Math.floor(LANES / columns) % rows, LANES % columns] as const;
  const modulo = (offset: number) => ((offset % 2 ** 32) + 2 ** 32) % 2 ** 32;
  sumToKernel.run({
    bind: { x, y },
    params: {
      kept: kept.size,
      kept_stride: kept.stride,
      summed: summed.size,
      summed_stride: summed.stride,
      step: [0, places[1], places[2], 0],
      wrap: [0, modulo(a - rows * b), modulo(b - columns * c), modulo(places[0] * a + places[1] * b + places[2] * c)],
      results,
      terms,
      ...cut,
      scale,
    },
    spec: { Item: wide ? "vec4<f32>" : "f32", ITEM_IS_ONE: !wide, WIDTH: width, LANES },
    grid: grid1d(results * cut.slices * LANES),
  });
}

/** Sum a gradient over the axes along which its input was broadcast, back to the input's shape. */
export function sumTo(op: string, dy: Tensor, shape: Shape): Tensor {
  const lead = dy.shape.length - shape.length;
  const axes = dy.shape.map((_, i) => i).filter((i) => i < lead || (shape[i - lead] === 1 && dy.shape[i] !== 1));
  const y = empty(shape);
  sumAxesInto(op, y, dy, axes);
  return y;
}
