// The fused kernel against the two ops it is made of: batch norm, then neurons.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { activationCheckpoint, Tape } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { batchNorm } from "../../src/ops/batch_norm.ts";
import { type BatchNormNeuronOptions, batchNormNeuron } from "../../src/ops/batch_norm_neuron.ts";
import { reshape } from "../../src/ops/reshape.ts";
import type { NeuronKind } from "../../src/ops/spiking/neuron.ts";
import { resolveSurrogate } from "../../src/ops/spiking/surrogate.ts";
import { captureStep, metaTensor, readAll, Scope, type Tensor, tensor } from "../../src/tensor/index.ts";
import { normalise } from "../reference/batch_norm.ts";
import { walkNeurons } from "../reference/spiking.ts";
import { gradientsThroughTime } from "../reference/spiking_gradient.ts";
import { expectClose } from "../support/close.ts";
import { HALF_ROUNDING, roundedToHalf, testHalf } from "../support/half.ts";
import { randomArray } from "../support/random.ts";
import { count, draw, fire, type Host, pass, upstream } from "./lif_run.ts";

interface Case extends Partial<BatchNormNeuronOptions> {
  readonly neuron: NeuronKind;
  /** [T*N, C, ...], or [N, C, ...] when constant. */
  readonly shape: readonly number[];
  readonly timeSteps: number;
  readonly seed?: number;
}

type Op = (
  x: Tensor,
  channel: [weight: Tensor, bias: Tensor, mean: Tensor, variance: Tensor],
  w: Tensor | null,
  options: BatchNormNeuronOptions,
) => Tensor;

const fused: Op = (x, channel, w, options) => batchNormNeuron(x, ...channel, w, options);

const composed: Op = (x, channel, w, { neuron, timeSteps, constant = false, training, momentum, eps, ...rest }) => {
  const settings = { ...(training ? { training } : {}), ...(momentum ? { momentum } : {}), ...(eps ? { eps } : {}) };
  const current = batchNorm(x, ...channel, settings);
  if (constant) return fire(neuron, current, null, w, { ...rest, timeSteps });
  const [folded, ...one] = x.shape as [number, ...number[]];
  return fire(neuron, reshape(current, { shape: [timeSteps, folded / timeSteps, ...one] }), null, w, rest);
};

function inputsOf({ shape, seed = 1, neuron }: Case): Record<string, Host> {
  const channels = [shape[1]!];
  return {
    x: draw(shape, seed, 1.4, 0.5),
    weight: draw(channels, seed + 1, 0.3, 1),
    bias: draw(channels, seed + 2, 0.3, 0.5),
    ...(neuron === "PLIF" ? { w: { data: Float32Array.of(-0.4), shape: [] } } : {}),
  };
}

const runningOf = (channels: number) => ({
  mean: randomArray(channels, 6, 0.3).map((v) => v + 0.4),
  variance: randomArray(channels, 7, 0.3).map((v) => v + 1.6),
});

/** Spikes, gradients by name, and the running statistics afterwards. */
async function run({ shape, seed: _, ...options }: Case, op: Op, inputs: Record<string, Host>) {
  using _scope = new Scope();
  const running = runningOf(shape[1]!);
  const [mean, variance] = [tensor(running.mean), tensor(running.variance)];
  const got = await pass(inputs, ({ x, weight, bias, w }) =>
    op(x!, [weight!, bias!, mean, variance], w ?? null, { surrogate: "atan", ...options }),
  );
  const [m, v] = await readAll(mean, variance);
  return { ...got, mean: m, variance: v } as Record<string, Float32Array>;
}

async function check(c: Case): Promise<void> {
  const inputs = inputsOf(c);
  const [got, want] = [await run(c, fused, inputs), await run(c, composed, inputs)];
  expect(Object.keys(got)).toEqual(Object.keys(want));
  // Bit for bit: batch norm ends in an fma and the neuron is made of fmas, so no compiler may round elsewhere.
  for (const part of ["y", "mean", "variance"]) expect(got[part]).toEqual(want[part]);
  for (const part of ["x", "weight", "bias", "w"]) {
    if (part in want) expectClose(got[part]!, want[part]!, { rtol: 1e-6, atol: 1e-6 }, `gradient of ${part}`);
  }
  if (c.shape.length > 3 && c.shape[2]! > 1) expect(new Set(got["y"])).toEqual(new Set([0, 1]));
}

