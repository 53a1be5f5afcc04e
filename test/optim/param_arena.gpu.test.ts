import { expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { currentGpu } from "../../src/gpu/index.ts";
import { Parameter } from "../../src/nn/parameter.ts";
import { crossEntropy } from "../../src/ops/cross_entropy.ts";
import { linear } from "../../src/ops/linear.ts";
import { enableLearnedThresholds } from "../../src/optim/index.ts";
import { SGD, type SGDOptions, type ThresholdMode } from "../../src/optim/sgd.ts";
import { captureStep, Scope, type TypedArray } from "../../src/tensor/index.ts";
import { withBindings } from "../support/bindings.ts";
import { differingWords, expectClose } from "../support/close.ts";
import { ownLearned } from "../support/own_settings.ts";
import { randomArray } from "../support/random.ts";

enableLearnedThresholds();

/** 64 segments of 1024 elements. */
const BINDING = 64 * 4096;
/** The second one takes 131 segments. */
const SIZES = [5000, 131 * 1024 - 500, 300];

const modes: readonly ThresholdMode[] = ["none", "latent", "inplace", "fista", "str", "ltp"];

const first = SIZES.map((n, k) => randomArray(n, k + 1, 0.05));
const gradients = [0, 1, 2].map((t) => SIZES.map((n, k) => randomArray(n, 10 * t + k + 5, 0.1)));

/** Do three steps on random gradients, then end pruning; read all state of the optimiser after each. */
async function threeSteps(mode: ThresholdMode): Promise<Map<string, TypedArray>> {
  const params = first.map((values) => new Parameter([values.length], () => values, { prunable: true }));
  const options: SGDOptions = { lr: 0.01, momentum: 0.9, weightDecay: 1e-3, nesterov: mode === "latent", mode };
  const sgd = new SGD(params, { ...options, ...ownLearned(mode, { str: { start: -4 }, ltp: { l0: 1e-2 } }) });
  const seen = new Map<string, TypedArray>();
  const look = async (when: string) => {
    for (const [k, weight] of params.entries()) {
      const kept = Object.entries({ weight, latent: weight.latent, velocity: sgd.velocityOf(weight) });
      for (const [name, t] of kept) if (t) seen.set(`${when}, ${name} ${k}`, await t.data());
      kept[2]?.[1]?.dispose();
    }
    const counts = (await sgd.counts()).flatMap(({ nonzero, pruned, regrown }) => [nonzero, pruned, regrown]);
    seen.set(`${when}, counts`, Uint32Array.from(counts));
    const learned = [...(await sgd.learnedThresholds()).values()].map(({ threshold }) => threshold);
    seen.set(`${when}, thresholds`, Float32Array.from(learned));
  };
  for (let t = 0; t < 3; t++) {
    sgd.set({ threshold: 0.01 * t, thresholdNext: 0.01 * (t + 1) });
    params.forEach((p, k) => {
      // One parameter gets no gradient in one step.
      if (t === 1 && k === 1) return;
      p.grad?.set(gradients[t]?.[k] as Float32Array);
      p.gradArrived = true;
    });
    sgd.step();
    await look(`step ${t}`);
  }
  sgd.bake();
  await look("baked");
  sgd.dispose();
  for (const p of params) p.dispose();
  return seen;
}

test.each(modes)("mode %s: updates a parameter larger than one binding in parts, with the same bits", async (mode) => {
  const { live } = currentGpu().memory();
  const whole = await threeSteps(mode);
  const parts = await withBindings(BINDING, () => threeSteps(mode));
  expect([...parts.keys()]).toEqual([...whole.keys()]);
  for (const [what, values] of whole) expect(differingWords(parts.get(what)!, values), what).toBe(0);
  const nonzero = whole.get("step 2, counts")?.[3] as number;
  if (mode === "none") expect(nonzero).toBe(SIZES[1]);
  else expect(nonzero).toBeLessThan(SIZES[1]!);
  expect(currentGpu().memory().live).toBe(live);
});

test("splits only a parameter that exceeds a binding, in a separate chunk", async () => {
  const chunksOf = () => {
    const params = SIZES.map((n) => new Parameter([n], () => new Float32Array(n)));
    const sgd = new SGD(params, { lr: 0.1 });
    const before = currentGpu().stream.stats.dispatches;
    sgd.step();
    const dispatches = currentGpu().stream.stats.dispatches - before;
    const parts = sgd.groups[0]!.chunks.map((c) => c.parts.map(({ first, rows, of }) => [first, rows, of]));
    sgd.dispose();
    for (const p of params) p.dispose();
    return { parts, dispatches };
  };
  expect(chunksOf()).toEqual({ parts: [[[0, 137, 137]]], dispatches: 1 });
  const large = [0, 64, 128].map((n) => [n, Math.min(64, 131 - n), 131]);
  const parts = [[[0, 5, 5]], large, [[0, 1, 1]]];
  expect(await withBindings(BINDING, chunksOf)).toEqual({ parts, dispatches: 5 });
});

test("a captured step with two micro-batches trains a split weight like a whole one", async () => {
  const [inputs, outputs, n] = [512, 256, 4];
  const run = async () => {
    const weight = new Parameter([outputs, inputs], () => randomArray(outputs * inputs, 1, 0.05), { prunable: true });
    const bias = new Parameter([outputs], () => new Float32Array(outputs));
    const sgd = new SGD([weight, bias], { lr: 0.5, momentum: 0.9, mode: "latent" });
    const step = captureStep(({ x, y }) => {
      for (let half = 0; half < 2; half++) {
        using _scope = new Scope();
        using tape = new Tape();
        const part = x!.alias([n, inputs], true, half * n * inputs);
        tape.backward(crossEntropy(linear(part, weight, bias), y!));
      }
      sgd.step();
      return { weight };
    });
    const labels = { data: Int32Array.of(3, 77, 200, 255), shape: [n] };
    for (let t = 0; t < 3; t++) {
      sgd.set({ threshold: 0.01 * t, thresholdNext: 0.01 * (t + 1) });
      step.run({ x: { data: randomArray(2 * n * inputs, t + 5), shape: [2 * n, inputs] }, y: labels });
    }
    const values = (await weight.data()) as Float32Array;
    step.dispose();
    sgd.dispose();
    weight.dispose();
    bias.dispose();
    return values;
  };
  const whole = await run();
  const parts = await withBindings(BINDING, run);
  // The kernel may be another for a part, with its sums of 512 products in another order.
  expectClose(parts, whole, { rtol: 1e-5, atol: 1e-7 });
  expect(whole.filter((w) => w === 0).length).toBeGreaterThan(0);
});
