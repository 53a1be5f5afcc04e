import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import * as unary from "../../src/ops/unary.ts";
import { abs, gelu, hardsigmoid, hardswish, leakyRelu, relu, relu6, square } from "../../src/ops/unary.ts";
import { metaTensor, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { unaryReference } from "../reference/pointwise.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

/** All rows of the table; gelu has two. */
const ops: Record<string, (x: Tensor) => Tensor> = Object.fromEntries(
  Object.keys(unaryReference).map((name) => [name, (x: Tensor) => (unary as unknown as typeof ops)[name]!(x)]),
);
ops.geluTanh = (x) => gelu(x, { approximate: "tanh" });
const positive = new Set(["log", "sqrt"]);

/** Values over ±9 or so, each at least 0.01 from the kinks at -3, 0, 3 and 6. */
function awayFromKinks(n: number): Float32Array {
  return randomArray(n, 11, 3).map((v) => {
    const kink = [-3, 0, 3, 6].find((k) => Math.abs(v - k) < 0.01);
    return kink === undefined ? v : kink + 0.5;
  });
}

/** Outputs and gradients (for an upstream gradient of ones) of `op` at some points. */
async function at(op: (x: Tensor) => Tensor, points: number[]): Promise<{ y: number[]; dx: number[] }> {
  using _scope = new Scope();
  const x = tensor(points);
  x.requiresGrad = true;
  using tape = new Tape();
  const y = tape.keep(op(x));
  tape.backward(y, tensor(points.map(() => 1)));
  const [values, grads] = await readAll(y, x.grad!);
  x.grad!.dispose();
  return { y: [...values!], dx: [...grads!] };
}

describe.each(Object.keys(ops))("%s", (name) => {
  const op = ops[name]!;
  const f = unaryReference[name]!;

  test("values and gradients", async () => {
    // 1003 elements: the last vec4 is a partial one.
    const data = positive.has(name) ? awayFromKinks(1003).map((v) => Math.abs(v) + 0.1) : awayFromKinks(1003);
    await gradcheck({
      inputs: { x: { data, shape: [17, 59] } },
      op: ({ x }) => op(x!),
      reference: ({ x }) => x!.map(f),
    });
  });

  test("is finite and right far out, where naive formulas overflow", async () => {
    const points = positive.has(name) ? [1e-30, 1e30] : name === "exp" ? [-100, 80] : [-1e4, -100, -30, 30, 100, 1e4];
    const { y, dx } = await at(op, points);
    expect(dx.every(Number.isFinite), `gradients ${dx}`).toBe(true);
    points.forEach((x, i) => {
      const want = x > 700 && name === "softplus" ? x : f(x);
      // exp: an ulp of the argument 80 is 80 times an ulp of the result.
      expect(Math.abs(y[i]! - want)).toBeLessThanOrEqual(1e-5 * Math.abs(want) + 1e-30);
    });
  });
});

test("near 0 and in the tails, relative accuracy: tanh, softplus, sigmoid, gelu", async () => {
  const points = [1e-6, -1e-3, 0.05, 0.39, 0.41, -4, -5, -8];
  for (const name of ["tanh", "softplus", "sigmoid", "gelu"]) {
    const { y } = await at(ops[name]!, points);
    const f = unaryReference[name]!;
    points.forEach((x, i) => {
      // erfc's tail: exp(-z²) turns a rounding error of z² = 32 into 2e-6.
      const limit = name === "gelu" ? 1e-5 : 1e-6;
      expect(Math.abs(y[i]! / f(x) - 1), `${name}(${x}) = ${y[i]}`).toBeLessThan(limit);
    });
  }
});

test("at kinks the derivative is the usual choice", async () => {
  expect((await at(relu, [0, -0, 1])).dx).toEqual([0, 0, 1]);
  expect((await at(relu6, [0, 6, 5.5])).dx).toEqual([0, 0, 1]);
  expect((await at(abs, [0, -2, 3])).dx).toEqual([0, -1, 1]);
  expect((await at(hardswish, [-3, 3])).dx).toEqual([-0.5, 1]);
  expect((await at(hardsigmoid, [-3, 3])).dx).toEqual([0, 0]);
  expect((await at((x) => leakyRelu(x, { negativeSlope: 0.25 }), [0, -1, 1])).dx).toEqual([0.25, 0.25, 1]);
});

test.each([0.01, 0.3, 0, -0.5, 2])("leakyRelu with slope %d", async (negativeSlope) => {
  await gradcheck({
    inputs: { x: { data: awayFromKinks(101), shape: [101] } },
    op: ({ x }) => leakyRelu(x!, { negativeSlope }),
    reference: ({ x }) => x!.map((v) => (v > 0 ? v : negativeSlope * v)),
  });
});

test("every size is covered", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 3000 }), async (n) => {
      using _scope = new Scope();
      const x = randomArray(n, n);
      expectClose(
        await square(tensor(x)).data(),
        x.map((v) => v * v),
        { rtol: 1e-6, atol: 0 },
      );
    }),
    { numRuns: 15, seed: 3, examples: [[1], [2], [3], [4], [5], [511], [512], [513]] },
  );
});

test("a partial vec4 leaves what lies behind the gradient alone", async () => {
  using _scope = new Scope();
  const memory = tensor([7, 7, 7, 7, 7, 7, 7, 7]);
  const x = tensor([1, 2, 3, 4, 5]);
  x.requiresGrad = true;
  x.grad = memory.alias([5]);
  {
    using tape = new Tape();
    tape.backward(square(x), tensor([1, 1, 1, 1, 1]));
  }
  expect([...(await memory.data())]).toEqual([2, 4, 6, 8, 10, 7, 7, 7]);
});

test("errors and shapes", () => {
  expect(relu(metaTensor([2, 3])).shape).toEqual([2, 3]);
  expect(() => relu(metaTensor([2], "i32"))).toThrow("relu: x: expected f32 or f16, got i32");
  expect(() => gelu(metaTensor([2]), { approximate: "fast" as "tanh" })).toThrow(
    "approximate: expected none or tanh, got fast",
  );
  expect(() => leakyRelu(metaTensor([2]), { negativeSlope: Number.NaN })).toThrow(
    "negativeSlope: expected a number, got NaN",
  );
});
