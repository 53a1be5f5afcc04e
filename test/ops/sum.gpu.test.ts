import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { mean, sum } from "../../src/ops/sum.ts";
import { metaTensor, numel, Scope, type Shape, tensor } from "../../src/tensor/index.ts";
import { groupsOver } from "../reference/axes.ts";
import { shapeAndAxes } from "../support/arbitrary_shapes.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { HALF_ROUNDING, roundedToHalf, testHalf } from "../support/half.ts";
import { randomArray } from "../support/random.ts";

const total = (group: number[]) => group.reduce((a, b) => a + b, 0);

const cases: { shape: Shape; axes: number[] | null; same: number[] }[] = [
  { shape: [3, 4, 5], axes: [1], same: [1] },
  { shape: [3, 4, 5], axes: [-1, 0], same: [0, 2] },
  { shape: [2, 3, 8, 9], axes: [2, 3], same: [2, 3] },
  { shape: [2, 3, 8, 9], axes: [0, 2, 3], same: [0, 2, 3] },
  { shape: [130, 6], axes: [0], same: [0] },
  { shape: [7, 11], axes: null, same: [0, 1] },
  { shape: [7], axes: [], same: [] },
];

describe.each([
  { op: sum, name: "sum", f: total },
  { op: mean, name: "mean", f: (g: number[]) => total(g) / g.length },
])("$name", ({ op, f }) => {
  test.each(cases)("of $shape over $axes", async ({ shape, axes, same }) => {
    for (const keepdims of [false, true]) {
      await gradcheck({
        inputs: { x: { data: randomArray(numel(shape), 1), shape } },
        op: ({ x }) => op(x!, { axes, keepdims }),
        reference: ({ x }) => groupsOver(x!, shape, same).map(f),
      });
    }
  });

  test("any axes of any shape", async () => {
    await fc.assert(
      fc.asyncProperty(shapeAndAxes(6), async ([shape, axes]) => {
        using _scope = new Scope();
        const x = randomArray(numel(shape), 2);
        const y = op(tensor(x, shape), { axes, keepdims: true });
        expect(y.shape).toEqual(shape.map((size, i) => (axes.includes(i) ? 1 : size)));
        expectClose(await y.data(), groupsOver(x, shape, axes).map(f), { rtol: 1e-5, atol: 2e-6 });
      }),
      { numRuns: 15, seed: 2 },
    );
  });
});

test("the mean of a million values far from zero keeps its digits", async () => {
  using _scope = new Scope();
  const x = randomArray(1_000_003, 3).map((v) => v + 1000);
  const got = await mean(tensor(x), {}).item();
  const want = total([...x]) / x.length;
  expect(Math.abs(got - want) / want).toBeLessThan(3e-7);
});

testHalf("f16 gives f16, by sums in f32, forward and backward", async () => {
  for (const [op, f] of [
    [sum, (g: number[]) => total(g)],
    [mean, (g: number[]) => total(g) / g.length],
  ] as const) {
    for (const { shape, axes, same } of cases) {
      using _scope = new Scope();
      const x = tensor(randomArray(numel(shape), 1), shape, "f16");
      x.requiresGrad = true;
      const values = roundedToHalf(randomArray(numel(shape), 1));
      using tape = new Tape();
      const y = tape.keep(op(x, { axes }));
      expect(y.dtype).toBe("f16");
      expectClose(await y.data(), groupsOver(values, shape, same).map(f), { rtol: HALF_ROUNDING, atol: 0 });
      tape.backward(y, tensor(new Float32Array(y.numel).fill(0.5), y.shape, "f16"));
      const want = op === mean ? (0.5 * y.numel) / x.numel : 0.5;
      expectClose(await x.grad!.data(), new Float32Array(x.numel).fill(want), { rtol: HALF_ROUNDING, atol: 0 });
      x.grad!.dispose();
    }
  }
});

testHalf("more than f16 holds is summed before it overflows", async () => {
  using _scope = new Scope();
  const x = tensor(new Float32Array(4096).fill(60000), [4096], "f16");
  expect(await mean(x).item()).toBeCloseTo(60000, -2);
  expect(await sum(x).item()).toBe(Number.POSITIVE_INFINITY);
});

test("shapes and errors", () => {
  expect(sum(metaTensor([2, 3, 4]), { axes: [1] }).shape).toEqual([2, 4]);
  expect(sum(metaTensor([2, 3, 4]), { axes: [1], keepdims: true }).shape).toEqual([2, 1, 4]);
  expect(mean(metaTensor([2, 3, 4]), {}).shape).toEqual([]);
  expect(mean(metaTensor([]), {}).shape).toEqual([]);
  expect(() => sum(metaTensor([2, 3]), { axes: [2] })).toThrow("sum: expected an axis of a tensor of rank 2, got 2");
  expect(() => mean(metaTensor([2, 3]), { axes: [0, -2] })).toThrow("expected distinct axes, got [0,-2]");
  expect(() => sum(metaTensor([2], "u32"), {})).toThrow("sum: x: expected f32 or f16, got u32");
});
