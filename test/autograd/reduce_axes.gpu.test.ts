import fc from "fast-check";
import { expect, test } from "vitest";
import { splitAxes, sumAxesInto, sumTo } from "../../src/autograd/index.ts";
import { cutSum } from "../../src/autograd/reduce_axes.ts";
import { empty, numel, Scope, type Shape, tensor } from "../../src/tensor/index.ts";
import { broadcastTo, sumOver } from "../reference/axes.ts";
import { shapeAndAxes, shapeAndSmaller } from "../support/arbitrary_shapes.ts";
import { expectClose } from "../support/close.ts";
import { HALF_ROUNDING, roundedToHalf, testHalf } from "../support/half.ts";
import { randomArray } from "../support/random.ts";

async function sumOnGpu(x: Float32Array, shape: Shape, axes: readonly number[], scale = 1, software?: boolean) {
  using _scope = new Scope();
  const y = empty(shape.filter((_, i) => !axes.includes(i)));
  sumAxesInto("test", y, tensor(x, shape), axes, scale, software);
  return y.data();
}

// Sums of n terms of size 1 in f32, by blocks and trees: far below n units in the last place.
const tolerance = { rtol: 1e-5, atol: 2e-6 };

test("any axes of any shape agree with plain loops", async () => {
  await fc.assert(
    fc.asyncProperty(shapeAndAxes(), async ([shape, axes]) => {
      const x = randomArray(numel(shape), 1);
      for (const software of [true, false]) {
        const got = await sumOnGpu(x, shape, axes, 1, software);
        expectClose(got, sumOver(x, shape, axes), tolerance, `[${shape}] over [${axes}]`);
      }
    }),
    { numRuns: 40, seed: 1 },
  );
});

// [shape, axes]: one slice and many, an odd last slice, prime lengths, summed runs inside, outside and on both sides of
// the kept ones.
const long: [Shape, number[]][] = [
  [[2047], [0]],
  [[2049], [0]],
  [[100_003], [0]],
  [[600_000], [0]],
  [[70_001, 3], [0]],
  [[3, 70_001], [1]],
  [
    [5000, 3, 7],
    [0, 2],
  ],
  [
    [2, 3, 40_000],
    [0, 2],
  ],
  [
    [40, 2, 30, 2, 31],
    [0, 2, 4],
  ],
  [
    [3, 40, 2, 50, 2, 21],
    [1, 3, 5],
  ],
  [[300, 2100], [1]],
  [[2100, 300], [0]],
  [[63, 5], [0]],
  [[64, 5], [0]],
];

test.each(long)("the sum of %j over %j is exact to rounding", async (shape, axes) => {
  const x = randomArray(numel(shape), 2).map((v) => v + 1);
  const want = sumOver(x, shape, axes).map((v) => v / 2);
  for (const software of [true, false])
    expectClose(
      await sumOnGpu(x, shape, axes, 0.5, software),
      want,
      tolerance,
      software ? "cut for a CPU" : "for a GPU",
    );
});

for (const [shape, axes] of [...long, [[6, 35], [1]], [[6, 35], [0]], [[3, 4, 8], [2]], [[5], []]] as typeof long) {
  testHalf(`the sum of [${shape}] over [${axes}] in f16, to f32 and to f16`, async () => {
    using _scope = new Scope();
    const values = roundedToHalf(randomArray(numel(shape), 2).map((v) => v + 0.1));
    const scale = 2 ** -5;
    const want = sumOver(values, shape, axes).map((v) => v * scale);
    for (const software of [true, false]) {
      const left = shape.filter((_, i) => !axes.includes(i));
      const [wide, half] = [empty(left), empty(left, "f16")];
      const x = tensor(values, shape, "f16");
      sumAxesInto("test", wide, x, axes, scale, software);
      sumAxesInto("test", half, x, axes, scale, software);
      expectClose(await wide.data(), want, { rtol: 2e-6, atol: 1e-6 });
      expectClose(await half.data(), want, { rtol: HALF_ROUNDING, atol: 1e-6 });
    }
  });
}

test("few results keep a card busy in two passes; a CPU has few workgroups", () => {
  const groups = (terms: number, results: number, software: boolean) => {
    const { slices, LANES } = cutSum(terms, results, software);
    return (slices * results * LANES) / 64;
  };
  for (const results of [1, 16, 64, 1000]) expect(groups(2 ** 24 / results, results, false)).toBeGreaterThan(2000);
  expect(groups(2 ** 18, 1, false)).toBe(1024);
  expect(groups(2 ** 18, 1, true)).toBe(8);
  // One pass: results enough, or too short for a second one.
  expect(cutSum(64, 2 ** 20, false)).toEqual({ slices: 1, slice_terms: 64, LANES: 1 });
  expect(cutSum(256, 16, false)).toEqual({ slices: 1, slice_terms: 256, LANES: 64 });
});

test("a sum of two million equal terms loses nothing to the running total's size", async () => {
  const n = 2_000_000;
  const [sum] = await sumOnGpu(new Float32Array(n).fill(0.1), [n], [0]);
  const want = n * Math.fround(0.1);
  expect(Math.abs(sum! - want) / want).toBeLessThan(5e-7);
});

test("equal inputs give equal bits", async () => {
  const x = randomArray(200_000, 3);
  expect(await sumOnGpu(x, [200_000], [0])).toEqual(await sumOnGpu(x, [200_000], [0]));
});

test("sumTo is the adjoint of broadcasting: <broadcast(x), y> = <x, sumTo(y)>", async () => {
  await fc.assert(
    fc.asyncProperty(shapeAndSmaller(), async ([shape, smaller]) => {
      using _scope = new Scope();
      const x = randomArray(numel(smaller), 4);
      const y = randomArray(numel(shape), 5);
      const summed = sumTo("test", tensor(y, shape), smaller);
      expect(summed.shape).toEqual(smaller);
      const values = await summed.data();
      const left = broadcastTo(x, smaller, shape).reduce((sum, v, i) => sum + v * y[i]!, 0);
      const right = x.reduce((sum, v, i) => sum + v * values[i]!, 0);
      expect(Math.abs(left - right)).toBeLessThan(1e-5 * (1 + numel(shape)));
    }),
    { numRuns: 30, seed: 2 },
  );
});

test("neighbouring axes merge, sizes of one vanish, and seven alternating axes are refused", () => {
  const { kept, summed } = splitAxes("test", [2, 1, 3, 4, 5], (axis) => axis < 3);
  expect(summed.size).toEqual([1, 1, 6, 1]);
  expect(summed.stride[2]).toBe(20);
  expect(kept.size).toEqual([1, 1, 20, 1]);
  expect(() => splitAxes("sum", [2, 2, 2, 2, 2, 2, 2], (axis) => axis % 2 === 0)).toThrow(
    "expected at most three separate groups",
  );
});
