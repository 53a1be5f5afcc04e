import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { flatten, reshape } from "../../src/ops/reshape.ts";
import { square } from "../../src/ops/unary.ts";
import { metaTensor, Scope, tensor } from "../../src/tensor/index.ts";
import { anyShape } from "../support/arbitrary_shapes.ts";
import { randomArray } from "../support/random.ts";

test("a view shares memory, and gradients come back in the input's shape", async () => {
  using _scope = new Scope();
  const x = tensor(randomArray(24, 1), [2, 3, 4]);
  x.requiresGrad = true;
  const before = currentGpu().memory().live;
  {
    using tape = new Tape();
    const flat = flatten(x);
    expect(flat.shape).toEqual([2, 12]);
    expect(currentGpu().memory().live).toBe(before);
    tape.backward(square(reshape(flat, { shape: [-1] })), tensor(new Float32Array(24).fill(1)));
  }
  expect(x.grad!.shape).toEqual([2, 3, 4]);
  expect([...(await x.grad!.data())]).toEqual([...(await x.data())].map((v) => 2 * v));
  x.grad!.dispose();
});

test("one size may be left open: it is worked out, and the way back restores the shape", () => {
  fc.assert(
    fc.property(anyShape(), fc.nat(4), (shape, at) => {
      const x = metaTensor(shape);
      const open = shape.map((size, i) => (i === at % shape.length ? -1 : size));
      expect(reshape(reshape(x, { shape: [x.numel] }), { shape: open }).shape).toEqual(shape);
    }),
    { numRuns: 50, seed: 1 },
  );
});

test("shapes and errors", () => {
  const x = metaTensor([2, 3, 4]);
  expect(flatten(x).shape).toEqual([2, 12]);
  expect(flatten(x, { startAxis: 0 }).shape).toEqual([24]);
  expect(flatten(x, { startAxis: -2 }).shape).toEqual([2, 12]);
  expect(reshape(metaTensor([1]), { shape: [] }).shape).toEqual([]);
  expect(() => flatten(x, { startAxis: 3 })).toThrow("flatten: expected an axis of a tensor of rank 3, got 3");
  for (const shape of [
    [5, 5],
    [-1, -1, 4],
    [-1, 5],
    [0, -1],
    [-2, -12],
    [1.5, 16],
  ]) {
    expect(() => reshape(x, { shape })).toThrow(`reshape: expected a shape of 24 elements, got [${shape.join(",")}]`);
  }
});
