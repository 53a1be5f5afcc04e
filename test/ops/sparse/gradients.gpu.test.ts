import { describe, test } from "vitest";
import { convShape } from "../../../src/ops/conv/shape.ts";
import { BLOCK_SIZES, everyBlock, packBlocks } from "../../../src/ops/sparse/blocks.ts";
import { gradInputByColumns } from "../../../src/ops/sparse/grad_columns.ts";
import { sparseGradInput, sparseGradWeight } from "../../../src/ops/sparse/gradients.ts";
import { pointShape } from "../../../src/ops/sparse/product.ts";
import { SparseWeight } from "../../../src/ops/sparse/sparse_weight.ts";
import { empty, metaTensor, readAll, Scope, tensor } from "../../../src/tensor/index.ts";
import { type ConvCase, convolveGradients, resultShape, weightShape } from "../../reference/conv2d.ts";
import { expectClose } from "../../support/close.ts";
import { testHalf } from "../../support/half.ts";
import { pruneBlocks } from "../../support/prune_blocks.ts";
import { randomArray } from "../../support/random.ts";
import { plain, SPARSE_CASES } from "../../support/sparse_cases.ts";

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const tolerance = { rtol: 1e-5, atol: 1e-5 };

/** Set the numbers of `dw` outside of the live blocks to zero. */
function liveOnly(weight: SparseWeight, dw: ArrayLike<number>): Float64Array {
  const each = dw.length / weight.blocks.shape[0]!;
  const out = new Float64Array(dw.length);
  everyBlock(weight.blocks, (_, { count }, at) => {
    for (let r = 0; r < count; r++) out[at + r * each] = dw[at + r * each]!;
  });
  return out;
}

/** Compare the gradients of a convolution by each size of blocks with float64. */
async function compare(c: ConvCase, zeros: number, dtype: "f32" | "f16" = "f32"): Promise<void> {
  using _scope = new Scope();
  const { stride, padding, dilation, groups } = c;
  const shape = weightShape(c);
  const x = tensor(randomArray(product(c.x), 1), c.x, dtype);
  const dy = tensor(randomArray(product(resultShape(c)), 4), resultShape(c), dtype);
  const given = await readAll(x, dy);
  const s = convShape(metaTensor(c.x), metaTensor(shape), null, { stride, padding, dilation, groups });
  for (const size of BLOCK_SIZES) {
    const w = pruneBlocks(randomArray(product(shape), 2), shape, { size, groups, zeros });
    const weight = new SparseWeight(packBlocks(w, shape, { size, groups }));
    const [dx, dw] = [empty(c.x, dtype), empty(shape)];
    sparseGradInput(s, weight, { dy, dx });
    sparseGradWeight(s, weight, { x, dy, dw });
    const byColumns = empty(c.x);
    if (dtype === "f32") gradInputByColumns(s, weight, { dy, dx: byColumns });
    const [gotX, gotW, columns] = await readAll(dx, dw, byColumns);
    const want = convolveGradients(c, given[0]!, w, given[1]!);
    if (dtype === "f32") expectClose(columns!, want.x, tolerance, `dx by columns, blocks of ${size}`);
    const half = dtype === "f16";
    expectClose(gotX!, want.x, half ? { rtol: 2 ** -10, atol: 1e-4 } : tolerance, `dx, blocks of ${size}`);
    expectClose(gotW!, liveOnly(weight, want.w), tolerance, `dw, blocks of ${size}`);
    weight.dispose();
  }
}

describe("the gradients of a sparse convolution equal float64", () => {
  const cases: Record<string, ConvCase> = {
    ...SPARSE_CASES,
    "3x3, planes larger than a workgroup": { ...plain, x: [1, 5, 19, 23], outputs: 9, kernel: [3, 3], padding: [1, 1] },
    "1x1, many channels in ranges": { ...plain, x: [2, 300, 3, 3], outputs: 8, kernel: [1, 1] },
  };
  test.each(Object.entries(cases))("%s", async (_name, c) => {
    await compare(c, 0.7);
  });

  test("a weight without zeros, and a weight of zeros", async () => {
    const c: ConvCase = { ...plain, x: [1, 3, 6, 6], outputs: 10, kernel: [3, 3], padding: [1, 1] };
    await compare(c, 0);
    await compare(c, 1);
  });

  testHalf("f16 in and out: the sums are f32", async () => {
    await compare({ ...plain, x: [2, 5, 6, 6], outputs: 16, kernel: [3, 3], padding: [1, 1] }, 0.7, "f16");
  });
});

describe("the gradients of a sparse linear map equal float64", () => {
  test.each([
    [64, 50, 128],
    [1, 33, 10],
    [13, 7, 3],
    [70, 400, 16],
  ])("batch %i, %i inputs, %i outputs", async (batch, inputs, outputs) => {
    using _scope = new Scope();
    const c: ConvCase = { ...plain, x: [batch, inputs, 1, 1], outputs, kernel: [1, 1] };
    const x = randomArray(batch * inputs, 1);
    const dy = randomArray(batch * outputs, 3);
    for (const size of BLOCK_SIZES) {
      const w = pruneBlocks(randomArray(outputs * inputs, 2), [outputs, inputs], { size, zeros: 0.8 });
      const weight = new SparseWeight(packBlocks(w, [outputs, inputs], { size }));
      const s = pointShape(batch, inputs, outputs);
      const [dx, dw] = [empty([batch, inputs]), empty([outputs, inputs])];
      sparseGradInput(s, weight, { dy: tensor(dy, [batch, outputs]), dx });
      sparseGradWeight(s, weight, { x: tensor(x, [batch, inputs]), dy: tensor(dy, [batch, outputs]), dw });
      const [gotX, gotW] = await readAll(dx, dw);
      const want = convolveGradients(c, x, w, dy);
      expectClose(gotX!, want.x, tolerance, `dx, blocks of ${size}`);
      expectClose(gotW!, liveOnly(weight, want.w), tolerance, `dw, blocks of ${size}`);
      weight.dispose();
    }
  });
});
