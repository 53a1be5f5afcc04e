import fc from "fast-check";
import { expect, test } from "vitest";
import { expand } from "../../src/ops/expand.ts";
import { metaTensor, numel, Scope, tensor } from "../../src/tensor/index.ts";
import { broadcastTo } from "../reference/axes.ts";
import { shapeAndSmaller } from "../support/arbitrary_shapes.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

test("values and gradients, with a scale", async () => {
  await gradcheck({
    inputs: { x: { data: randomArray(10, 1), shape: [2, 1, 5] } },
    op: ({ x }) => expand(x!, { shape: [3, 2, 7, 5], scale: 0.25 }),
    reference: ({ x }) => broadcastTo(x!, [2, 1, 5], [3, 2, 7, 5]).map((v) => v / 4),
  });
});

test("any shape repeats to any shape it broadcasts to, exactly", async () => {
  await fc.assert(
    fc.asyncProperty(shapeAndSmaller(6), async ([shape, smaller]) => {
      using _scope = new Scope();
      const x = randomArray(numel(smaller), 2);
      const y = expand(tensor(x, smaller), { shape });
      expect(y.shape).toEqual(shape);
      expect([...(await y.data())]).toEqual([...broadcastTo(x, smaller, shape)]);
    }),
    { numRuns: 30, seed: 1 },
  );
});

test("errors name both shapes", () => {
  expect(() => expand(metaTensor([2, 3]), { shape: [2, 4] })).toThrow(
    "expand: expected shapes that broadcast, got [2,3] and [2,4]",
  );
  expect(() => expand(metaTensor([2, 3]), { shape: [1, 3] })).toThrow("expand: expected x to broadcast to [1,3]");
});
