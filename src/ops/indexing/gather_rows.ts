// Dispatches that read entries of an axis by index, and add gradients back in a fixed order: the same bits in every run.

import forwardWgsl from "../../../shaders/gather.wgsl";
import backwardWgsl from "../../../shaders/gather_grad.wgsl";
import linksWgsl from "../../../shaders/gather_links.wgsl";
import { grid1d, kernel, OpError } from "../../gpu/index.ts";
import { actSpec, empty, fillZero, type Tensor } from "../../tensor/index.ts";

const forwardKernel = kernel("gather", forwardWgsl);
const linksKernel = kernel("gather_links", linksWgsl);
const backwardKernel = kernel("gather_grad", backwardWgsl);
/** Bits of a quiet NaN. */
const nan = 0x7fc00000;

/** x [outer, rows, inner] and y [outer, length, inner]. The index is like y, or [outer, length] if it is shared by a row. */
export interface Rows {
  readonly rows: number;
  readonly length: number;
  readonly inner: number;
  readonly shared: boolean;
}

/** Write y = the rows of x that the index names; NaN for an index out of range. Shared rows of a multiple of four go in fours. */
export function gatherRows(x: Tensor, index: Tensor, y: Tensor, { rows, length, inner, shared }: Rows): void {
  const width = shared && inner % 4 === 0 ? 4 : 1;
  const n = y.numel / width;
  forwardKernel.run({
    bind: { x, index, y },
    params: { n, rows, length, inner: inner / width, nan },
    spec: { ...actSpec(x), Item: width === 4 ? "vec4<Act>" : "Act", SHARED: shared },
    grid: grid1d(n),
  });
}

/** Write dx = the sum of dy by its index, in the order of the positions. The index is like dy. */
export function scatterRows(dy: Tensor, index: Tensor, dx: Tensor, { rows, length, inner }: Rows): void {
  fillZero(dx);
  const links = empty(index.shape, "u32");
  const n = index.numel;
  const grid = grid1d(n);
  linksKernel.run({ bind: { index, links }, params: { n, length, inner }, grid });
  backwardKernel.run({ bind: { dy, index, links, dx }, params: { n, rows, length, inner }, spec: actSpec(dx), grid });
}

/** Throw OpError unless the index is i32. */
export function expectIndex(op: string, index: Tensor): void {
  if (index?.dtype !== "i32")
    throw new OpError(op, `index: expected i32 (make it from an Int32Array), got ${index?.dtype}`);
}
