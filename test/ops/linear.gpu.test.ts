import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { linear } from "../../src/ops/linear.ts";
import { metaTensor, readAll, Scope, type TypedArray, tensor } from "../../src/tensor/index.ts";
import { linearReference } from "../reference/matmul.ts";
import { withBindings } from "../support/bindings.ts";
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

test("a weight larger than one binding is taken in parts, forward and backward", async () => {
  const [inputs, outputs] = [10, 300];
  const w = { data: randomArray(outputs * inputs, 2), shape: [outputs, inputs] };
  const b = { data: randomArray(outputs, 3), shape: [outputs] };
  // 128 rows fit: parts of 128, 128 and 44.
  await withBindings(128 * inputs * 4 + 100, async () => {
    for (const rows of [1, 3]) {
      const x = { data: randomArray(rows * inputs, 1), shape: [rows, inputs] };
      await gradcheck({
        inputs: { x, w, b },
        op: ({ x, w, b }) => linear(x!, w!, b!),
        reference: ({ x, w, b }) => linearReference(x!, w!, b!, rows, inputs, outputs),
        samples: 40,
      });
      await gradcheck({
        inputs: { x, w },
        op: ({ x, w }) => linear(x!, w!, null),
        reference: ({ x, w }) => linearReference(x!, w!, null, rows, inputs, outputs),
        samples: 40,
      });
    }
  });
  await withBindings(63 * inputs * 4, () => {
    using _scope = new Scope();
    expect(() => linear(tensor(randomArray(inputs, 1)), tensor(w.data, w.shape), null)).toThrow("64 rows of #");
  });
});

test("in parts, y and dW have the bits of the whole, dx the same sums cut once more; a second gradient is added", async () => {
  // Sizes at which the rule takes the same kernel for a part as for the whole.
  const [rows, inputs, outputs] = [16, 16, 256];
  const run = async () => {
    using _scope = new Scope();
    const x = tensor(randomArray(rows * inputs, 1), [rows, inputs]);
    const weight = tensor(randomArray(outputs * inputs, 2), [outputs, inputs]);
    const bias = tensor(randomArray(outputs, 3));
    for (const t of [x, weight, bias]) t.requiresGrad = true;
    const values: Record<string, TypedArray> = {};
    for (const round of ["first", "second"]) {
      using tape = new Tape();
      const y = linear(x, weight, bias);
      tape.backward(y, tensor(randomArray(rows * outputs, 4), [rows, outputs]));
      const [yNow, dx, dw, db] = await readAll(y, x.grad!, weight.grad!, bias.grad!);
      Object.assign(values, { [`${round} y`]: yNow, [`${round} dx`]: dx, [`${round} dW`]: dw, [`${round} db`]: db });
    }
    for (const t of [x, weight, bias]) t.grad?.dispose();
    return values;
  };
  const whole = await run();
  const parts = await withBindings(128 * inputs * 4, run);
  for (const [name, want] of Object.entries(whole)) {
    // Each dx is a sum of 256 products, here of two halves.
    if (name.endsWith("dx")) expectClose(parts[name]!, want, { rtol: 2e-6, atol: 0 }, name);
    else expect(parts[name], name).toEqual(want);
  }
});

test("errors name the sizes", () => {
  expect(() => linear(metaTensor([2, 5]), metaTensor([3, 4]), null)).toThrow(
    "linear: weight: expected 5 inputs as in x, got 4",
  );
  expect(() => linear(metaTensor([2, 4]), metaTensor([3, 4]), metaTensor([4]))).toThrow("bias: expected [3]");
  expect(() => linear(metaTensor([2, 4]), metaTensor([4]), null)).toThrow("weight: expected 2 axes, got 1");
  expect(() => linear(metaTensor([]), metaTensor([3, 4]), null)).toThrow("x: expected at least one axis");
  expect(linear(metaTensor([2, 7, 4]), metaTensor([3, 4]), null).shape).toEqual([2, 7, 3]);
});
