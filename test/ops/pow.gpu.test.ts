import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { pow } from "../../src/ops/pow.ts";
import { square } from "../../src/ops/unary.ts";
import { captureStep, metaTensor, readAll, Scope, scalar, type Tensor, tensor } from "../../src/tensor/index.ts";
import { broadcastTo } from "../reference/axes.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";
import { expectReplay } from "../support/replay.ts";

const away = (n: number, seed: number) => randomArray(n, seed).map((v) => v + Math.sign(v) * 0.3);
const positive = (n: number, seed: number) => away(n, seed).map(Math.abs);

describe("a number as exponent: values and gradients", () => {
  // Negative bases.
  test.each([0, 1, 2, 3, 5, -1, -2, -3])("x^%d", async (exponent) => {
    await gradcheck({
      inputs: { x: { data: away(103, 1), shape: [103] } },
      op: ({ x }) => pow(x!, exponent),
      reference: ({ x }) => x!.map((v) => v ** exponent),
      h: 1e-5,
    });
  });
  // log2 and exp2 of the hardware: about 1e-6.
  test.each([0.5, -0.5, 1.5, 2.2, -1.7, 1 / 3])("x^%d of x > 0", async (exponent) => {
    await gradcheck({
      inputs: { x: { data: positive(103, 2), shape: [103] } },
      op: ({ x }) => pow(x!, exponent),
      reference: ({ x }) => x!.map((v) => v ** exponent),
      forward: { rtol: 5e-6, atol: 2e-6 },
      h: 1e-5,
    });
  });
});

test("a number as base: values and gradients", async () => {
  await gradcheck({
    inputs: { x: { data: randomArray(50, 3), shape: [5, 10] } },
    op: ({ x }) => pow(2.5, x!),
    reference: ({ x }) => x!.map((v) => 2.5 ** v),
  });
});

test("two tensors that broadcast: values and both gradients", async () => {
  const target = [3, 5, 4];
  await gradcheck({
    inputs: { x: { data: positive(12, 4), shape: [3, 1, 4] }, e: { data: away(5, 5), shape: [5, 1] } },
    op: ({ x, e }) => pow(x!, e!),
    reference: ({ x, e }) => {
      const exponents = broadcastTo(e!, [5, 1], target);
      return broadcastTo(x!, [3, 1, 4], target).map((v, i) => v ** exponents[i]!);
    },
    h: 1e-5,
  });
});

test("whole exponents are exact where the result is", async () => {
  using _scope = new Scope();
  const bases = [-3, -2, -1, -0.5, 1, 2, 3, 5];
  for (const exponent of [0, 1, 2, 3, 4, 7, 9])
    expect([...(await pow(tensor(bases), exponent).data())]).toEqual(bases.map((v) => v ** exponent));
  expect([...(await pow(tensor([2, -2]), 126).data())]).toEqual([2 ** 126, 2 ** 126]);
  expect([...(await pow(tensor([2, -2, 0.5]), -3).data())]).toEqual([0.125, -0.125, 8]);
  expect([...(await pow(tensor([-1, 1]), 1e9).data())]).toEqual([1, 1]);
  expect([...(await pow(tensor([-1, -1]), 16777215).data())]).toEqual([-1, -1]);
});

test("edges are those of C and PyTorch", async () => {
  using _scope = new Scope();
  const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
  const table: readonly [base: number, exponent: number, y: number][] = [
    [nan, 0, 1],
    [nan, 2, nan],
    [nan, 0.5, nan],
    [0, 0, 1],
    [0, 0.5, 0],
    [0, 3, 0],
    [0, -0.5, inf],
    [0, -2, inf],
    [-2, 0.5, nan],
    [-2, -1.5, nan],
    [inf, 0.5, inf],
    [inf, -0.5, 0],
    [inf, 2, inf],
    [-inf, 3, -inf],
    [-inf, 2, inf],
    [-inf, 0.5, inf],
    [-inf, -1, -0],
    [0.5, inf, 0],
    [2, inf, inf],
    [2, -inf, 0],
    [-1, inf, 1],
    [1, nan, 1],
    [2, nan, nan],
  ];
  const y = await pow(tensor(table.map(([base]) => base)), tensor(table.map(([, exponent]) => exponent))).data();
  table.forEach(([base, exponent, wanted], i) => {
    if (wanted === 0) expect(Math.abs(y[i]!), `${base}^${exponent}`).toBe(0);
    else expect(y[i], `${base}^${exponent}`).toBe(wanted);
  });
});

test("gradients at the edges are those of PyTorch", async () => {
  using _scope = new Scope();
  const x = tensor([0, 0, 0, -2, -2, 3]);
  const e = tensor([0, 1, 2, 2, 3, 0]);
  x.requiresGrad = true;
  e.requiresGrad = true;
  {
    using tape = new Tape();
    tape.backward(pow(x, e), tensor([1, 1, 1, 1, 1, 1]));
  }
  const [dx, de] = await readAll(x.grad!, e.grad!);
  expect([...dx!]).toEqual([0, 1, 0, -4, 12, 0]);
  expect([...de!.slice(0, 5)]).toEqual([0, 0, 0, Number.NaN, Number.NaN]);
  expect(de![5]).toBeCloseTo(Math.log(3), 6);
  x.grad!.dispose();
  e.grad!.dispose();
});

test("x^2 is square(x), and x^a · x^b is x^(a + b)", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.integer({ min: -4, max: 4 }),
      fc.integer({ min: -4, max: 4 }),
      fc.integer({ min: 1, max: 300 }),
      async (a, b, n) => {
        using _scope = new Scope();
        const x = tensor(away(n, n));
        expect(await pow(x, 2).data()).toEqual(await square(x).data());
        const [left, right, both] = await readAll(pow(x, a), pow(x, b), pow(x, a + b));
        both!.forEach((v, i) => {
          expect(Math.abs((left![i]! * right![i]!) / v - 1)).toBeLessThan(2e-6);
        });
      },
    ),
    { numRuns: 10, seed: 1 },
  );
});

test("a replayed step equals an eager one; an exponent on the GPU may change", async () => {
  await expectReplay(
    { data: positive(21, 6), shape: [21] },
    (w, { x }) => pow(pow(w, 1.5), x!),
    [7, 8].map((seed) => ({ x: { data: randomArray(1, seed), shape: [1] } })),
  );
  using _scope = new Scope();
  using exponent = scalar(2);
  using step = captureStep(({ x }: { x: Tensor }) => ({ y: pow(x, exponent) }));
  const inputs = { x: { data: Float32Array.of(2, -3), shape: [2] } };
  step.run(inputs);
  expect([...(await step.outputs.y.data())]).toEqual([4, 9]);
  exponent.set(3);
  step.run(inputs);
  expect([...(await step.outputs.y.data())]).toEqual([8, -27]);
});

test("errors", () => {
  expect(() => pow(metaTensor([2]), metaTensor([3]))).toThrow("pow: expected shapes that broadcast, got [2] and [3]");
  expect(() => pow(metaTensor([2], "i32"), 2)).toThrow("pow: a: expected f32 or f16, got i32");
  expect(() => pow(2, 3)).toThrow("pow: expected a tensor among a and b");
  expect(() => pow(metaTensor([2]), Number.NaN)).toThrow("pow: b: expected a number, got NaN");
  expect(pow(metaTensor([2, 1]), metaTensor([3])).shape).toEqual([2, 3]);
});
