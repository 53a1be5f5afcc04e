import { expect, test } from "vitest";
import {
  DirectEncoder,
  LatencyEncoder,
  PoissonEncoder,
  RandomState,
  Sequential,
  WeightedPhaseEncoder,
} from "../../src/nn/index.ts";
import { encodeDirect, encodeLatency, encodePoisson, encodeWeightedPhase } from "../../src/ops/index.ts";
import { metaTensor, Scope, scalar, tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../support/random.ts";

const options = { timeSteps: 5 };

test("each encoder equals its op, and has a shape without a GPU", async () => {
  using _scope = new Scope();
  const random = new RandomState(3);
  random.setStep(8);
  const x = tensor(
    randomArray(24, 1).map((v) => Math.abs(v) % 1),
    [2, 3, 4],
  );
  const pairs = [
    [new DirectEncoder(options), encodeDirect(x, options)],
    [new LatencyEncoder(options), encodeLatency(x, options)],
    [new LatencyEncoder({ ...options, function: "log" }), encodeLatency(x, { ...options, function: "log" })],
    [new WeightedPhaseEncoder(options), encodeWeightedPhase(x, options)],
    [new PoissonEncoder(options, random), encodePoisson(x, { ...options, seed: 3, stream: 0, step: scalar(8, "u32") })],
  ] as const;
  for (const [encoder, want] of pairs) {
    expect(await encoder.forward(x).data()).toEqual(await want.data());
    expect(encoder.forward(metaTensor([2, 3, 4])).shape).toEqual([5, 2, 3, 4]);
    expect([...encoder.parameters()]).toEqual([]);
  }
  random.dispose();
});

test("Poisson: evaluation draws like training, the step decides, and two encoders differ", async () => {
  using _scope = new Scope();
  const random = new RandomState(4);
  const [a, b] = [new PoissonEncoder(options, random), new PoissonEncoder(options, random)];
  const x = tensor(new Float32Array(200).fill(0.5), [1, 200]);
  const draw = async (encoder: PoissonEncoder) => String(await encoder.forward(x).data());
  const first = await draw(a);
  expect(await draw(b)).not.toBe(first);
  new Sequential([a]).eval();
  expect(await draw(a)).toBe(first);
  random.setStep(1);
  expect(await draw(a)).not.toBe(first);
  random.setStep(0);
  expect(await draw(a)).toBe(first);
  random.dispose();
});

test("refuses bad options when the layer is made", () => {
  const random = new RandomState(1);
  const wrong = { timeSteps: 0 };
  expect(() => new DirectEncoder(wrong)).toThrow("encodeDirect: timeSteps: expected an integer >= 1, got 0");
  expect(() => new LatencyEncoder(wrong)).toThrow("encodeLatency: timeSteps");
  expect(() => new WeightedPhaseEncoder(wrong)).toThrow("encodeWeightedPhase: timeSteps");
  expect(() => new PoissonEncoder(wrong, random)).toThrow("encodePoisson: timeSteps");
});
