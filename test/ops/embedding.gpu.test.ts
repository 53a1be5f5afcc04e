import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { embedding } from "../../src/ops/embedding.ts";
import { matmul } from "../../src/ops/matmul.ts";
import { metaTensor, numel, Scope, type Shape, type Tensor, tensor } from "../../src/tensor/index.ts";
import { embeddingReference } from "../reference/gather.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray, randomInts } from "../support/random.ts";
import { expectReplay } from "../support/replay.ts";

test.each<[table: [number, number], index: Shape]>([
  [[7, 5], [12]],
  // Rows in fours.
  [
    [7, 8],
    [3, 4],
  ],
  [[1, 4], [6]],
  [
    [9, 1],
    [2, 2, 2],
  ],
  [[4, 3], []],
])("values and gradients: a table %j by %j", async (shape, indexShape) => {
  const index = randomInts(numel(indexShape), shape[0], 2);
  await gradcheck({
    inputs: { weight: { data: randomArray(numel(shape), 1), shape } },
    op: (t) => embedding(tensor(index, indexShape), t["weight"]!),
    reference: (t) => embeddingReference(index, t["weight"]!, shape[1]),
    forward: { rtol: 0, atol: 0 },
  });
});

/** Gradient of the table for an upstream gradient of dy. */
async function tableGradient(
  index: Int32Array,
  [rows, width]: readonly [number, number],
  dy: Float32Array,
  options: { paddingIdx?: number } = {},
) {
  using _scope = new Scope();
  const weight = tensor(new Float32Array(rows * width), [rows, width]);
  weight.requiresGrad = true;
  {
    using tape = new Tape();
    const y = embedding(tensor(index), weight, options);
    tape.backward(y, tensor(dy, y.shape));
  }
  const grad = await weight.grad!.data();
  weight.grad!.dispose();
  return grad;
}

test.each([3, 4])("the gradient is the product with the one-hot matrix, for rows of %d", async (width) => {
  using _scope = new Scope();
  const [rows, n] = [50, 700];
  const index = randomInts(n, rows, 3);
  const dy = randomArray(n * width, 4);
  const oneHot = new Float32Array(n * rows);
  index.forEach((row, i) => {
    oneHot[i * rows + row] = 1;
  });
  const product = await matmul(tensor(oneHot, [n, rows]), tensor(dy, [n, width]), { transposeA: true }).data();
  const grad = await tableGradient(index, [rows, width], dy);
  // Sums of 14 terms on average, in two orders.
  grad.forEach((v, i) => {
    expect(Math.abs(v - product[i]!)).toBeLessThan(1e-5);
  });
});

test("the gradient has the same bits in every run, and reads all of a frequent row", async () => {
  // Nine tenths of the positions are row 0.
  const index = randomInts(4000, 40, 5).map((row) => Math.max(0, row - 36));
  const dy = randomArray(4000 * 8, 6);
  const first = await tableGradient(index, [6, 8], dy);
  for (let run = 0; run < 3; run++) expect(await tableGradient(index, [6, 8], dy)).toEqual(first);
  const wanted = new Float64Array(48);
  dy.forEach((v, i) => {
    wanted[index[Math.floor(i / 8)]! * 8 + (i % 8)]! += v;
  });
  first.forEach((v, i) => {
    expect(Math.abs(v - wanted[i]!)).toBeLessThan(2e-4);
  });
  // Row 5 never occurs.
  expect([...first.slice(40)]).toEqual(new Array(8).fill(0));
});

test("many rows, of which few occur", async () => {
  const rows = 5000;
  const index = randomInts(300, rows, 9);
  const dy = randomArray(300 * 4, 10);
  const grad = await tableGradient(index, [rows, 4], dy);
  const wanted = new Float64Array(rows * 4);
  dy.forEach((v, i) => {
    wanted[index[Math.floor(i / 4)]! * 4 + (i % 4)]! += v;
  });
  expectClose(grad, wanted, { rtol: 1e-6, atol: 1e-6 });
});

test("paddingIdx gets no gradient, counted from either end", async () => {
  const index = Int32Array.of(0, 2, 1, 2);
  const dy = Float32Array.of(1, 2, 3, 4);
  expect([...(await tableGradient(index, [3, 1], dy))]).toEqual([1, 3, 6]);
  expect([...(await tableGradient(index, [3, 1], dy, { paddingIdx: 2 }))]).toEqual([1, 3, 0]);
  expect([...(await tableGradient(index, [3, 1], dy, { paddingIdx: -3 }))]).toEqual([0, 3, 6]);
});

test("an index out of range gives a row of NaN, and no gradient", async () => {
  using _scope = new Scope();
  const index = Int32Array.of(1, -1, 2);
  const y = await embedding(tensor(index), tensor([1, 2, 3, 4], [2, 2])).data();
  expect([...y]).toEqual([3, 4, Number.NaN, Number.NaN, Number.NaN, Number.NaN]);
  expect([...(await tableGradient(index, [2, 2], new Float32Array(6).fill(1)))]).toEqual([0, 0, 1, 1]);
});

test("more than 65,535 workgroups", async () => {
  using _scope = new Scope();
  const n = 2_100_000;
  const index = Int32Array.from({ length: n }, (_, i) => i % 11);
  const weight = tensor(
    Float32Array.from({ length: 11 * 9 }, (_, i) => i),
    [11, 9],
  );
  const y = await embedding(tensor(index), weight).data();
  let wrong = 0;
  for (let i = 0; i < y.length; i += 5) if (y[i] !== (Math.floor(i / 9) % 11) * 9 + (i % 9)) wrong++;
  expect(wrong).toBe(0);
  expect(y.at(-1)).toBe(((n - 1) % 11) * 9 + 8);
});

test("a replayed step equals an eager one, also with other indices", async () => {
  await expectReplay(
    { data: randomArray(48, 7), shape: [6, 8] },
    (w: Tensor, { index }) => embedding(index!, w, { paddingIdx: 1 }),
    [8, 9].map((seed) => ({ index: { data: randomInts(20, 6, seed), shape: [4, 5] } })),
  );
});

test("errors", () => {
  const weight = metaTensor([5, 3]);
  const index = metaTensor([2, 4], "i32");
  expect(embedding(index, weight).shape).toEqual([2, 4, 3]);
  expect(() => embedding(metaTensor([2]), weight)).toThrow(
    "embedding: index: expected i32 (make it from an Int32Array), got f32",
  );
  expect(() => embedding(index, metaTensor([5]))).toThrow("embedding: weight: expected 2 axes, got 1");
  expect(() => embedding(index, metaTensor([5, 3], "i32"))).toThrow("embedding: weight: expected f32, got i32");
  expect(() => embedding(index, undefined as never)).toThrow("embedding: weight: expected a tensor, got none");
  expect(() => embedding(index, weight, { paddingIdx: 5 })).toThrow(
    "embedding: paddingIdx: expected an integer from -5 to 4, got 5",
  );
  expect(() => embedding(index, weight, { paddingIdx: 0.5 })).toThrow("got 0.5");
});
