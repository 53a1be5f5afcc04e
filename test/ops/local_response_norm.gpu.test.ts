import fc from "fast-check";
import { expect, test } from "vitest";
import { OpError } from "../../src/gpu/index.ts";
import { localResponseNorm, type ResponseNormOptions } from "../../src/ops/local_response_norm.ts";
import { metaTensor, Scope, tensor } from "../../src/tensor/index.ts";
import { responseNorm } from "../reference/local_response_norm.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

test.each([1, 2, 3, 4, 5, 12])("window of %i channels: forward and gradient", async (size) => {
  const shape = [2, 7, 2, 3];
  // A large alpha, so that the neighbours matter.
  const options = { size, alpha: 0.8, beta: 0.6, k: 1.5 };
  await gradcheck({
    inputs: { x: { data: randomArray(product(shape), 4), shape } },
    op: ({ x }) => localResponseNorm(x!, options),
    reference: ({ x }) => responseNorm({ shape, ...options }, x!),
    samples: 84,
  });
});

test("planes of whole quads: forward and gradient", async () => {
  const shape = [2, 7, 4, 3];
  const options = { size: 5, alpha: 0.8, beta: 0.6, k: 1.5 };
  await gradcheck({
    inputs: { x: { data: randomArray(product(shape), 4), shape } },
    op: ({ x }) => localResponseNorm(x!, options),
    reference: ({ x }) => responseNorm({ shape, ...options }, x!),
    samples: 168,
  });
});

test("any shape of two to five axes", async () => {
  const dimension = fc.integer({ min: 1, max: 5 });
  await fc.assert(
    fc.asyncProperty(
      fc.tuple(fc.array(dimension, { minLength: 2, maxLength: 5 }), fc.integer({ min: 1, max: 7 })),
      fc.record({ alpha: fc.constantFrom(0, 1e-4, 2), beta: fc.constantFrom(0, 0.75, 2), k: fc.constantFrom(0.5, 2) }),
      async ([shape, size], rest) => {
        const options = { size, ...rest };
        await gradcheck({
          inputs: { x: { data: randomArray(product(shape), 9), shape } },
          op: ({ x }) => localResponseNorm(x!, options),
          reference: ({ x }) => responseNorm({ shape, ...options }, x!),
          samples: 10,
          forward: { rtol: 1e-5, atol: 1e-5 },
        });
      },
    ),
    { numRuns: 20 },
  );
});

test("defaults are alpha 1e-4, beta 0.75, k 1", async () => {
  using _scope = new Scope();
  const shape = [1, 6, 2, 2];
  const values = randomArray(24, 8, 100);
  const want = responseNorm({ shape, size: 5, alpha: 1e-4, beta: 0.75, k: 1 }, values);
  expectClose(await localResponseNorm(tensor(values, shape), { size: 5 }).data(), want, { rtol: 1e-5, atol: 1e-5 });
});

test("errors", () => {
  const x = metaTensor([1, 4, 2, 2]);
  const bad =
    (options: unknown, input = x) =>
    () =>
      localResponseNorm(input, options as ResponseNormOptions);
  expect(bad({ size: 3 }, metaTensor([4]))).toThrow(OpError);
  expect(bad({ size: 3 }, metaTensor([4]))).toThrow(/localResponseNorm.*at least \[N, C\]/);
  expect(bad({ size: 3 }, metaTensor([1, 4], "u32"))).toThrow(/x: expected f32 or f16, got u32/);
  expect(bad({ size: 0 })).toThrow(/size: expected an integer >= 1, got 0/);
  expect(bad({})).toThrow(/size: expected .* undefined/);
  expect(bad({ size: 3, k: 0 })).toThrow(/k: expected a number > 0, got 0/);
  expect(bad({ size: 3, alpha: -1 })).toThrow(/alpha: expected a number >= 0, got -1/);
  expect(bad({ size: 3, beta: Number.NaN })).toThrow(/beta: expected a finite number, got NaN/);
});
