import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { OpError } from "../../src/gpu/index.ts";
import { maxPool2d, maxPool2dIndices } from "../../src/ops/max_pool2d.ts";
import type { PoolOptions } from "../../src/ops/pool/plan.ts";
import { metaTensor, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { maxPool, maxPoolGradient, type PoolCase, pooledShape } from "../reference/pool.ts";
import { anyPool, windowOf } from "../support/arbitrary_pools.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray, randomInts } from "../support/random.ts";

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

async function run(values: ArrayLike<number>, shape: readonly number[], options: PoolOptions, dy?: Float32Array) {
  using _scope = new Scope();
  const x = tensor(Float32Array.from(values), shape);
  x.requiresGrad = true;
  const place = maxPool2dIndices(x, options);
  let y: Tensor;
  {
    using tape = new Tape();
    y = tape.keep(maxPool2d(x, options));
    tape.backward(y, tensor(dy ?? new Float32Array(y.numel).fill(1), y.shape));
  }
  const [top, at, dx] = await readAll(y, place, x.grad!);
  x.grad!.dispose();
  expect(place.dtype).toBe("i32");
  return { shape: y.shape, y: [...top!], place: [...at!], dx: [...dx!] };
}

test("any legal shape: values, places and gradient, with many ties", async () => {
  await fc.assert(
    fc.asyncProperty(anyPool(), fc.integer({ min: 1, max: 99 }), async (c: PoolCase, seed) => {
      // All below zero, so that padding read as 0 would win; few different values, so that ties are common.
      const x = Float32Array.from(randomInts(product(c.x), 5, seed), (v) => v - 7);
      const dy = randomArray(product(pooledShape(c)), seed);
      const got = await run(x, c.x, windowOf(c), dy);
      const want = maxPool(c, x);
      expect(got.shape).toEqual(pooledShape(c));
      expect(got.y).toEqual([...want.y]);
      expect(got.place).toEqual([...want.place]);
      expectClose(got.dx, maxPoolGradient(c, want.place, dy), { rtol: 1e-6, atol: 1e-6 });
    }),
    { numRuns: 40 },
  );
});

test("all of dy arrives, whatever the windows", async () => {
  await fc.assert(
    fc.asyncProperty(anyPool(), async (c) => {
      // Small whole numbers: the sums are exact.
      const dy = Float32Array.from(randomInts(product(pooledShape(c)), 9, 5));
      const { dx } = await run(randomArray(product(c.x), 3), c.x, windowOf(c), dy);
      const sum = (values: ArrayLike<number>) => Array.from(values).reduce((a, b) => a + b, 0);
      expect(sum(dx)).toBe(sum(dy));
    }),
    { numRuns: 15 },
  );
});

test("gradient against central differences, windows overlapping", async () => {
  const c: PoolCase = { x: [2, 2, 7, 6], kernel: [3, 2], stride: [2, 1], padding: [1, 0], ceilMode: false };
  // Distinct values, further apart than the step of the difference.
  const x = Float32Array.from({ length: product(c.x) }, (_, i) => ((i * 67) % 173) / 50 - 1.7);
  await gradcheck({
    inputs: { x: { data: x, shape: c.x } },
    op: ({ x }) => maxPool2d(x!, { kernel: [3, 2], stride: [2, 1], padding: [1, 0] }),
    reference: ({ x }) => maxPool(c, x!).y,
    samples: 200,
  });
});

test("of equal values the first wins, and overlapping windows add up there", async () => {
  const got = await run(new Float32Array(9).fill(2), [1, 1, 3, 3], { kernel: 2, stride: 1 });
  expect(got.place).toEqual([0, 1, 3, 4]);
  expect(got.dx).toEqual([1, 1, 0, 1, 1, 0, 0, 0, 0]);
  const one = await run(new Float32Array(16).fill(2), [1, 1, 4, 4], { kernel: [4, 4], stride: 9 });
  expect(one.dx).toEqual([1, ...new Array(15).fill(0)]);
});

test("-infinity is a value: padding does not win against it", async () => {
  const got = await run(new Float32Array(4).fill(-Infinity), [1, 1, 2, 2], { kernel: 2, padding: 1 });
  expect(got.y).toEqual([-Infinity, -Infinity, -Infinity, -Infinity]);
  expect(got.place).toEqual([0, 1, 2, 3]);
});

test("NaN is not swallowed", async () => {
  const x = [1, 2, 3, 4, Number.NaN, 6, 7, 8, 9];
  const got = await run(x, [1, 1, 3, 3], { kernel: 2, stride: 1 });
  expect(got.y.every(Number.isNaN)).toBe(true);
  expect(got.place).toEqual([4, 4, 4, 4]);
});

test("ceil mode: a last window must start inside the input or its left padding", () => {
  const size = (h: number, options: PoolOptions) => maxPool2d(metaTensor([1, 1, h, h]), options).shape[2];
  expect(size(6, { kernel: 3, stride: 2 })).toBe(2);
  expect(size(6, { kernel: 3, stride: 2, ceilMode: true })).toBe(3);
  // The third window would start at 4 + ... in the right padding.
  expect(size(4, { kernel: 2, stride: 3, padding: 1, ceilMode: true })).toBe(2);
  expect(size(2, { kernel: 3, stride: 2, ceilMode: true })).toBe(1);
  expect(size(6, { kernel: 2 })).toBe(3);
});

test("errors", () => {
  const x = metaTensor([1, 2, 4, 5]);
  const bad = (options: unknown, pattern: RegExp, input = x) => {
    expect(() => maxPool2d(input, options as PoolOptions)).toThrow(OpError);
    expect(() => maxPool2d(input, options as PoolOptions)).toThrow(pattern);
  };
  bad({ kernel: 2 }, /maxPool2d.*x: expected 4 axes, got 3/, metaTensor([2, 4, 5]));
  bad({ kernel: 2 }, /x: expected f32 or f16, got i32/, metaTensor([1, 2, 4, 5], "i32"));
  bad({}, /kernel: expected .*undefined/);
  bad({ kernel: 0 }, /kernel: expected integers >= 1.*got 0/);
  bad({ kernel: [2, 2, 2] }, /kernel: expected .*2,2,2/);
  bad({ kernel: 2, stride: [1, 0.5] }, /stride: expected integers >= 1.*got 1,0.5/);
  bad({ kernel: 3, padding: 2 }, /padding: expected 0 to half the kernel, 3, got 2/);
  bad({ kernel: [5, 1] }, /kernel: expected at most the padded input, got 5,1/);
  expect(() => maxPool2dIndices(x, { kernel: 9 })).toThrow(
    /maxPool2dIndices.*kernel: expected at most the padded input, got 9/,
  );
});
