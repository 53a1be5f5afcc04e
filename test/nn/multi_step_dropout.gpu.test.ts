import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { Dropout, MultiStepDropout, RandomState } from "../../src/nn/index.ts";
import { mul } from "../../src/ops/binary.ts";
import { sum } from "../../src/ops/sum.ts";
import { metaTensor, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../support/random.ts";

const [T, N, C] = [3, 4, 50];

test("every time step has the mask that Dropout draws for one, and gradients have it too", async () => {
  const values = randomArray(T * N * C, 1);
  const x = tensor(values, [T, N, C]);
  x.requiresGrad = true;
  const [layer, plain] = [new MultiStepDropout(0.4, new RandomState(7)), new Dropout(0.4, new RandomState(7))];
  const upstream = randomArray(T * N * C, 2);
  using tape = new Tape();
  const y = tape.keep(layer.forward(x));
  tape.backward(sum(mul(y, tensor(upstream, [T, N, C]))));
  const mask = await plain.forward(tensor(new Float32Array(N * C).fill(1), [N, C])).data();
  const at = (i: number) => mask[i % (N * C)]!;
  expect([...(await y.data())]).toEqual([...values.map((v, i) => v * at(i))]);
  expect([...(await x.grad!.data())]).toEqual([...upstream.map((v, i) => v * at(i))]);
  const zeros = mask.filter((v) => v === 0).length;
  expect(zeros / mask.length).toBeGreaterThan(0.3);
  expect(zeros / mask.length).toBeLessThan(0.5);
});

test("is the identity in evaluation, and refuses a tensor without time steps", () => {
  const layer = new MultiStepDropout(0.5, new RandomState(1));
  const x = tensor([[[1, 2]]]);
  expect(layer.eval().forward(x)).toBe(x);
  expect(layer.train().forward(metaTensor([2, 3, 4])).shape).toEqual([2, 3, 4]);
  expect(() => layer.forward(tensor([1, 2]))).toThrow("MultiStepDropout: expected x [T, N, ...]");
  expect(() => new MultiStepDropout(2)).toThrow("MultiStepDropout: p: expected a number in [0, 1], got 2");
});
