// Dispatches that read entries of an axis by index, and add gradients back without atomics: the same bits in every run.

import forwardWgsl from "../../../shaders/gather.wgsl";
import backwardWgsl from "../../../shaders/gather_grad.wgsl";
import linksWgsl from "../../../shaders/gather_links.wgsl";
import { grid1d, kernel, OpError } from "../../gpu/index.ts";
import { empty, fillZero, type Tensor } from "../../tensor/index.ts";

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

/** Return the parts of a dispatch that depend on the layout. Rows of a multiple of four are read in fours. */
function layoutOf({ rows, length, inner, shared }: Rows, elements: number) {
  const wide = shared && inner % 4 === 0;
  const n = wide ? elements / 4 : elements;
  return {
    params: { n, rows, length, inner: wide ? inner / 4 : inner },
    spec: { Item: wide ? "vec4<f32>" : "f32", SHARED: shared },
    grid: grid1d(n),
  };
}

/** Write y = the rows of x that the index names; NaN for an index out of range. */
export function gatherRows(x: Tensor, index: Tensor, y: Tensor, layout: Rows): void {
  const { params, spec, grid } = layoutOf(layout, y.numel);
  forwardKernel.run({ bind: { x, index, y }, params: { ...params, nan }, spec, grid });
}

/** Write dx = the sum of the rows of dy by their index, in the order of their positions. Skips the index `skipped`. */
export function scatterRows(dy: Tensor, index: Tensor, dx: Tensor, layout: Rows, skipped = -1): void {
  fillZero(dx);
  const links = empty([index.numel], "u32");
  linksKernel.run({
    bind: { index, links },
    params: { n: index.numel, length: layout.length, inner: layout.shared ? 1 : layout.inner },
    grid: grid1d(index.numel),
  });
  const { params, spec, grid } = layoutOf(layout, dy.numel);
  backwardKernel.run({ bind: { dy, index, links, dx }, params: { ...params, skipped }, spec, grid });
}

/** Throw OpError unless the index is i32. */
export function expectIndex(op: string, index: Tensor): void {
  if (index?.dtype !== "i32")
    throw new OpError(op, `index: expected i32 (make it from an Int32Array), got ${index?.dtype}`);
}
