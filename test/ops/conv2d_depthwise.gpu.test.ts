import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { type ConvAlgorithm, conv2d } from "../../src/ops/conv2d.ts";
import { readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { type ConvCase, convolve, convolveGradients, resultShape, weightShape } from "../reference/conv2d.ts";
import { expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

async function compare(c: ConvCase, algorithm: ConvAlgorithm = "auto"): Promise<void> {
  using _scope = new Scope();
  const { stride, padding, dilation, groups } = c;
  const leaves: Tensor[] = [
    tensor(randomArray(product(c.x), 1), c.x),
    tensor(randomArray(product(weightShape(c)), 2), weightShape(c)),
    tensor(randomArray(c.outputs, 3)),
  ];
  for (const leaf of leaves) leaf.requiresGrad = true;
  const [x, w, b] = leaves as [Tensor, Tensor, Tensor];
  const dy = randomArray(product(resultShape(c)), 4);
  let y: Tensor;
  {
    using tape = new Tape();
    y = tape.keep(conv2d(x, w, b, { stride, padding, dilation, groups, algorithm }));
    tape.backward(y, tensor(dy, y.shape));
  }
  const [xs, ws, bs, got, ...grads] = await readAll(x, w, b, y, ...leaves.map((leaf) => leaf.grad!));
  for (const leaf of leaves) leaf.grad!.dispose();
  const limit = { rtol: 1e-5, atol: 2e-6 };
  expectClose(got!, convolve(c, xs!, ws!, bs!), limit, `y ${JSON.stringify(c)}`);
  const want = convolveGradients(c, xs!, ws!, dy);
  [want.x, want.w, want.b].forEach((g, i) => {
    expectClose(grads[i]!, g, limit, `gradient ${"xwb"[i]} ${JSON.stringify(c)}`);
  });
}

const c3: ConvCase = {
  x: [2, 5, 9, 11],
  outputs: 5,
  kernel: [3, 3],
  stride: [1, 1],
  padding: [1, 1],
  dilation: [1, 1],
  groups: 5,
};

test("3x3, stride 1 and 2, with and without a multiplier", async () => {
  await compare(c3);
  await compare({ ...c3, stride: [2, 2] });
  await compare({ ...c3, outputs: 15 });
  await compare({ ...c3, outputs: 10, stride: [2, 2] });
});

test("dilation, and a row of taps too long for the depthwise kernels", async () => {
  await compare({ ...c3, dilation: [2, 2], padding: [2, 2] });
  await compare({ ...c3, x: [1, 2, 3, 50], outputs: 4, kernel: [2, 45], groups: 2 });
});

test("any height, stride, padding and multiplier of a 3-wide kernel", async () => {
  const small = (min: number, max: number) => fc.integer({ min, max });
  const any = fc.record({
    n: small(1, 3),
    c: small(2, 9),
    m: small(1, 3),
    h: small(5, 12),
    kh: small(1, 5),
    s: small(1, 3),
    p: small(0, 3),
  });
  await fc.assert(
    fc.asyncProperty(any, ({ n, c, m, h, kh, s, p }) =>
      compare({ ...c3, x: [n, c, h, 16], outputs: c * m, groups: c, kernel: [kh, 3], stride: [s, 1], padding: [p, 1] }),
    ),
    { numRuns: 15 },
  );
});

test("many images: the weight gradient in slices, the same bits each time", async () => {
  await compare({ ...c3, x: [40, 2, 20, 24], outputs: 2, groups: 2 });
  using _scope = new Scope();
  const x = tensor(randomArray(40 * 2 * 20 * 24, 1), [40, 2, 20, 24]);
  const w = tensor(randomArray(18, 2), [2, 1, 3, 3]);
  w.requiresGrad = true;
  const runs: ArrayLike<number>[] = [];
  for (let i = 0; i < 2; i++) {
    using tape = new Tape();
    const y = conv2d(x, w, null, { padding: 1, groups: 2 });
    tape.backward(y, x);
    runs.push(await w.grad!.data());
    w.gradArrived = false;
  }
  expect(runs[1]).toEqual(runs[0]);
  w.grad!.dispose();
});
