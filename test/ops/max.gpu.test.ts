import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { max } from "../../src/ops/max.ts";
import { metaTensor, numel, Scope, type Shape, tensor } from "../../src/tensor/index.ts";
import { groupsOver } from "../reference/axes.ts";
import { shapeAndAxes } from "../support/arbitrary_shapes.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

// Short rows, many medium ones, a long one: the three ways a workgroup is shared.
const cases: [Shape, number[] | null][] = [
  [[3, 4, 5], [1]],
  [
    [3, 4, 5],
    [-1, 0],
  ],
  [[70, 65], [1]],
  [[65, 70], [0]],
  [[3000], null],
  [
    [2, 3, 2, 3, 2, 3],
    [1, 3, 5],
  ],
];

test.each(cases)("values and gradients of %j over %j", async (shape, axes) => {
  const plain = axes?.map((a) => (a + shape.length) % shape.length) ?? [0];
  await gradcheck({
    inputs: { x: { data: randomArray(numel(shape), 1, 5), shape } },
    op: ({ x }) => max(x!, { axes }),
    reference: ({ x }) => groupsOver(x!, shape, plain).map((g) => Math.max(...g)),
    h: 1e-6,
    samples: 500,
  });
});

test("any axes of any shape, exactly", async () => {
  await fc.assert(
    fc.asyncProperty(shapeAndAxes(6), async ([shape, axes]) => {
      using _scope = new Scope();
      const x = randomArray(numel(shape), 2);
      const y = max(tensor(x, shape), { axes, keepdims: true });
      expect(y.shape).toEqual(shape.map((size, i) => (axes.includes(i) ? 1 : size)));
      expect([...(await y.data())]).toEqual(groupsOver(x, shape, axes).map((g) => Math.max(...g)));
    }),
    { numRuns: 15, seed: 3 },
  );
});

test.each([5, 300])("of equal values among %d, the first takes the whole gradient", async (n) => {
  using _scope = new Scope();
  const x = tensor(
    new Float32Array(2 * n).map((_, i) => (i % n === 0 ? -1 : 4)),
    [2, n],
  );
  x.requiresGrad = true;
  {
    using tape = new Tape();
    tape.backward(max(x, { axes: [1] }), tensor([1, 2]));
  }
  const grad = [...(await x.grad!.data())];
  expect(grad.map((g, i) => [i, g]).filter(([, g]) => g !== 0)).toEqual([
    [1, 1],
    [n + 1, 2],
  ]);
  x.grad!.dispose();
});

test("negative values only, and shapes and errors", async () => {
  using _scope = new Scope();
  expect(await max(tensor([-3, -1, -2]), {}).item()).toBe(-1);
  expect(max(metaTensor([2, 3, 4]), { axes: [0, 2] }).shape).toEqual([3]);
  expect(() => max(metaTensor([2, 3]), { axes: [5] })).toThrow("max: expected an axis of a tensor of rank 2, got 5");
  expect(() => max(metaTensor([2], "i32"), {})).toThrow("max: x: expected f32 or f16, got i32");
});
