import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { mul } from "../../src/ops/binary.ts";
import { gather } from "../../src/ops/gather.ts";
import { metaTensor, numel, Scope, type Shape, type TypedArray, tensor } from "../../src/tensor/index.ts";
import { gatherReference } from "../reference/gather.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray, randomInts } from "../support/random.ts";
import { expectReplay } from "../support/replay.ts";

/** Values, dx and their bits of one gather. */
async function gradients(x: Float32Array, shape: Shape, dim: number, index: Int32Array, indexShape: Shape) {
  using _scope = new Scope();
  const leaf = tensor(x, shape);
  leaf.requiresGrad = true;
  let y: TypedArray;
  {
    using tape = new Tape();
    const out = tape.keep(gather(leaf, dim, tensor(index, indexShape)));
    tape.backward(out, tensor(randomArray(out.numel, 5), indexShape));
    y = await out.data();
  }
  const dx = await leaf.grad!.data();
  leaf.grad!.dispose();
  return { y, dx };
}

test.each<[shape: Shape, dim: number, index: Shape]>([
  [[7], 0, [12]],
  [[5, 4], 1, [5, 1]],
  [[5, 4], 0, [9, 4]],
  [[3, 4, 5], 1, [3, 6, 5]],
  [[3, 4, 5], -1, [3, 4, 40]],
  // The index is shorter on other axes.
  [[3, 4, 5], 1, [2, 6, 3]],
  [[6, 4], 0, [2, 1]],
  [[1, 1], 0, [1, 1]],
])("values and gradients: %j along %d by %j", async (shape, dim, indexShape) => {
  const axis = (dim + shape.length) % shape.length;
  const index = randomInts(numel(indexShape), shape[axis]!, 3);
  await gradcheck({
    inputs: { x: { data: randomArray(numel(shape), 1), shape } },
    op: ({ x }) => gather(x!, dim, tensor(index, indexShape)),
    reference: ({ x }) => gatherReference(x!, shape, axis, index, indexShape),
    forward: { rtol: 0, atol: 0 },
  });
});

test("one index for all: 3000 terms are added in order, with the same bits in every run", async () => {
  const index = new Int32Array(3000).fill(1);
  const x = randomArray(3, 2);
  const first = await gradients(x, [3], 0, index, [3000]);
  const dy = randomArray(3000, 5);
  const total = dy.reduce((a, b) => a + b, 0);
  // f32 sum of 3000 unit-variance terms: error about sqrt(3000) · 6e-8 · a partial sum of 50.
  expect(Math.abs(first.dx[1]! - total)).toBeLessThan(2e-4);
  expect([first.dx[0], first.dx[2]]).toEqual([0, 0]);
  for (let run = 0; run < 3; run++) expect((await gradients(x, [3], 0, index, [3000])).dx).toEqual(first.dx);
});

test("a permutation of an axis and its inverse return x, and the gradient is a permutation too", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 5 }), async (n, columns) => {
      using _scope = new Scope();
      const shape = [n, columns];
      const order = Array.from({ length: n }, (_, i) => i).sort((a, b) => ((a * 7919) % n) - ((b * 7919) % n) || a - b);
      const across = (list: number[]) =>
        tensor(
          Int32Array.from({ length: n * columns }, (_, i) => list[Math.floor(i / columns)]!),
          shape,
        );
      const x = randomArray(n * columns, 4);
      const inverse = order.map((_, i) => order.indexOf(i));
      const back = gather(gather(tensor(x, shape), 0, across(order)), 0, across(inverse));
      expect(await back.data()).toEqual(x);
      const index = Int32Array.from({ length: n * columns }, (_, i) => order[Math.floor(i / columns)]!);
      const { dx } = await gradients(x, shape, 0, index, shape);
      expect([...dx].sort()).toEqual([...randomArray(n * columns, 5)].sort());
    }),
    { numRuns: 10, seed: 1 },
  );
});

test("an index out of range gives NaN, and no gradient", async () => {
  const { y, dx } = await gradients(Float32Array.of(1, 2, 3), [3], 0, Int32Array.of(0, -1, 3, 2, 2 ** 31 - 1), [5]);
  expect([...y]).toEqual([1, Number.NaN, Number.NaN, 3, Number.NaN]);
  const dy = randomArray(5, 5);
  expect([...dx]).toEqual([dy[0], 0, dy[3]]);
});

test("more than 65,535 workgroups, forward and backward", async () => {
  const n = 17_000_000;
  const index = Int32Array.from({ length: n }, (_, i) => i % 3);
  const x = randomArray(12, 6);
  const repeated = Float32Array.from({ length: n }, (_, i) => x[i % 12]!);
  const { y, dx } = await gradients(repeated, [n / 4, 4], 1, index, [n / 4, 4]);
  let wrong = 0;
  for (let i = 0; i < n; i += 7) {
    const row = i - (i % 4);
    if (y[i] !== repeated[row + (i % 3)]) wrong++;
    // No index is 3.
    if (dx[row + 3] !== 0) wrong++;
  }
  expect(wrong).toBe(0);
});

test("a replayed step equals an eager one, also with other indices", async () => {
  await expectReplay(
    { data: randomArray(20, 7), shape: [5, 4] },
    (w, { index, x }) => gather(mul(w, x!), 0, index!),
    [8, 9].map((seed) => ({
      index: { data: randomInts(36, 5, seed), shape: [9, 4] },
      x: { data: randomArray(4, seed), shape: [4] },
    })),
  );
});

test("errors", () => {
  const x = metaTensor([3, 4]);
  const index = (shape: Shape) => metaTensor(shape, "i32");
  expect(gather(x, 1, index([2, 9])).shape).toEqual([2, 9]);
  expect(() => gather(x, 1, metaTensor([3, 1]))).toThrow(
    "gather: index: expected i32 (make it from an Int32Array), got f32",
  );
  expect(() => gather(x, 1, undefined as never)).toThrow("gather: index: expected i32");
  expect(() => gather(x, 1, index([3]))).toThrow("gather: index: expected 2 axes, got 1");
  expect(() => gather(x, 2, index([3, 1]))).toThrow("gather: expected an axis of a tensor of rank 2, got 2");
  expect(() => gather(x, 1, index([4, 1]))).toThrow("gather: index: expected at most 3 entries of axis 0, got 4");
  expect(() => gather(metaTensor([3, 4], "u32"), 1, index([3, 1]))).toThrow("gather: x: expected f32 or f16, got u32");
});