describe.each([true, false])("equals its parts, training %s", (training) => {
  test.each([
    // Planes of fours and others, several parts, one step.
    { neuron: "LIF", shape: [6, 3, 4, 4], timeSteps: 3, detachReset: true },
    { neuron: "LIF", shape: [6, 3, 3, 3], timeSteps: 3, vReset: null },
    { neuron: "PLIF", shape: [12, 5, 4, 2], timeSteps: 6 },
    { neuron: "PLIF", shape: [3, 4, 4, 2], timeSteps: 6, constant: true, decayInput: false },
    { neuron: "IF", shape: [4, 3, 5, 3], timeSteps: 3, constant: true, vReset: -0.2, momentum: 0.3, eps: 1e-3 },
    { neuron: "IF", shape: [9, 7], timeSteps: 3 },
    // Planes that end within an invocation's items, within a workgroup's, and beyond.
    { neuron: "PLIF", shape: [12, 8, 12, 12], timeSteps: 6 },
    { neuron: "LIF", shape: [6, 5, 13, 13], timeSteps: 3 },
    { neuron: "LIF", shape: [6, 2, 48, 48], timeSteps: 3 },
    { neuron: "LIF", shape: [4, 2, 8], timeSteps: 1, tau: 4 },
  ] as const)("$neuron, x [$shape], T $timeSteps", (c) => check({ ...c, training }));
});

test("any shape equals its parts", async () => {
  const size = fc.integer({ min: 1, max: 5 });
  const anyCase = fc.record({
    neuron: fc.constantFrom("LIF" as const, "IF" as const),
    one: fc
      .tuple(fc.integer({ min: 2, max: 4 }), fc.array(size, { minLength: 1, maxLength: 4 }))
      .map(([n, rest]) => [n, ...rest]),
    timeSteps: fc.constantFrom(3, 6),
    constant: fc.boolean(),
    vReset: fc.constantFrom(0, -0.5, null),
    seed: fc.integer({ min: 1, max: 999 }),
  });
  await fc.assert(
    fc.asyncProperty(anyCase, async ({ one: [n, ...rest], ...c }) => {
      const shape = [c.constant ? n! : n! * c.timeSteps, ...rest];
      await check({ ...c, shape, training: true, eps: 0.1 });
    }),
    { numRuns: 15, seed: 2 },
  );
});

test("evaluation against float64", async () => {
  const shape = [6, 3, 4, 4];
  const neuron = { kind: "LIF", tau: 2, vReset: 0, derivative: resolveSurrogate("test", "atan").derivative } as const;
  const running = runningOf(3);
  for (let seed = 1; ; seed++) {
    const c: Case = { neuron: "LIF", shape, timeSteps: 3, seed };
    const inputs = inputsOf(c);
    const [x, weight, bias] = [inputs["x"]!.data, inputs["weight"]!.data, inputs["bias"]!.data];
    const values = { weight, bias, runningMean: running.mean, runningVar: running.variance };
    const { y: current } = normalise({ shape, training: false }, x, values);
    const { spike, h } = walkNeurons(neuron, 3, { x: current });
    if (h.some((v) => Math.abs(v - 1) < 1e-5)) continue;
    const got = await run(c, fused, inputs);
    expect([...got["y"]!]).toEqual([...spike]);
    const { x: dcurrent } = gradientsThroughTime(neuron, 3, { x: current }, upstream(x.length));
    const channelOf = (i: number) => Math.floor(i / 16) % 3;
    const slope = (i: number) => 1 / Math.sqrt(running.variance[channelOf(i)]! + 1e-5);
    expectClose(
      got["x"]!,
      dcurrent.map((g, i) => g * weight[channelOf(i)]! * slope(i)),
      { rtol: 1e-5, atol: 1e-6 },
      "dx",
    );
    const sums = { weight: new Float64Array(3), bias: new Float64Array(3) };
    dcurrent.forEach((g, i) => {
      sums.bias[channelOf(i)]! += g;
      sums.weight[channelOf(i)]! += g * (x[i]! - running.mean[channelOf(i)]!) * slope(i);
    });
    expectClose(got["weight"]!, sums.weight, { rtol: 1e-5, atol: 1e-5 }, "dweight");
    expectClose(got["bias"]!, sums.bias, { rtol: 1e-5, atol: 1e-5 }, "dbias");
    return;
  }
});

