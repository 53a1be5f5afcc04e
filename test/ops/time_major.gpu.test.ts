import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { timeMajor } from "../../src/ops/time_major.ts";
import { metaTensor, numel, Scope, tensor } from "../../src/tensor/index.ts";
import { swapFirstTwo } from "../reference/time_major.ts";
import { anyShape } from "../support/arbitrary_shapes.ts";
import { randomArray } from "../support/random.ts";

// Rows of whole vec4s and not, longer and shorter than the 64 items of a round, none at all, and one step or one recording.
test.each([
  [[3, 4, 2, 5, 5]],
  [[2, 5, 2, 4, 4]],
  [[5, 3, 700]],
  [[2, 3, 1028]],
  [[37, 29]],
  [[1, 6, 8]],
  [[6, 1, 8]],
  [[67, 5, 3]],
])("values and gradients of %j, bit for bit", async (shape) => {
  using _scope = new Scope();
  const [a = 0, b = 0, ...rest] = shape;
  const x = tensor(randomArray(numel(shape), 1), shape);
  x.requiresGrad = true;
  const up = randomArray(x.numel, 2);
  {
    using tape = new Tape();
    const y = tape.keep(timeMajor(x));
    expect(y.shape).toEqual([b, a, ...rest]);
    expect(await y.data()).toEqual(Float32Array.from(swapFirstTwo(await x.data(), a, b)));
    tape.backward(y, tensor(up, y.shape));
  }
  expect(x.grad!.shape).toEqual(shape);
  expect(await x.grad!.data()).toEqual(Float32Array.from(swapFirstTwo(up, b, a)));
  x.grad!.dispose();
});

test("channels that hold steps: as split by hand, and the gradient comes back in x's shape", async () => {
  using _scope = new Scope();
  const data = randomArray(2 * 6 * 9, 3);
  const x = tensor(data, [2, 6, 3, 3]);
  x.requiresGrad = true;
  {
    using tape = new Tape();
    const y = tape.keep(timeMajor(x, { timeSteps: 3 }));
    expect(y.shape).toEqual([3, 2, 2, 3, 3]);
    expect(await y.data()).toEqual(await timeMajor(tensor(data, [2, 3, 2, 3, 3])).data());
    tape.backward(y, y);
  }
  expect(x.grad!.shape).toEqual([2, 6, 3, 3]);
  expect(await x.grad!.data()).toEqual(data);
  x.grad!.dispose();
});

test("twice is the identity, for any shape", async () => {
  await fc.assert(
    fc.asyncProperty(anyShape(4), fc.integer({ min: 1, max: 40 }), async (rest, first) => {
      using _scope = new Scope();
      const shape = [first, ...rest];
      const data = randomArray(numel(shape), 4);
      const y = timeMajor(tensor(data, shape));
      expect(await y.data()).toEqual(Float32Array.from(swapFirstTwo(data, first, rest[0]!)));
      expect(await timeMajor(y).data()).toEqual(data);
    }),
    { numRuns: 30, seed: 1 },
  );
});

test("shapes and errors", () => {
  expect(timeMajor(metaTensor([4, 8, 2])).shape).toEqual([8, 4, 2]);
  expect(timeMajor(metaTensor([4, 8]), { timeSteps: 8 }).shape).toEqual([8, 4, 1]);
  expect(() => timeMajor(metaTensor([4]))).toThrow("timeMajor: x: expected [N, T, ...]");
  for (const timeSteps of [3, 0, -2, 1.5]) {
    expect(() => timeMajor(metaTensor([4, 8]), { timeSteps })).toThrow(
      `timeSteps: expected a divisor of x's second axis, got ${timeSteps}`,
    );
  }
  expect(() => timeMajor(metaTensor([2, 3], "i32"))).toThrow("timeMajor: x: expected f32 or f16, got i32");
});
