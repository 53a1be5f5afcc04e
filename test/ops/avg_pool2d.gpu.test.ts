import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { OpError } from "../../src/gpu/index.ts";
import { type AvgPoolOptions, avgPool2d } from "../../src/ops/avg_pool2d.ts";
import { metaTensor, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { avgPool, avgPoolGradient, type PoolCase, pooledShape } from "../reference/pool.ts";
import { anyPool, windowOf } from "../support/arbitrary_pools.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray, randomInts } from "../support/random.ts";

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const tolerance = { rtol: 2e-6, atol: 1e-6 };

async function run(values: ArrayLike<number>, shape: readonly number[], options: AvgPoolOptions, dy?: Float32Array) {
  using _scope = new Scope();
  const x = tensor(Float32Array.from(values), shape);
  x.requiresGrad = true;
  let y: Tensor;
  {
    using tape = new Tape();
    y = tape.keep(avgPool2d(x, options));
    tape.backward(y, tensor(dy ?? new Float32Array(y.numel).fill(1), y.shape));
  }
  const [mean, dx] = await readAll(y, x.grad!);
  x.grad!.dispose();
  return { shape: y.shape, y: [...mean!], dx: [...dx!] };
}

test("any legal shape, either divisor", async () => {
  await fc.assert(
    fc.asyncProperty(anyPool(), fc.boolean(), async (c: PoolCase, countIncludePad) => {
      const x = randomArray(product(c.x), 1);
      const dy = randomArray(product(pooledShape(c)), 2);
      const got = await run(x, c.x, { ...windowOf(c), countIncludePad }, dy);
      expect(got.shape).toEqual(pooledShape(c));
      expectClose(got.y, avgPool(c, countIncludePad, x), tolerance, "y");
      expectClose(got.dx, avgPoolGradient(c, countIncludePad, dy), tolerance, "dx");
    }),
    { numRuns: 50 },
  );
});

test("gradient against central differences", async () => {
  const c: PoolCase = { x: [2, 2, 6, 7], kernel: [3, 2], stride: [2, 3], padding: [1, 1], ceilMode: true };
  for (const countIncludePad of [true, false]) {
    await gradcheck({
      inputs: { x: { data: randomArray(product(c.x), 1), shape: c.x } },
      op: ({ x }) => avgPool2d(x!, { kernel: [3, 2], stride: [2, 3], padding: 1, ceilMode: true, countIncludePad }),
      reference: ({ x }) => avgPool(c, countIncludePad, x!),
      samples: 200,
    });
  }
});

test("all of dy arrives when only the input counts in the divisor", async () => {
  await fc.assert(
    fc.asyncProperty(anyPool(), async (c) => {
      const dy = Float32Array.from(randomInts(product(pooledShape(c)), 9, 5));
      const { dx } = await run(randomArray(product(c.x), 3), c.x, { ...windowOf(c), countIncludePad: false }, dy);
      const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);
      expect(Math.abs(sum(dx) - sum(dy))).toBeLessThan(1e-4 * (1 + sum(dy)));
    }),
    { numRuns: 15 },
  );
});

test("the divisor: padding counts by default, what hangs past it never does", async () => {
  const ones = new Float32Array(9).fill(1);
  const corners = { kernel: 2, stride: 2, padding: 1 };
  expect((await run(ones, [1, 1, 3, 3], corners)).y).toEqual([0.25, 0.5, 0.5, 1]);
  expect((await run(ones, [1, 1, 3, 3], { ...corners, countIncludePad: false })).y).toEqual([1, 1, 1, 1]);
  // Ceil mode: the second window holds one column of the input and nothing of a padding.
  expect((await run(ones, [1, 1, 3, 3], { kernel: [3, 2], stride: 2, ceilMode: true })).y).toEqual([1, 1]);
});

test("errors name the op", () => {
  expect(() => avgPool2d(metaTensor([1, 2, 4]), { kernel: 2 })).toThrow(OpError);
  expect(() => avgPool2d(metaTensor([1, 2, 4, 5]), { kernel: 2, padding: -1 })).toThrow(
    /avgPool2d.*padding: expected 0 to half/,
  );
  expect(() => avgPool2d(metaTensor([1, 2, 4, 5]), { kernel: 7 })).toThrow(
    /avgPool2d.*kernel: expected at most the padded input, got 7/,
  );
});