test("computes only the gradients that are needed, and leaves no memory behind", async () => {
  const c = { neuron: "PLIF", shape: [6, 3, 4, 4], timeSteps: 3, training: true } as const;
  const options = { neuron: "PLIF", timeSteps: 3, training: true, surrogate: "atan" } as const;
  const all = inputsOf(c);
  const before = currentGpu().memory().live;
  const full = await run(c, fused, all);
  for (const wanted of Object.keys(all)) {
    using _scope = new Scope();
    const fixed = Object.fromEntries(Object.entries(all).map(([k, { data, shape }]) => [k, tensor(data, shape)]));
    const got = await pass({ [wanted]: all[wanted]! }, (given) => {
      const t = { ...fixed, ...given };
      const state: [Tensor, Tensor] = [tensor(new Float32Array(3)), tensor(new Float32Array(3))];
      return batchNormNeuron(t["x"]!, t["weight"]!, t["bias"]!, ...state, t["w"]!, options);
    });
    expect(Object.keys(got)).toEqual(["y", wanted]);
    expect(got[wanted]).toEqual(full[wanted]);
  }
  expect(currentGpu().memory().live).toBe(before);
});

test("without weights, or without running statistics", async () => {
  using _scope = new Scope();
  const shape = [6, 3, 4, 4];
  const x = draw(shape, 1, 1.4, 0.5);
  const ones = tensor([1, 1, 1]);
  const zeros = tensor([0, 0, 0]);
  const options = { neuron: "LIF", timeSteps: 3, training: true, surrogate: "atan" } as const;
  const bare = await pass({ x }, ({ x }) => batchNormNeuron(x!, null, null, null, null, null, options));
  const full = await pass({ x }, ({ x }) => batchNormNeuron(x!, ones, zeros, null, null, null, options));
  expect(bare).toEqual(full);
});

test.each([true, false])(
  "in a captured step, checkpointed or not, replay %s: the same bits, statistics move once",
  async (replay) => {
    using _scope = new Scope();
    const options = { neuron: "PLIF", timeSteps: 3, training: true, surrogate: "atan" } as const;
    const seen: unknown[] = [];
    for (const wrapped of [false, true]) {
      const leaves = [tensor([1, 0.8, 1.2]), tensor([0.4, 0.5, 0.6]), tensor([-0.4], [])] as const;
      for (const t of leaves) t.requiresGrad = true;
      const state = [tensor([0, 0, 0]), tensor([1, 1, 1])] as const;
      const net = (x: Tensor) => batchNormNeuron(x, leaves[0], leaves[1], ...state, leaves[2], options);
      using step = captureStep(
        (inputs: { x: Tensor }) => {
          using tape = new Tape();
          const spikes = tape.keep((wrapped ? activationCheckpoint(net) : net)(inputs.x));
          for (const t of leaves) t.gradArrived = false;
          tape.backward(spikes, reshape(inputs.x, { shape: spikes.shape }));
          return { spikes };
        },
        { replay },
      );
      const out: unknown[] = [];
      for (let i = 1; i <= 3; i++) {
        const { spikes } = step.run({ x: draw([6, 3, 4, 4], i, 1.4, 0.5) });
        out.push((await readAll(spikes, ...leaves.map((t) => t.grad!), ...state)).map((a) => [...a]));
      }
      for (const t of leaves) t.grad?.dispose();
      seen.push(out);
    }
    expect(seen[1]).toEqual(seen[0]);
    // 1 - (1 - 0.1)^3 of the way to the batches' means, whatever those are: 0.27 of about 0.5.
    const [, , , , mean] = (seen[0] as number[][][])[2]!;
    for (const m of mean!) expect(Math.abs(m - 0.271 * 0.5)).toBeLessThan(0.1);
  },
);

