// Sums over axes: the reduction behind broadcast gradients, `sum` and `mean`.
import sumToWgsl from "../../shaders/sum_to.wgsl";
import { kernel, OpError } from "../gpu/index.ts";
import { empty, type Shape, stridesOf, type Tensor } from "../tensor/index.ts";
import { lanesFor } from "./lanes.ts";

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

/** Below this many workgroups a device is mostly idle, so that long sums are cut up. */
const BUSY_GROUPS = 256;
/** Terms that one workgroup of 64 adds up before a cut pays for its second dispatch. */
const SLICE_TERMS = 2048;

/**
 * Writes into y the sum of x over `axes`, times `scale`. y holds the kept elements in order; its shape may or may not
 * keep the summed axes as ones. Long sums with few outputs run in two passes. The order of additions is fixed by the
 * shapes alone. Throws OpError when kept and summed axes alternate more than three times.
 */
export function sumAxesInto(op: string, y: Tensor, x: Tensor, axes: readonly number[], scale = 1): void {
  const { kept, summed } = splitAxes(op, x.shape, (axis) => axes.includes(axis));
  const outputs = product(kept);
  const terms = product(summed);
  const wanted = Math.min(Math.ceil(terms / SLICE_TERMS), Math.ceil(BUSY_GROUPS / outputs));
  if (wanted < 2) {
    dispatch(x, y, { kept, summed, outputs, terms, scale });
    return;
  }
  const sliceTerms = Math.ceil(terms / wanted);
  const slices = Math.ceil(terms / sliceTerms);
  const partial = empty([outputs, slices]);
  dispatch(x, partial, { kept, summed, outputs, terms, scale: 1, slices, sliceTerms });
  dispatch(partial, y, {
    kept: oneAxis(outputs, slices),
    summed: oneAxis(slices, 1),
    outputs,
    terms: slices,
    scale,
  });
  partial.dispose();
}

const oneAxis = (size: number, stride: number): Axes => ({ size: [1, 1, size, 1], stride: [0, 0, stride, 0] });

interface Sums {
  readonly kept: Axes;
  readonly summed: Axes;
  readonly outputs: number;
  readonly terms: number;
  readonly scale: number;
  /** Results per output, each over `sliceTerms` terms. Default one over all. */
  readonly slices?: number;
  readonly sliceTerms?: number;
}

function dispatch(x: Tensor, y: Tensor, sums: Sums): void {
  const { kept, summed, outputs, terms, scale, slices = 1, sliceTerms = terms } = sums;
  sumToKernel.run({
    bind: { x, y },
    params: {
      kept: kept.size,
      kept_stride: kept.stride,
      summed: summed.size,
      summed_stride: summed.stride,
      outputs,
      terms,
      slices,
      slice_terms: sliceTerms,
      scale,
    },
    ...lanesFor(sliceTerms, outputs * slices),
  });
}

/** Sums a gradient over the axes along which its input was broadcast, back to the input's shape. */
export function sumTo(op: string, dy: Tensor, shape: Shape): Tensor {
  const lead = dy.shape.length - shape.length;
  const axes = dy.shape.map((_, i) => i).filter((i) => i < lead || (shape[i - lead] === 1 && dy.shape[i] !== 1));
  const y = empty(shape);
  sumAxesInto(op, y, dy, axes);
  return y;
}
