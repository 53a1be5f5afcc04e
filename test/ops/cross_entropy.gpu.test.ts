import fc from "fast-check";
import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { crossEntropy } from "../../src/ops/cross_entropy.ts";
import { captureStep, metaTensor, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { sumOver } from "../reference/axes.ts";
import { crossEntropyReference } from "../reference/cross_entropy.ts";
import { expectClose } from "../support/close.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray, randomInts } from "../support/random.ts";

const reductions = {
  mean: (losses: number[]) => [losses.reduce((a, b) => a + b, 0) / losses.length],
  sum: (losses: number[]) => [losses.reduce((a, b) => a + b, 0)],
  none: (losses: number[]) => losses,
} as const;

// [rows, classes]: a few classes, one row, many rows of many classes, a long row.
const sizes: [number, number][] = [
  [7, 10],
  [1, 3],
  [70, 100],
  [3, 2300],
  [5, 1],
];

for (const reduction of ["mean", "sum", "none"] as const) {
  test.each(sizes)(`${reduction}: values and gradients of [%d, %d], smoothed or not`, async (rows, classes) => {
    const labels = randomInts(rows, classes, 5);
    for (const labelSmoothing of [0, 0.1, 1]) {
      await gradcheck({
        inputs: { x: { data: randomArray(rows * classes, 1, 3), shape: [rows, classes] } },
        op: ({ x }) => crossEntropy(x!, tensor(labels), { labelSmoothing, reduction }),
        reference: ({ x }) => reductions[reduction](crossEntropyReference(x!, labels, classes, labelSmoothing)),
      });
    }
  });
}

/** Per-row losses and the gradient for upstream ones. */
async function losses(logits: number[], classes: number, labels: number[], labelSmoothing = 0) {
  using _scope = new Scope();
  const x = tensor(logits, [labels.length, classes]);
  x.requiresGrad = true;
  using tape = new Tape();
  const y = tape.keep(crossEntropy(x, tensor(Int32Array.from(labels)), { labelSmoothing, reduction: "none" }));
  tape.backward(y, tensor(labels.map(() => 1)));
  const out = { y: [...(await y.data())], dx: [...(await x.grad!.data())] };
  x.grad!.dispose();
  return out;
}

test("the gradient of each row sums to zero", async () => {
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 1, max: 20 }), fc.integer({ min: 2, max: 90 }), async (rows, classes) => {
      const { dx } = await losses(
        [...randomArray(rows * classes, 2, 4)],
        classes,
        [...randomInts(rows, classes, 3)],
        0.2,
      );
      expectClose(sumOver(dx, [rows, classes], [1]), new Array(rows).fill(0), { rtol: 0, atol: 1e-6 });
    }),
    { numRuns: 10, seed: 1 },
  );
});

test("a confident right answer costs nothing, a wrong one its margin, without overflow", async () => {
  const { y } = await losses([1000, 0, -1000, 1000, 0, -1000], 3, [0, 2]);
  expect(y).toEqual([0, 2000]);
});

test("a class ruled out by minus infinity leaves the loss of the others finite", async () => {
  const { y, dx } = await losses([0, Number.NEGATIVE_INFINITY, 0], 3, [0]);
  expect(y[0]).toBeCloseTo(Math.log(2), 6);
  expect(dx).toEqual([-0.5, 0, 0.5]);
});

test.each([-1, 3, 2147483647, -2147483648])(
  "target %d is out of range: its row is NaN, the others are not",
  async (bad) => {
    const { y, dx } = await losses([1, 2, 3, 1, 2, 3], 3, [bad, 2]);
    expect(y[0]).toBeNaN();
    expect(y[1]).toBeCloseTo(Math.log(1 + Math.exp(-1) + Math.exp(-2)), 6);
    expect(dx.slice(0, 3)).toEqual([Number.NaN, Number.NaN, Number.NaN]);
    expect(dx.slice(3).every(Number.isFinite)).toBe(true);
    using _scope = new Scope();
    const all = crossEntropy(tensor([1, 2, 3, 1, 2, 3], [2, 3]), tensor(Int32Array.of(bad, 2)), {});
    expect(await all.item()).toBeNaN();
  },
);

test("a replayed step reads the new logits and targets", async () => {
  using step = captureStep(({ x, t }: { x: Tensor; t: Tensor }) => ({ loss: crossEntropy(x, t, {}) }));
  for (let seed = 1; seed < 4; seed++) {
    const x = randomArray(40, seed);
    const labels = randomInts(4, 10, seed);
    step.run({ x: { data: x, shape: [4, 10] }, t: { data: labels, shape: [4] } });
    const want = crossEntropyReference(x, labels, 10, 0).reduce((a, b) => a + b) / 4;
    expect(await step.outputs.loss.item()).toBeCloseTo(want, 5);
  }
});

test("shapes and errors", () => {
  const target = metaTensor([4], "i32");
  expect(crossEntropy(metaTensor([4, 10]), target, {}).shape).toEqual([]);
  expect(crossEntropy(metaTensor([4, 10]), target, { reduction: "none" }).shape).toEqual([4]);
  expect(() => crossEntropy(metaTensor([4, 10, 2]), target, {})).toThrow(
    "crossEntropy: logits: expected [N, C] f32 or f16",
  );
  expect(() => crossEntropy(metaTensor([4, 10]), metaTensor([4]), {})).toThrow("target: expected [4] i32");
  expect(() => crossEntropy(metaTensor([4, 10]), metaTensor([3], "i32"), {})).toThrow("target: expected [4] i32");
  expect(() => crossEntropy(metaTensor([4, 10]), target, { labelSmoothing: 1.5 })).toThrow(
    "labelSmoothing: expected 0 to 1",
  );
  expect(() => crossEntropy(metaTensor([4, 10]), target, { reduction: "avg" as "mean" })).toThrow("mean, sum or none");
});
