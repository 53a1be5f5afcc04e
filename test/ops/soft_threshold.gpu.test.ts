import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { softThreshold } from "../../src/ops/soft_threshold.ts";
import { captureStep, Scope, scalar, tensor } from "../../src/tensor/index.ts";
import { gradcheck } from "../support/gradcheck.ts";
import { randomArray } from "../support/random.ts";

const x = randomArray(1000, 3).map((v) => (Math.abs(Math.abs(v) - 0.5) < 0.01 ? 0.7 : v));
const shrink = (v: number) => Math.sign(v) * Math.max(Math.abs(v) - 0.5, 0);

test("shrinks, and the gradient is 1 outside the threshold", async () => {
  using d = scalar(0.5);
  await gradcheck({
    inputs: { x: { data: x, shape: [10, 100] } },
    op: ({ x }) => softThreshold(x!, d),
    reference: ({ x }) => x!.map(shrink),
  });
});

test("straight-through passes every gradient, and pruned entries are +0", async () => {
  using _scope = new Scope();
  const t = tensor([0.3, -0.2, 1, -2]);
  t.requiresGrad = true;
  using d = scalar(0.5);
  {
    using tape = new Tape();
    const y = tape.keep(softThreshold(t, d, { straightThrough: true }));
    tape.backward(y, tensor([1, 2, 3, 4]));
    expect([...(await y.data())]).toEqual([0, 0, 0.5, -1.5]);
  }
  expect([...(await t.grad!.data())]).toEqual([1, 2, 3, 4]);
  t.grad!.dispose();
});

test("a replayed step sees a new threshold", async () => {
  using d = scalar(0.5);
  using step = captureStep(({ x }: { x: import("../../src/tensor/index.ts").Tensor }) => ({ y: softThreshold(x, d) }));
  const input = { x: { data: x, shape: [1000] } };
  step.run(input);
  await step.outputs.y.data();
  const before = currentGpu().counters();
  for (let i = 0; i < 20; i++) step.run(input);
  d.set(1);
  step.run(input);
  const y = await step.outputs.y.data();
  expect(currentGpu().counters()).toEqual(before);
  expect(y[0]).toBeCloseTo(Math.sign(x[0]!) * Math.max(Math.abs(x[0]!) - 1, 0), 6);
});
