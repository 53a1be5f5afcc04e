import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { logSoftmax, softmax } from "../../src/ops/softmax.ts";
import { metaTensor, numel, Scope, type Shape, tensor } from "../../src/tensor/index.ts";
import { softmaxReference, sumOver } from "../reference/axes.ts";
import { anyShape } from "../support/arbitrary_shapes.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

// Short rows, many medium ones, few or long ones; along the last axis, the first and one in between.
const cases: { shape: Shape; axis: number }[] = [
  { shape: [5, 10], axis: 1 },
  { shape: [5, 10], axis: 0 },
  { shape: [2, 7, 3, 3], axis: 1 },
  { shape: [70, 80], axis: -1 },
  { shape: [80, 70], axis: 0 },
  { shape: [2, 2500], axis: 1 },
  { shape: [3, 100, 2], axis: 1 },
];

describe.each([
  { name: "softmax", op: softmax, log: false },
  { name: "logSoftmax", op: logSoftmax, log: true },
])("$name", ({ op, log }) => {
  test.each(cases)("values and gradients of $shape along $axis", async ({ shape, axis }) => {
    await gradcheck({
      inputs: { x: { data: randomArray(numel(shape), 1, 2), shape } },
      op: ({ x }) => op(x!, { axis }),
      reference: ({ x }) => softmaxReference(x!, shape, (axis + shape.length) % shape.length, log),
    });
  });

  test("does not change when a constant is added, however large", async () => {
    using _scope = new Scope();
    // Multiples of 1/8 stay exact at 2^18.
    const x = randomArray(60, 2, 3).map((v) => Math.round(v * 8) / 8);
    const near = await op(tensor(x, [6, 10]), {}).data();
    const far = await op(
      tensor(
        x.map((v) => v + 262_144),
        [6, 10],
      ),
      {},
    ).data();
    expect([...far]).toEqual([...near]);
  });
});

test("rows of softmax sum to one along any axis", async () => {
  const shapeAndAxis = anyShape(4).chain((shape) => fc.tuple(fc.constant(shape), fc.nat(shape.length - 1)));
  await fc.assert(
    fc.asyncProperty(shapeAndAxis, fc.integer({ min: -100, max: 100 }), async ([shape, axis], scale) => {
      using _scope = new Scope();
      const y = await softmax(tensor(randomArray(numel(shape), 3, scale), shape), { axis }).data();
      const sums = sumOver(y, shape, [axis]);
      expectClose(
        sums,
        sums.map(() => 1),
        { rtol: 0, atol: 1e-6 },
      );
    }),
    { numRuns: 15, seed: 4 },
  );
});

test("a class at minus infinity has probability 0, and extreme logits stay finite", async () => {
  using _scope = new Scope();
  expect([...(await softmax(tensor([0, Number.NEGATIVE_INFINITY, 0]), {}).data())]).toEqual([0.5, 0, 0.5]);
  expect([...(await softmax(tensor([3e38, -3e38]), {}).data())]).toEqual([1, 0]);
  const [first, second] = await logSoftmax(tensor([0, 200]), {}).data();
  expect(first).toBeCloseTo(-200, 4);
  expect(Math.abs(second!)).toBeLessThan(1e-30);
});

test("shapes and errors", () => {
  expect(softmax(metaTensor([2, 3]), {}).shape).toEqual([2, 3]);
  expect(() => softmax(metaTensor([2, 3]), { axis: 2 })).toThrow(
    "softmax: expected an axis of a tensor of rank 2, got 2",
  );
  expect(() => logSoftmax(metaTensor([]), {})).toThrow("logSoftmax: expected an axis of a tensor of rank 0, got -1");
  expect(() => softmax(metaTensor([2], "i32"), {})).toThrow("softmax: x: expected f32 or f16, got i32");
});
