import fc from "fast-check";
import { expect, test } from "vitest";
import { mul } from "../../src/ops/binary.ts";
import { permuteAxes, transposeTiles } from "../../src/ops/indexing/permute_axes.ts";
import { permute, transpose } from "../../src/ops/permute.ts";
import { empty, metaTensor, numel, Scope, type Shape, tensor } from "../../src/tensor/index.ts";
import { permuteReference } from "../reference/axes.ts";
import { anyShape } from "../support/arbitrary_shapes.ts";
import { differingWords } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";
import { expectReplay } from "../support/replay.ts";

const ORDERS: readonly [shape: Shape, dims: readonly number[]][] = [
  [[5], [0]],
  [
    [3, 4],
    [1, 0],
  ],
  [
    [2, 3, 4],
    [2, 0, 1],
  ],
  [
    [2, 3, 5, 7],
    [0, 2, 3, 1],
  ],
  // Tiles, whole and cut, with and without a batch.
  [
    [32, 48],
    [1, 0],
  ],
  [
    [17, 33],
    [1, 0],
  ],
  [
    [3, 19, 40],
    [0, 2, 1],
  ],
  [
    [2, 16, 5, 7],
    [0, 2, 3, 1],
  ],
  // Axes of size 1, and an order that moves nothing.
  [
    [1, 6, 1, 4],
    [2, 1, 0, 3],
  ],
  [
    [4, 1, 18, 20],
    [1, 0, 3, 2],
  ],
];

test.each(ORDERS)("permute: values and gradients of %j in the order %j", async (shape, dims) => {
  await gradcheck({
    inputs: { x: { data: randomArray(numel(shape), 1), shape } },
    op: ({ x }) => permute(x!, dims),
    reference: ({ x }) => permuteReference(x!, shape, dims),
    forward: { rtol: 0, atol: 0 },
  });
});

test.each(ORDERS)("with and without tiles, the same bits: %j in the order %j", async (shape, dims) => {
  using _scope = new Scope();
  const x = randomArray(numel(shape), 8);
  for (const tiles of [true, false]) {
    const y = empty(dims.map((axis) => shape[axis]!));
    permuteAxes("permute", tensor(x, shape), y, dims, tiles);
    expect([...(await y.data())]).toEqual([...permuteReference(x, shape, dims)]);
  }
});

test("transpose: values and gradients, with negative axes", async () => {
  for (const [dim0, dim1, dims] of [
    [0, 1, [1, 0, 2]],
    [-1, 1, [0, 2, 1]],
    [-3, -1, [2, 1, 0]],
    [1, 1, [0, 1, 2]],
  ] as const) {
    await gradcheck({
      inputs: { x: { data: randomArray(60, 2), shape: [3, 4, 5] } },
      op: ({ x }) => transpose(x!, dim0, dim1),
      reference: ({ x }) => permuteReference(x!, [3, 4, 5], dims),
      forward: { rtol: 0, atol: 0 },
    });
  }
});

const order = anyShape(8).chain((shape) =>
  fc
    .shuffledSubarray(
      shape.map((_, axis) => axis),
      { minLength: shape.length },
    )
    .map((dims) => ({ shape: shape.map((size) => Math.min(size, 4)), dims })),
);

test("an order and its inverse return x, bit for bit, for up to eight axes", async () => {
  await fc.assert(
    fc.asyncProperty(order, async ({ shape, dims }) => {
      using _scope = new Scope();
      const x = randomArray(numel(shape), 3);
      const y = permute(tensor(x, shape), dims);
      expect(y.shape).toEqual(dims.map((axis) => shape[axis]));
      expect([...(await y.data())]).toEqual([...permuteReference(x, shape, dims)]);
      const inverse = dims.map((_, axis) => dims.indexOf(axis));
      expect(await permute(y, inverse).data()).toEqual(x);
    }),
    { numRuns: 30, seed: 2, examples: [[{ shape: [2, 2, 2, 2, 2, 2, 2, 2], dims: [7, 6, 5, 4, 3, 2, 1, 0] }]] },
  );
});

test("two transpositions of one pair return x", async () => {
  using _scope = new Scope();
  const x = randomArray(70 * 90, 4);
  expect(await transpose(transpose(tensor(x, [70, 90]), 0, 1), -1, -2).data()).toEqual(x);
});

test("integers and NaN pass bit for bit", async () => {
  using _scope = new Scope();
  const bits = Uint32Array.of(0x7fc00001, 0xffffffff, 0x80000000, 1, 2, 3);
  expect([...(await transpose(tensor(bits, [2, 3]), 0, 1).data())]).toEqual([
    0x7fc00001, 1, 0xffffffff, 2, 0x80000000, 3,
  ]);
  expect(permute(metaTensor([2, 3], "i32"), [1, 0]).dtype).toBe("i32");
});

test("more than 65,535 workgroups", async () => {
  using _scope = new Scope();
  const rows = 2_100_050;
  const x = Uint32Array.from({ length: rows * 8 }, (_, i) => i);
  const y = await permute(tensor(x, [rows, 2, 4]), [1, 0, 2]).data();
  let wrong = 0;
  for (let i = 0; i < y.length; i += 3) {
    const [half, row] = [Math.floor(i / (4 * rows)), Math.floor(i / 4) % rows];
    if (y[i] !== row * 8 + half * 4 + (i % 4)) wrong++;
  }
  expect(wrong).toBe(0);
  expect(y.at(-1)).toBe(x.length - 1);
});

// Software adapters copy through strides.
test.each<readonly [batch: number, rows: number, columns: number]>([
  [1, 32, 48],
  [1, 17, 33],
  [3, 19, 40],
  [2, 1, 70],
  [5, 16, 16],
  // Folds the grid.
  [65_600, 1, 2],
])("tiles agree with the reference: %j", async (batch, rows, columns) => {
  using _scope = new Scope();
  const shape = [batch, rows, columns];
  const x = Uint32Array.from({ length: numel(shape) }, (_, i) => i);
  const y = empty([batch, columns, rows], "u32");
  transposeTiles(tensor(x, shape), y, [batch, rows, columns]);
  const wanted = Uint32Array.from(permuteReference(x, shape, [0, 2, 1]));
  expect(differingWords(await y.data(), wanted)).toBe(0);
});

test("a replayed step equals an eager one", async () => {
  const shape = [20, 24];
  await expectReplay(
    { data: randomArray(480, 5), shape: [24, 20] },
    (w, { x }) => permute(mul(transpose(x!, 0, 1), w), [1, 0]),
    [6, 7].map((seed) => ({ x: { data: randomArray(480, seed), shape } })),
  );
});

test("errors", () => {
  expect(() => permute(metaTensor([2, 3, 4]), [0, 0, 1])).toThrow(
    "permute: dims: expected each axis of [2,3,4] once, got [0,0,1]",
  );
  expect(() => permute(metaTensor([2, 3]), [1])).toThrow("dims: expected each axis of [2,3] once, got [1]");
  expect(() => permute(metaTensor([2, 3]), [2, 0])).toThrow("got [2,0]");
  expect(() => permute(metaTensor([2, 3]), [0.5, 1])).toThrow("got [0.5,1]");
  expect(() => permute(metaTensor([2, 3]), 1 as never)).toThrow("got 1");
  expect(permute(metaTensor([2, 3]), [-1, -2]).shape).toEqual([3, 2]);
  expect(() => transpose(metaTensor([2, 3]), 0, 2)).toThrow("transpose: expected an axis of a tensor of rank 2, got 2");
  expect(() => transpose(metaTensor([2, 3]), 0, undefined as never)).toThrow("transpose: expected an axis");
});
