// Sums over axes: the reduction behind broadcast gradients, `sum` and `mean`.
import sumToWgsl from "../../shaders/sum_to.wgsl";
import { currentGpu, grid1d, kernel, OpError } from "../gpu/index.ts";
import { actSpec, type DType, empty, type Shape, stridesOf, type Tensor } from "../tensor/index.ts";

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

interface Device {
  /** Below this many workgroups the device is mostly idle, so that long sums are cut up. */
  readonly busy: number;
  /** Items that one workgroup must add up before a cut pays for its second dispatch. */
  readonly slice: number;
  /** Loads of an invocation before it waits for the first. */
  readonly turns: number;
  /** Lanes of one result that take neighbouring terms: see shaders/lib/channel_walk.wgsl. */
  readonly near: (lanes: number) => number;
  /** Return the invocations per result. A tree costs more than a few terms; many results keep a device busy with one lane each. */
  readonly lanes: (terms: number, results: number) => 1 | 8 | 64;
}

const HARDWARE: Device = {
  busy: 2048,
  slice: 256,
  turns: 4,
  near: (lanes) => lanes,
  lanes(terms, results) {
    if (terms < 16 || (results >= 64 * HARDWARE.busy && terms <= 256)) return 1;
    return terms < 128 || results >= 8 * HARDWARE.busy ? 8 : 64;
  },
};
const SOFTWARE: Device = {
  busy: 8,
  slice: 1024,
  turns: 1,
  near: (lanes) => Math.max(1, lanes / 8),
  lanes(terms, results) {
    if (terms < 16 || (results >= 4096 && terms <= 256)) return 1;
    return terms < 2048 && results >= 64 ? 8 : 64;
  },
};

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

/**
 * Return the shader's parameters of a walk that goes `places` on with each step: the places on axes y and z, and what to add to the
 * offset past their ends and (w) for the step itself.
 */
export function axesStep({ size, stride }: Axes, places: number): { step: number[]; wrap: number[] } {
  const [, rows, columns] = size;
  const [a, b, c] = stride;
  const [x, y, z] = [Math.floor(places / (rows * columns)), Math.floor(places / columns) % rows, places % columns];
  // Offsets count modulo 2^32, like the shader's.
  const modulo = (offset: number) => ((offset % 2 ** 32) + 2 ** 32) % 2 ** 32;
  return {
    step: [0, y, z, 0],
    wrap: [0, modulo(a - rows * b), modulo(b - columns * c), modulo(x * a + y * b + z * c)],
  };
}

/**
 * Write into y the sum of x over `axes`, times `scale`. y holds the kept elements in order; its shape may keep the summed
 * axes as ones. x and y are f32 or f16; sums are f32. Long sums with few results run in two passes. The order of additions
 * depends on the shapes, and on whether the adapter is a software one (`software`; default: the current one). Throws OpError if
 * kept and summed axes alternate more than three times.
 */
export function sumAxesInto(
  op: string,
  y: Tensor,
  x: Tensor,
  axes: readonly number[],
  scale = 1,
  software = currentGpu().adapter.software,
): void {
  const { kept, summed } = splitAxes(op, x.shape, (axis) => axes.includes(axis));
  const pass = planPass(kept, summed);
  const cut = cutSum(pass.terms, pass.results, software);
  if (cut.slices === 1) {
    dispatch(x, y, pass, scale, cut, software);
    return;
  }
  using partial = empty([cut.slices, y.numel]);
  dispatch(x, partial, pass, 1, cut, software);
  const across = planPass(oneAxis(y.numel, 1), oneAxis(cut.slices, y.numel));
  dispatch(partial, y, across, scale, oneSlice(across, software), software);
}

/** A cut of the terms, in Items. */
interface Cut {
  readonly slices: number;
  /** Terms of each slice but the last. */
  readonly slice_terms: number;
  /** Invocations per result and slice. */
  readonly LANES: 1 | 8 | 64;
}

const oneSlice = ({ terms, results }: Pick<Pass, "terms" | "results">, software: boolean): Cut => ({
  slices: 1,
  slice_terms: terms,
  LANES: (software ? SOFTWARE : HARDWARE).lanes(terms, results),
});

/** Cut sums of `terms` Items each. */
export function cutSum(terms: number, results: number, software: boolean): Cut {
  const device = software ? SOFTWARE : HARDWARE;
  const wanted = Math.min(Math.ceil(terms / device.slice), Math.ceil(device.busy / results));
  if (wanted < 2) return oneSlice({ terms, results }, software);
  const slice_terms = Math.ceil(terms / wanted);
  const slices = Math.ceil(terms / slice_terms);
  return { slices, slice_terms, LANES: device.lanes(slice_terms, results * slices) };
}

/** Return the axis; one of size 1 has no stride, as from splitAxes. */
const oneAxis = (size: number, stride: number): Axes => ({
  size: [1, 1, size, 1],
  stride: [0, 0, size === 1 ? 0 : stride, 0],
});

/** Return the shader's `result_of`: of the four numbers v of an Item, or of the one that fills it. */
function resultOf(width: 1 | 4, wide: boolean): string {
  if (width === 4) return "Result(v)";
  return wide ? "Result(dot(v, vec4<f32>(1.0)))" : "Result(v.x)";
}

function dispatch(
  x: Tensor,
  y: Tensor,
  { kept, summed, results, terms, width, wide }: Pass,
  scale: number,
  { slices, slice_terms, LANES }: Cut,
  software: boolean,
): void {
  const { near, turns } = software ? SOFTWARE : HARDWARE;
  const NEAR = near(LANES);
  const rounds = Math.ceil(slice_terms / LANES);
  sumToKernel.run({
    bind: { x, y },
    params: {
      kept: kept.size,
      kept_stride: kept.stride,
      summed: summed.size,
      summed_stride: summed.stride,
      ...axesStep(summed, NEAR),
      results,
      terms,
      slices,
      slice_terms,
      rounds,
      scale,
    },
    spec: {
      ...actSpec(x),
      Item: wide ? "vec4<f32>" : "f32",
      Stored: wide ? "vec4<Act>" : "Act",
      Result: width === 4 ? `vec4<${y.dtype}>` : y.dtype,
      result_of: resultOf(width, wide),
      LANES,
      NEAR,
      TURNS: rounds < turns ? 1 : turns,
    },
    grid: grid1d(results * slices * LANES),
  });
}

/** Sum a gradient over the axes along which its input was broadcast, back to the input's shape and dtype. */
export function sumTo(op: string, dy: Tensor, shape: Shape, dtype: DType = dy.dtype): Tensor {
  const lead = dy.shape.length - shape.length;
  const axes = dy.shape.map((_, i) => i).filter((i) => i < lead || (shape[i - lead] === 1 && dy.shape[i] !== 1));
  const y = empty(shape, dtype);
  sumAxesInto(op, y, dy, axes);
  return y;
}
