import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { linear } from "../../src/ops/linear.ts";
import { meta, Scope, tensor } from "../../src/tensor/index.ts";
import { linearReference } from "../reference/matmul.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

test("values and gradients with bias, over two leading axes", async () => {
  await gradcheck({
    inputs: {
      x: { data: randomArray(4 * 3 * 13, 1), shape: [4, 3, 13] },
      w: { data: randomArray(5 * 13, 2), shape: [5, 13] },
      b: { data: randomArray(5, 3), shape: [5] },
    },
    op: ({ x, w, b }) => linear(x!, w!, b!),
    reference: ({ x, w, b }) => linearReference(x!, w!, b!, 12, 13, 5),
  });
});

test("values and gradients without bias, one row", async () => {
  await gradcheck({
    inputs: { x: { data: randomArray(9, 1), shape: [9] }, w: { data: randomArray(36, 2), shape: [4, 9] } },
    op: ({ x, w }) => linear(x!, w!, null),
    reference: ({ x, w }) => linearReference(x!, w!, null, 1, 9, 4),
  });
});

test("the weight gradient of a large batch and a small layer is split over the batch", async () => {
  await gradcheck({
    inputs: {
      x: { data: randomArray(1500 * 7, 4), shape: [1500, 7] },
      w: { data: randomArray(3 * 7, 5), shape: [3, 7] },
      b: { data: randomArray(3, 6), shape: [3] },
    },
    op: ({ x, w, b }) => linear(x!, w!, b!),
    reference: ({ x, w, b }) => linearReference(x!, w!, b!, 1500, 7, 3),
    samples: 21,
  });
});

test("any size agrees with the reference", async () => {
  const size = fc.integer({ min: 1, max: 90 });
  await fc.assert(
    fc.asyncProperty(size, size, size, async (rows, inputs, outputs) => {
      using _scope = new Scope();
      const x = randomArray(rows * inputs, 1);
      const w = randomArray(outputs * inputs, 2);
      const b = randomArray(outputs, 3);
      const y = linear(tensor(x, [rows, inputs]), tensor(w, [outputs, inputs]), tensor(b));
      // A sum of at most 90 products in f32.
      expectClose(await y.data(), linearReference(x, w, b, rows, inputs, outputs), { rtol: 1e-5, atol: 2e-6 });
    }),
    { numRuns: 10, seed: 9 },
  );
});

/** Pretends that kernels bind so many bytes at most. */
async function withBindings(bytes: number, run: () => Promise<void>): Promise<void> {
  const limits = currentGpu().adapter.limits as { maxStorageBufferBindingSize: number };
  const own = limits.maxStorageBufferBindingSize;
  limits.maxStorageBufferBindingSize = bytes;
  try {
    await run();
  } finally {
    limits.maxStorageBufferBindingSize = own;
  }
}

test("a weight larger than one binding is taken in parts, and has no gradient", async () => {
  const [inputs, outputs] = [10, 300];
  const w = randomArray(outputs * inputs, 2);
  const b = randomArray(outputs, 3);
  // 128 rows fit: parts of 128, 128 and 44.
  await withBindings(128 * inputs * 4 + 100, async () => {
    for (const rows of [1, 3]) {
      for (const bias of [b, null]) {
        using _scope = new Scope();
        const x = randomArray(rows * inputs, 1);
        const y = linear(tensor(x, [rows, inputs]), tensor(w, [outputs, inputs]), bias && tensor(bias));
        expectClose(await y.data(), linearReference(x, w, bias, rows, inputs, outputs), { rtol: 1e-5, atol: 2e-6 });
      }
    }
    using _scope = new Scope();
    const weight = tensor(w, [outputs, inputs]);
    weight.requiresGrad = true;
    using tape = new Tape();
    const y = linear(tensor(randomArray(inputs, 1), [1, inputs]), weight, null);
    expect(() => tape.backward(y, tensor(b, [1, outputs]))).toThrow("[300,10] f32 is more than this adapter binds");
  });
  await withBindings(63 * inputs * 4, async () => {
    using _scope = new Scope();
    const weight = tensor(w, [outputs, inputs]);
    expect(() => linear(tensor(randomArray(inputs, 1)), weight, null)).toThrow("64 rows of");
  });
});

test("errors name the sizes", () => {
  expect(() => linear(meta([2, 5]), meta([3, 4]), null)).toThrow("linear: weight wants 4 inputs, x has 5");
  expect(() => linear(meta([2, 4]), meta([3, 4]), meta([4]))).toThrow("bias wants [3]");
  expect(() => linear(meta([2, 4]), meta([4]), null)).toThrow("weight wants 2 axes, has 1");
  expect(() => linear(meta([]), meta([3, 4]), null)).toThrow("x has no axis");
  expect(linear(meta([2, 7, 4]), meta([3, 4]), null).shape).toEqual([2, 7, 3]);
});
