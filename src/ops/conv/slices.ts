// The slices of a weight gradient: its sum over pixels is cut in parts, which are added in a fixed order.
import { sumAxesInto } from "../../autograd/index.ts";
import { empty, type Tensor } from "../../tensor/index.ts";

export interface GradWeightTensors {
  readonly dw: Tensor;
  readonly x: Tensor;
  readonly dy: Tensor;
}

const LONGEST_SUM = 4096; // terms one invocation adds up; keeps rounding near 1e-6 of the sum
const SHORTEST_SUM = 64; // shorter ones are not worth another partial gradient
const MOST_PARTIAL_BYTES = 2 ** 27; // one binding of an adapter with default limits

/** Return the number of slices for a sum over `units` of `terms` each, with `items` workgroups per slice. */
export function sliceCount(units: number, terms: number, items: number, wanted: number, bytes: number): number {
  const forWork = Math.ceil(wanted / items);
  const forRounding = Math.ceil((units * terms) / LONGEST_SUM);
  const useful = Math.ceil((units * terms) / SHORTEST_SUM);
  const affordable = Math.max(1, Math.floor(MOST_PARTIAL_BYTES / bytes));
  return Math.min(Math.max(forWork, forRounding), useful, affordable, units);
}

/** Run `write(partial)` for `slices` partial gradients and add them into dw. One slice is written in place. */
export function sumSlices(dw: Tensor, slices: number, write: (partial: Tensor) => void): void {
  if (slices === 1) {
    write(dw);
    return;
  }
  using partial = empty([slices, dw.numel]);
  write(partial);
  sumAxesInto("conv2d", dw, partial, [0]);
}
