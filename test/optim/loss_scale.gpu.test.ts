import { describe, expect, test } from "vitest";
import { Tape } from "../../src/autograd/index.ts";
import { Parameter } from "../../src/nn/parameter.ts";
import { mul } from "../../src/ops/binary.ts";
import { sum } from "../../src/ops/sum.ts";
import { enableLearnedThresholds, LossScale } from "../../src/optim/index.ts";
import { SGD, type ThresholdMode } from "../../src/optim/sgd.ts";
import { captureStep, readAll, type Tensor } from "../../src/tensor/index.ts";
import { randomArray } from "../support/random.ts";

enableLearnedThresholds();

const MODES: readonly ThresholdMode[] = ["none", "latent", "inplace", "fista", "str", "ltp"];

function build(mode: ThresholdMode) {
  const params = [1500, 7].map((n, i) => new Parameter([n], () => randomArray(n, i), { prunable: true }));
  const sgd = new SGD(params, { lr: 0.1, momentum: 0.9, nesterov: mode !== "fista", weightDecay: 0.01, mode });
  if (mode !== "none") sgd.set({ threshold: 0.3, thresholdNext: 0.3, tau: 0.01 });
  return { params, sgd };
}

/** Take a step with the gradients of a seed, times a factor; or with one bad value among them. */
function take({ params, sgd }: ReturnType<typeof build>, seed: number, factor = 1, bad?: number): void {
  params.forEach((p, i) => {
    const g = randomArray(p.numel, 10 * seed + i).map((v) => v * factor);
    if (bad !== undefined && i === 0) g[1234] = bad;
    p.grad!.set(g);
    p.gradArrived = true;
  });
  sgd.step();
}

/** Everything that a step changes, as words. */
async function stateOf({ params, sgd }: ReturnType<typeof build>): Promise<number[][]> {
  const tensors: Tensor[] = params.flatMap((p) => [p, p.latent, sgd.velocityOf(p)].filter((t) => t !== null));
  for (const { chunks } of sgd.groups) for (const c of chunks) tensors.push(c.tally, c.hyper);
  return (await readAll(...tensors)).map((values) => [...new Uint32Array(values.buffer)]);
}

describe.each(MODES)("mode %s", (mode) => {
  test.each(["prune", "mask", "dense"] as const)(
    "in phase %s, scaled gradients give the bits of unscaled ones, and a skipped step those of a run without it",
    async (phase) => {
      const [plain, scaled] = [build(mode), build(mode)];
      const scale = new LossScale(scaled.sgd, { initial: 1024 });
      for (const run of [plain, scaled]) {
        for (const seed of [1, 2]) take(run, seed, run === scaled ? 1024 : 1);
        if (phase === "mask") run.sgd.bake();
        else run.sgd.setPhase(phase);
        take(run, 3, run === scaled ? 1024 : 1);
      }
      expect(await stateOf(scaled)).toEqual(await stateOf(plain));
      let factor = 1024;
      for (const bad of [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN]) {
        scaled.sgd.stepsDone = plain.sgd.stepsDone;
        take(scaled, 4, factor, bad);
        factor /= 2;
        expect(await scale.read()).toMatchObject({ scale: factor, goodSteps: 0 });
        scaled.sgd.stepsDone = plain.sgd.stepsDone;
        expect(await stateOf(scaled)).toEqual(await stateOf(plain));
      }
      take(plain, 5);
      take(scaled, 5, factor);
      expect(await stateOf(scaled)).toEqual(await stateOf(plain));
      expect(await scale.read()).toEqual({ scale: 128, goodSteps: 1, skippedSteps: 3 });
      for (const run of [plain, scaled]) for (const part of [run.sgd, ...run.params]) part.dispose();
    },
  );
});

test("the scale doubles after a row of good steps, and stays between 1 and 2^24", async () => {
  const run = build("none");
  const scale = new LossScale(run.sgd, { initial: 2, growthInterval: 3 });
  const seen: number[] = [];
  const takeAll = async (steps: number, bad?: number) => {
    for (let i = 0; i < steps; i++) take(run, 1, 0, bad);
    seen.push((await scale.read()).scale);
  };
  await takeAll(2);
  await takeAll(1);
  await takeAll(5);
  await takeAll(1, Number.NaN);
  await takeAll(2);
  await takeAll(1);
  await takeAll(9, Number.NaN);
  await takeAll(3 * 30);
  expect(seen).toEqual([2, 4, 8, 4, 4, 8, 1, 2 ** 24]);
  expect((await scale.read()).skippedSteps).toBe(10);
  for (const part of [run.sgd, ...run.params]) part.dispose();
});

test("a captured step skips and scales in its replays as it does eagerly", async () => {
  const results = [];
  for (const replay of [false, true]) {
    const run = build("latent");
    const scale = new LossScale(run.sgd, { initial: 2 ** 10, growthInterval: 2 });
    const [w] = run.params as [Parameter];
    const step = captureStep(
      ({ x }: { x: Tensor }) => {
        using tape = new Tape();
        const loss = tape.keep(sum(mul(w, x)));
        tape.backward(loss, scale.upstream());
        run.sgd.step();
        return { loss };
      },
      { replay },
    );
    for (let n = 0; n < 8; n++) {
      // The third and the fourth step overflow in f32.
      const data = randomArray(1500, n).map((v) => (n === 2 || n === 3 ? v * 1e37 : v));
      step.run({ x: { data, shape: [1500] } });
    }
    results.push({ state: await stateOf(run), scale: await scale.read() });
    step.dispose();
    for (const part of [run.sgd, ...run.params]) part.dispose();
  }
  expect(results[0]).toEqual(results[1]);
  expect(results[0]!.scale).toEqual({ scale: 2 ** 11, goodSteps: 0, skippedSteps: 2 });
});

test("bad options are refused, and a second scale of an optimizer", () => {
  const run = build("none");
  for (const initial of [0.5, 3, 2 ** 25, Number.NaN])
    expect(() => new LossScale(run.sgd, { initial })).toThrow(
      `LossScale: initial: expected a power of two from 1 to 2^24, got ${initial}`,
    );
  expect(() => new LossScale(run.sgd, { growthInterval: 0 })).toThrow(
    "LossScale: growthInterval: expected an integer from 1 to 2^24, got 0",
  );
  new LossScale(run.sgd);
  expect(() => new LossScale(run.sgd)).toThrow("LossScale: expected an optimizer without a loss scale, got one with");
  for (const part of [run.sgd, ...run.params]) part.dispose();
});
