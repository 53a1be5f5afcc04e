import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { strThreshold } from "../../src/ops/str_threshold.ts";
import { metaTensor, Scope, tensor } from "../../src/tensor/index.ts";
import { sigmoid } from "../reference/pointwise.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

const shrink = (x: number, d: number) => Math.sign(x) * Math.max(Math.abs(x) - d, 0);

/** n values at least 0.01 away from ±d. */
const awayFrom = (n: number, d: number) =>
  randomArray(n, 3).map((v) => (Math.abs(Math.abs(v) - d) < 0.01 ? d + 0.1 : v));

test.each([
  [10, -2],
  [1003, 0],
  [90_000, -1],
])("values and gradients of %d weights at s = %d", async (n, s) => {
  await gradcheck({
    inputs: { x: { data: awayFrom(n, sigmoid(s)), shape: [n] }, s: { data: [s], shape: [] } },
    op: ({ x, s }) => strThreshold(x!, s!),
    reference: ({ x, s }) => x!.map((v) => shrink(v, sigmoid(s![0]!))),
    h: 1e-5,
  });
});

/** Weights, and gradients for upstream ones. */
async function at(x: number[], s: number) {
  using _scope = new Scope();
  const [w, score] = [tensor(x), tensor([s])];
  w.requiresGrad = true;
  score.requiresGrad = true;
  using tape = new Tape();
  const y = tape.keep(strThreshold(w, score));
  tape.backward(y, tensor(x.map(() => 1)));
  const out = { y: [...(await y.data())], dx: [...(await w.grad!.data())], ds: (await score.grad!.data())[0]! };
  w.grad!.dispose();
  score.grad!.dispose();
  return out;
}

test("weights inside the threshold are +0 and get no gradient", async () => {
  const { y, dx, ds } = await at([0.3, -0.05, 0.12, -0.1], -2);
  const d = sigmoid(-2);
  expect(y[0]).toBeCloseTo(0.3 - d, 7);
  expect(Object.is(y[1], 0) && Object.is(y[3], 0)).toBe(true);
  expect(dx).toEqual([1, 0, 1, 0]);
  expect(ds).toBeCloseTo(-2 * d * (1 - d), 7);
});

test("far below zero the threshold and its gradient vanish without a NaN; far above, everything is pruned below 1", async () => {
  const low = await at([0.5, -1e-20, 2], -12800);
  expect(low.y).toEqual([0.5, Math.fround(-1e-20), 2]);
  expect(low.dx).toEqual([1, 1, 1]);
  expect(low.ds).toBeCloseTo(0, 30);
  const high = await at([0.5, -3], 12800);
  expect(high.y).toEqual([0, -2]);
  expect(high.ds).toBeCloseTo(0, 30);
});

test("a higher score never keeps more weights", async () => {
  const score = fc.double({ min: -10, max: 10, noNaN: true });
  const x = [...randomArray(200, 5)];
  await fc.assert(
    fc.asyncProperty(score, score, async (a, b) => {
      const [low, high] = [await at(x, Math.min(a, b)), await at(x, Math.max(a, b))];
      const kept = (y: number[]) => y.filter((v) => v !== 0).length;
      expect(kept(high.y)).toBeLessThanOrEqual(kept(low.y));
      high.y.forEach((v, i) => {
        expect(Math.abs(v)).toBeLessThanOrEqual(Math.abs(low.y[i]!) + 1e-7);
      });
    }),
    { numRuns: 10, seed: 1 },
  );
});

test("shapes and errors", () => {
  expect(strThreshold(metaTensor([2, 3]), metaTensor([])).shape).toEqual([2, 3]);
  expect(() => strThreshold(metaTensor([2, 3]), metaTensor([2]))).toThrow("strThreshold: s: expected one element");
  expect(() => strThreshold(metaTensor([2], "i32"), metaTensor([]))).toThrow("x: expected f32");
});
