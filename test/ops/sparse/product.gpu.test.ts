import { describe, test } from "vitest";
import { currentGpu } from "../../../src/gpu/index.ts";
import { convShape, outputShape } from "../../../src/ops/conv/shape.ts";
import { BLOCK_SIZES, packBlocks } from "../../../src/ops/sparse/blocks.ts";
import { sparseConv, sparseLinear } from "../../../src/ops/sparse/product.ts";
import { SparseWeight } from "../../../src/ops/sparse/sparse_weight.ts";
import { empty, metaTensor, readAll, Scope, tensor } from "../../../src/tensor/index.ts";
import { type ConvCase, convolve, weightShape } from "../../reference/conv2d.ts";
import { expectClose } from "../../support/close.ts";
import { pruneBlocks } from "../../support/prune_blocks.ts";
import { randomArray } from "../../support/random.ts";
import { plain, SPARSE_CASES } from "../../support/sparse_cases.ts";

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const tolerance = { rtol: 1e-5, atol: 2e-6 };

/** Compare a convolution by each size of blocks with float64. */
async function compare(c: ConvCase, zeros: number, bias = true): Promise<void> {
  using _scope = new Scope();
  const { stride, padding, dilation, groups } = c;
  const shape = weightShape(c);
  const x = randomArray(product(c.x), 1);
  const b = bias ? randomArray(c.outputs, 3) : new Float32Array(c.outputs);
  const s = convShape(metaTensor(c.x), metaTensor(shape), null, { stride, padding, dilation, groups });
  for (const size of BLOCK_SIZES) {
    const w = pruneBlocks(randomArray(product(shape), 2), shape, { size, groups, zeros });
    const weight = new SparseWeight(packBlocks(w, shape, { size, groups }));
    const y = empty(outputShape(s));
    sparseConv(s, { x: tensor(x, c.x), weight, b: bias ? tensor(b) : null, y });
    const [got] = await readAll(y);
    expectClose(got!, convolve(c, x, w, b), tolerance, `blocks of ${size}, ${JSON.stringify(c)}`);
    weight.dispose();
  }
}

describe("a sparse convolution equals float64", () => {
  test.each(Object.entries(SPARSE_CASES))("%s", async (_name, c) => {
    await compare(c, 0.7);
  });

  test("without bias, one image, and a weight without zeros", async () => {
    const c: ConvCase = { ...plain, x: [1, 3, 6, 6], outputs: 8, kernel: [3, 3], padding: [1, 1] };
    await compare(c, 0, false);
  });

  test("a weight of zeros gives the bias", async () => {
    await compare({ ...plain, x: [2, 3, 6, 6], outputs: 10, kernel: [3, 3], padding: [1, 1] }, 1);
  });
});

describe("a sparse linear map equals float64", () => {
  test.each([
    [64, 50, 128],
    [1, 33, 10],
    [13, 7, 3],
  ])("batch %i, %i inputs, %i outputs", async (batch, inputs, outputs) => {
    using _scope = new Scope();
    const x = randomArray(batch * inputs, 1);
    const b = randomArray(outputs, 3);
    for (const size of BLOCK_SIZES) {
      const w = pruneBlocks(randomArray(outputs * inputs, 2), [outputs, inputs], { size, zeros: 0.8 });
      const weight = new SparseWeight(packBlocks(w, [outputs, inputs], { size }));
      const y = empty([batch, outputs]);
      sparseLinear({ x: tensor(x, [batch, inputs]), weight, b: tensor(b), y });
      const want = Float64Array.from({ length: batch * outputs }, (_, at) => {
        const [n, o] = [Math.floor(at / outputs), at % outputs];
        let sum = b[o]!;
        for (let i = 0; i < inputs; i++) sum += x[n * inputs + i]! * w[o * inputs + i]!;
        return sum;
      });
      expectClose((await readAll(y))[0]!, want, tolerance, `blocks of ${size}`);
      weight.dispose();
    }
  });
});

test("f16 in and out: the sums are f32", async ({ skip }) => {
  if (!currentGpu().device.features.has("shader-f16")) skip();
  using _scope = new Scope();
  const w = pruneBlocks(randomArray(16 * 40, 2), [16, 40], { size: 8, zeros: 0.8 });
  const weight = new SparseWeight(packBlocks(w, [16, 40], { size: 8 }));
  const x = tensor(randomArray(20 * 40, 1), [20, 40], "f16");
  const y = empty([20, 16], "f16");
  sparseLinear({ x, weight, b: null, y });
  const [given, got] = await readAll(x, y);
  const want = Float64Array.from({ length: 20 * 16 }, (_, at) => {
    let sum = 0;
    for (let i = 0; i < 40; i++) sum += given![Math.floor(at / 16) * 40 + i]! * w[(at % 16) * 40 + i]!;
    return sum;
  });
  expectClose(got!, want, { rtol: 2 ** -10, atol: 1e-4 });
  weight.dispose();
});