test("same inputs, same bits", async () => {
  const c = { neuron: "PLIF", shape: [12, 8, 12, 12], timeSteps: 6, training: true } as const;
  const inputs = inputsOf(c);
  expect(count(c.shape)).toBeGreaterThan(64 * 8 * 4 * 6); // several workgroups a step
  const first = await run(c, fused, inputs);
  expect(await run(c, fused, inputs)).toEqual(first);
});

test("errors give the expected and the actual value", () => {
  const x = metaTensor([6, 3, 4, 4]);
  const [c, w] = [metaTensor([3]), metaTensor([])];
  const plain = { neuron: "LIF", timeSteps: 3, training: true } as const;
  const bad = (message: string, options: object, input = x, leak: Tensor | null = null, weight = c) =>
    expect(() => batchNormNeuron(input, weight, c, c, c, leak, { ...plain, ...options })).toThrow(
      `batchNormNeuron: ${message}`,
    );
  bad("x: expected a first axis of T·N with T = 4", { timeSteps: 4 });
  bad("timeSteps: expected an integer >= 1, got 0", { timeSteps: 0 });
  bad("timeSteps: expected an integer >= 1, got 1.5", { timeSteps: 1.5, constant: true });
  bad("x: expected 2 to 5 axes, [N, C, ...]", {}, metaTensor([6]));
  bad("x: expected f32 or f16, got i32", {}, metaTensor([6, 3], "i32"));
  bad("weight: expected [3], one value per channel", {}, x, null, metaTensor([4]));
  bad("PLIF: expected w, the logit of its leak", { neuron: "PLIF" });
  bad("LIF: expected no w, since its leak is not learned", {}, x, w);
  bad("w: expected one element", { neuron: "PLIF" }, x, metaTensor([2]));
  bad("w: expected f32, got i32", { neuron: "PLIF" }, x, metaTensor([], "i32"));
  bad("neuron: expected IF, LIF or PLIF, got GRU", { neuron: "GRU" });
  bad("tau: expected a number > 1, got 1", { tau: 1 });
  bad("vReset: expected less than vThreshold = 1, got 2", { vReset: 2 });
  bad("surrogate: expected one of atan", { surrogate: "step" });
  bad("eps: expected a number > 0, got 0", { eps: 0 });
  expect(() => batchNormNeuron(x, c, c, null, null, null, { ...plain, training: false })).toThrow(
    "batchNormNeuron: evaluation: expected running statistics",
  );
  expect(batchNormNeuron(x, c, c, c, c, null, plain).shape).toEqual([3, 2, 3, 4, 4]);
  expect(batchNormNeuron(x, c, c, c, c, w, { ...plain, neuron: "PLIF", constant: true }).shape).toEqual([
    3, 6, 3, 4, 4,
  ]);
});

testHalf("f16: spikes of the same values in f32, gradients within rounding", async () => {
  for (const { shape, ...steps } of [
    { shape: [8, 3, 4, 4], timeSteps: 4 },
    { shape: [6, 2, 3, 5], timeSteps: 2, constant: true },
  ]) {
    const values = roundedToHalf(randomArray(count(shape), 1, 1.4).map((v) => v + 0.5));
    const results: Float32Array[][] = [];
    for (const dtype of ["f32", "f16"] as const) {
      using _scope = new Scope();
      const channels = shape[1]!;
      const [weight, bias] = [tensor(randomArray(channels, 2).map((v) => v + 1)), tensor(randomArray(channels, 3))];
      const x = tensor(values, shape, dtype);
      for (const t of [x, weight, bias]) t.requiresGrad = true;
      using tape = new Tape();
      const options = { neuron: "LIF", training: true, ...steps } as const;
      const y = tape.keep(batchNormNeuron(x, weight, bias, null, null, null, options));
      expect(y.dtype).toBe(dtype);
      tape.backward(y, tensor(roundedToHalf(randomArray(y.numel, 4)), y.shape, dtype));
      results.push((await readAll(y, x.grad!, weight.grad!, bias.grad!)) as Float32Array[]);
      for (const t of [x, weight, bias]) t.grad!.dispose();
    }
    const [wide, half] = results as [Float32Array[], Float32Array[]];
    expect(half[0]).toEqual(wide[0]);
    for (const i of [1, 2, 3]) expectClose(half[i]!, wide[i]!, { rtol: 2 * HALF_ROUNDING, atol: 0 }, `gradient ${i}`);
  }
});
