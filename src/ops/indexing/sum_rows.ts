// Sums rows by index, in the order of their positions: the same bits in every run. A counting sort lists the positions of each
// row; its atomic operations are on integers.
import gradWgsl from "../../../shaders/embedding_grad.wgsl";
import countsWgsl from "../../../shaders/row_counts.wgsl";
import orderWgsl from "../../../shaders/row_order.wgsl";
import slotsWgsl from "../../../shaders/row_slots.wgsl";
import startsWgsl from "../../../shaders/row_starts.wgsl";
import { grid1d, kernel } from "../../gpu/index.ts";
import { empty, type Tensor, zeros } from "../../tensor/index.ts";

const countsKernel = kernel("row_counts", countsWgsl);
const startsKernel = kernel("row_starts", startsWgsl);
const slotsKernel = kernel("row_slots", slotsWgsl);
const orderKernel = kernel("row_order", orderWgsl);
const gradKernel = kernel("embedding_grad", gradWgsl);

/**
 * Write dweight [rows, width]: row r is the sum of the rows of dy whose index is r; 0 for the row `skipped` (-1: none). Ignores
 * an index out of range.
 */
export function sumRows(dy: Tensor, index: Tensor, dweight: Tensor, skipped: number): void {
  const [rows, width] = dweight.shape as [number, number];
  const n = index.numel;
  const counts = zeros([rows], "u32");
  const [starts, ends] = [empty([rows], "u32"), empty([rows], "u32")];
  const [slots, order] = [empty([n], "u32"), empty([n], "u32")];
  const dispatch = { params: { n, rows, skipped }, grid: grid1d(n) };
  countsKernel.run({ bind: { index, counts }, ...dispatch });
  startsKernel.run({ bind: { counts, starts, ends }, params: { rows }, grid: [1] });
  slotsKernel.run({ bind: { index, ends, slots }, ...dispatch });
  orderKernel.run({ bind: { index, starts, ends, slots, order }, ...dispatch });
  const wide = width % 4 === 0;
  const items = wide ? dweight.numel / 4 : dweight.numel;
  gradKernel.run({
    bind: { dy, starts, ends, order, dweight },
    params: { n: items, width: wide ? width / 4 : width },
    spec: { Item: wide ? "vec4<f32>" : "f32" },
    grid: grid1d(items),
  });
}
