import fc from "fast-check";
import { expect, test } from "vitest";
import { Scope, scalar, tensor } from "../../src/tensor/index.ts";

test("nested arrays of any depth become a tensor of their shape", async () => {
  using _scope = new Scope();
  expect(
    tensor([
      [1, 2, 3],
      [4, 5, 6],
    ]).shape,
  ).toEqual([2, 3]);
  expect([
    ...(await tensor([
      [[1], [2]],
      [[3], [4]],
    ]).data()),
  ]).toEqual([1, 2, 3, 4]);
  expect(tensor(5).shape).toEqual([]);
  expect(
    tensor(
      [
        [1, 2],
        [3, 4],
      ],
      [4],
    ).shape,
  ).toEqual([4]);
  expect([...(await tensor([[Number.NaN, Number.POSITIVE_INFINITY]]).data())]).toEqual([
    Number.NaN,
    Number.POSITIVE_INFINITY,
  ]);
});

test("any numbers of any shape come back", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 5 }), async (shape) => {
      using _scope = new Scope();
      let next = 0;
      const make = (axes: readonly number[]): unknown =>
        axes.length === 0 ? next++ : Array.from({ length: axes[0]! }, () => make(axes.slice(1)));
      const t = tensor(make(shape) as number[]);
      expect(t.shape).toEqual(shape);
      expect([...(await t.data())]).toEqual(Array.from({ length: next }, (_, i) => i));
    }),
    { numRuns: 20, seed: 1 },
  );
});

test.each<[unknown, string]>([
  [[[1, 2], [3]], "expected 2 entries at [1], as in the first, got 1"],
  [[[1, 2], 3], "expected an array of 2 at [1], got number"],
  [[1, [2]], "expected a number at [1], got an array of 1"],
  [[[[1]], [[2, 3]]], "expected 1 entries at [1][0], as in the first, got 2"],
  [["1", "2"], 'expected a number at [0], got "1"'],
  [
    [
      [0, 1],
      [2, "x"],
    ],
    'expected a number at [1][1], got "x"',
  ],
  [[1, null], "expected a number at [1], got null"],
  [[1, undefined], "expected a number at [1], got undefined"],
  // biome-ignore lint/suspicious/noSparseArray: a hole is what is tested
  [[1, , 3], "expected a number at [1], got undefined"],
  [[true, false], "expected a number at [0], got true: write 1 or 0"],
  [[1n], "expected a number at [0], got 1n, a bigint"],
  [[{}], "expected a number at [0], got Object"],
  [[new Float32Array(2)], "expected a number at [0], got Float32Array"],
  [[1e39], "expected numbers of f32, up to 3.4e38, got 1e+39 at [0]"],
  ["12", "expected Float32Array, Int32Array or Uint32Array, got String"],
  [null, "expected Float32Array, Int32Array or Uint32Array, got null"],
  [new Float64Array(2), "expected Float32Array, Int32Array or Uint32Array, got Float64Array"],
])("what is no number is refused (%#)", (values, message) => {
  using _scope = new Scope();
  expect(() => tensor(values as number[])).toThrow(`tensor: ${message.startsWith("was") ? "" : message}`);
  expect(() => tensor(values as number[])).toThrow(message);
});

test("refuses a shape that is not an array of sizes", () => {
  expect(() => tensor(new Float32Array(4), { shape: [2, 2] } as never)).toThrow(
    "tensor: shape: expected an array of sizes, got object",
  );
  expect(() => tensor([1, 2], 2 as never)).toThrow("tensor: shape: expected an array of sizes, got 2");
  expect(() => tensor([1, 2], [2, 0])).toThrow("tensor: expected a shape of positive integers, got [2,0]");
  expect(() => tensor([])).toThrow("tensor: expected a shape of positive integers, got [0]");
  expect(() => tensor([[1, 2], []])).toThrow("expected 2 entries at [1], as in the first, got 0");
});

test("scalars and values that are set hold numbers of their dtype only", () => {
  expect(() => scalar("1" as never)).toThrow('expected a number at [0], got "1"');
  expect(() => scalar(1.5, "u32")).toThrow("expected integers of u32, got 1.5 at [0]");
  expect(() => scalar(-1, "u32")).toThrow("expected integers of u32, got -1 at [0]");
  expect(() => scalar(2 ** 31, "i32")).toThrow("expected integers of i32, got 2147483648 at [0]");
  using step = scalar(0, "u32");
  expect(() => step.set(Number.NaN)).toThrow("expected integers of u32, got NaN at [0]");
  using x = scalar(0);
  expect(() => x.set([undefined as never])).toThrow("expected a number at [0], got undefined");
});
