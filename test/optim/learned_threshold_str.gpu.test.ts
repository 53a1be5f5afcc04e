// STR against independent numbers: a fixture of twenty steps, float64 steps of random layers, and facts that hold to
// the last bit.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Parameter } from "../../src/nn/index.ts";
import { enableLearnedThresholds, SGD } from "../../src/optim/index.ts";
import { parseFixtures, tensorOf } from "../../tools/golden/format.ts";
import { oracle } from "../../tools/golden/ops_optim.ts";
import { between, bitsOf, countZeros, Updates } from "../prune/invariants/updates.ts";
import { sigmoid, strLayer, strStep, strThreshold, strWeights } from "../reference/learned_threshold.ts";
import { expectClose } from "../support/close.ts";
import { fetchBytes } from "../support/fetch_bytes.ts";
import { randomArray } from "../support/random.ts";
import { layerNumbers, setLearned } from "./layer_numbers.ts";

enableLearnedThresholds();

test("twenty steps of mode str match the fixture str_trajectory", async () => {
  const bytes = await fetchBytes(new URL("../golden/optim.safetensors", import.meta.url));
  const c = parseFixtures(bytes, "optim").find(({ op }) => op === "str_trajectory");
  if (!c) throw new Error("no case str_trajectory");
  const number = (key: string) => c.attrs[key] as number;
  const { shape, data } = tensorOf(c, "p0");
  const p = new Parameter(shape, () => Float32Array.from(data), { prunable: true });
  const sgd = new SGD([p], {
    lr: number("lr"),
    momentum: number("momentum"),
    weightDecay: number("weight_decay"),
    mode: "str",
    str: { start: tensorOf(c, "s0").data[0]! },
  });
  const got = { x: [] as number[], s: [] as number[], w_used: [] as number[] };
  for (let k = 0; k < number("steps"); k++) {
    const used = (await p.data()) as Float32Array;
    got.w_used.push(...used);
    p.grad?.set(oracle(c, used, k));
    p.gradArrived = true;
    sgd.step();
    got.x.push(...((await p.latent?.data()) ?? []));
    got.s.push(...(await layerNumbers(sgd)).map(({ raw }) => raw));
  }
  for (const name of ["w_used", "x", "s"] as const) {
    expectClose(got[name], tensorOf(c, name).data, { rtol: 2e-5, atol: 2e-6 }, name);
  }
  expect(countZeros(got.w_used)).toBeGreaterThan(0);
  sgd.dispose();
  p.dispose();
});

test("layers of any size match float64, with momentum, both decays and a rising threshold", async () => {
  let moved = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.record({
        sizes: fc.array(fc.integer({ min: 1, max: 2500 }), { minLength: 1, maxLength: 4 }),
        seed: fc.nat(1e6),
        momentum: fc.constantFrom(0, 0.5, 0.9),
        weightDecay: fc.constantFrom(0, 1e-2),
        decay: fc.constantFrom(undefined, 0, 0.05),
        start: between(-3, -0.5),
      }),
      async ({ sizes, seed, start, decay, ...options }) => {
        const lr = 0.05;
        const theta = sizes.map((n, k) => randomArray(n, seed + k, 0.4));
        let layers = theta.map((t) => strLayer(t, Math.fround(start)));
        const first = layers.map(strThreshold);
        using run = new Updates(theta, { lr, ...options, mode: "str", str: { start, decay } });
        for (let t = 0; t < 12; t++) {
          const gradients = layers.map((l, k) => {
            const d = strThreshold(l);
            // Whether a weight this near to the threshold is left depends on rounding: it gets no gradient.
            return randomArray(l.theta.length, seed + 41 * t + k + 11, 0.2).map((g, i) =>
              Math.abs(Math.abs(l.theta[i]!) - d) < 3e-5 ? 0 : g,
            );
          });
          run.step(gradients, { lr });
          const h = { lr, ...options, decay: decay ?? options.weightDecay };
          layers = layers.map((l, k) => strStep(l, gradients[k] as Float32Array, h));
          const [w, stored, numbers] = [await run.weights(), await run.stored(), await layerNumbers(run.sgd)];
          layers.forEach((l, k) => {
            const limit = { rtol: 2e-5, atol: 2e-6 };
            expectClose(stored[k]!, l.theta, limit, `step ${t}, layer ${k}: theta`);
            expectClose([numbers[k]?.raw ?? Number.NaN], [l.s], limit, `step ${t}, layer ${k}: s`);
            expectClose([numbers[k]?.velocity ?? Number.NaN], [l.vs], { rtol: 2e-5, atol: 2e-5 }, "velocity of s");
            expectClose(w[k]!, strWeights(l), { rtol: 2e-5, atol: 4e-6 }, `step ${t}, layer ${k}: W`);
          });
        }
        const learned = [...(await run.sgd.learnedThresholds()).values()].map((t) => t.threshold);
        expectClose(learned, layers.map(strThreshold), { rtol: 2e-5, atol: 1e-6 });
        layers.forEach((l, k) => {
          moved = Math.max(moved, Math.abs(strThreshold(l) - first[k]!));
        });
        for (const [k, c] of (await run.sgd.counts()).entries()) {
          const w = (await run.weights())[k]!;
          expect(c.nonzero).toBe(w.length - countZeros(w));
          expect(c.nonzero).toBe(countLeft(theta[k]!, first[k]!) - c.pruned + c.regrown);
        }
      },
    ),
    {
      numRuns: 12,
      endOnFailure: true,
      // One run whose threshold moves far, since a draw of slow ones would not show a pass.
      examples: [[{ sizes: [2000, 700], seed: 5, momentum: 0.9, weightDecay: 1e-2, decay: 0.05, start: -0.5 }]],
    },
  );
  // The threshold did move, far enough for many weights to pass it within a step.
  expect(moved).toBeGreaterThan(0.02);
});

function countLeft(theta: Float32Array, d: number): number {
  return theta.filter((x) => Math.abs(x) > d).length;
}

test("weights at zero pass no gradient, neither to theta nor to s", async () => {
  let pruned = 0;
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 1500 }), { minLength: 1, maxLength: 3 }),
      fc.nat(1e6),
      fc.constantFrom(0, 0.9),
      async (sizes, seed, momentum) => {
        const theta = sizes.map((n, k) => randomArray(n, seed + k, 0.4));
        const options = { lr: 0.05, momentum, mode: "str", str: { start: -1.5, decay: 0.2 } } as const;
        using quiet = new Updates(theta, options);
        using loud = new Updates(theta, options);
        for (let t = 0; t < 8; t++) {
          const weights = await quiet.weights();
          const before = await quiet.stored();
          const g = sizes.map((n, k) => randomArray(n, seed + 29 * t + k + 3, 0.3));
          const withValue = (value: number) =>
            g.map((layer, k) => layer.map((x, i) => (weights[k]?.[i] === 0 ? value : x)));
          quiet.step(withValue(0), {});
          loud.step(withValue(1e30), {});
          const after = await quiet.stored();
          expect((await loud.stored()).map(bitsOf)).toEqual(after.map(bitsOf));
          expect(await layerNumbers(loud.sgd)).toEqual(await layerNumbers(quiet.sgd));
          pruned += weights.reduce((n, w) => n + countZeros(w), 0);
          if (momentum > 0) continue;
          weights.forEach((w, k) => {
            w.forEach((x, i) => {
              if (x === 0) expect(after[k]?.[i]).toBe(before[k]?.[i]);
            });
          });
        }
      },
    ),
    { numRuns: 8, endOnFailure: true },
  );
  expect(pruned).toBeGreaterThan(100);
});

test("s = -2 with three weights: the threshold, the weights and dW/ds", async () => {
  const theta = Float32Array.of(0.3, -0.05, 0.12);
  const slopes: number[] = [];
  for (let i = 0; i < 3; i++) {
    using run = new Updates([theta], { lr: 1, mode: "str", str: { start: -2 } });
    const [w] = await run.weights();
    expectClose(w!, [0.180797077978, 0, 0.000797077978], { rtol: 0, atol: 3e-8 });
    expect([...(await run.sgd.learnedThresholds()).values()].map((t) => t.threshold)[0]).toBeCloseTo(0.119202922022, 7);
    run.step([Float32Array.from({ length: 3 }, (_, k) => (k === i ? 1 : 0))], {});
    slopes.push(-2 - ((await layerNumbers(run.sgd))[0]?.raw as number));
  }
  expectClose(slopes, [-0.104993585404, 0, -0.104993585404], { rtol: 0, atol: 3e-7 });
  expect(slopes[1]).toBe(0);
});

test("s = -3200: a threshold of zero is dense training bit for bit, and decay alone moves s", async () => {
  const theta = [randomArray(1500, 3, 0.3), randomArray(33, 4, 0.3)];
  const options = { lr: 0.1, momentum: 0.9, weightDecay: 1e-2 };
  using run = new Updates(theta, { ...options, mode: "str", str: { start: -3200 } });
  using dense = new Updates(theta, { ...options, mode: "none" });
  let layer = strLayer(theta[0]!, -3200);
  for (let t = 0; t < 30; t++) {
    const g = theta.map((w, k) => randomArray(w.length, 100 * t + k + 1));
    run.step(g, {});
    dense.step(g, {});
    layer = strStep(layer, g[0]!, { ...options, decay: options.weightDecay });
  }
  expect((await run.weights()).map(bitsOf)).toEqual((await dense.weights()).map(bitsOf));
  expect((await run.velocities()).map(bitsOf)).toEqual((await dense.velocities()).map(bitsOf));
  for (const { raw, next } of await layerNumbers(run.sgd)) {
    expect(next[0]).toBe(0);
    expectClose([raw], [layer.s], { rtol: 1e-5, atol: 0 });
  }
  expect(layer.s).toBeGreaterThan(-2600);
});

test("s of any sign and size gives a finite threshold", async () => {
  using run = new Updates([randomArray(10)], { lr: 0.1, mode: "str" });
  for (const s of [-3.4e38, -1e4, -104, -88, -20, -1, 0, 1, 20, 88, 1e4, 3.4e38]) {
    await setLearned(run.sgd, [s]);
    const [numbers] = await layerNumbers(run.sgd);
    // Below the smallest normal number the GPU may give zero.
    expectClose([numbers?.next[0] as number], [sigmoid(s)], { rtol: 3e-6, atol: 1.2e-38 });
    for (const w of (await run.weights())[0]!) expect(Number.isFinite(w)).toBe(true);
  }
});

test("the published runs: s after fifty epochs of decay alone", () => {
  const trace = (start: number, weightDecay: number) => {
    let layer = strLayer([], start);
    const seen = [start];
    for (let epoch = 0; epoch < 50; epoch++) {
      const warm = (0.256 * (epoch + 1)) / 5;
      const lr = epoch < 5 ? warm : (0.256 * (1 + Math.cos((Math.PI * (epoch - 5)) / 95))) / 2;
      const h = { lr, momentum: 0.875, weightDecay, decay: weightDecay };
      for (let step = 0; step < 5005; step++) layer = strStep(layer, [], h);
      seen.push(layer.s);
    }
    return [0, 5, 10, 20, 30, 40, 50].map((epoch) => seen[epoch]!);
  };
  // Recursion run elsewhere, three decimals.
  const resnet = [-3200, -1600.967, -505.629, -53.43, -6.723, -1.113, -0.26];
  const mobilenet = [-12800, -4036.478, -591.317, -13.971, -0.442, -0.022, -0.002];
  expectClose(trace(-3200, 2.251757813e-5), resnet, { rtol: 0, atol: 6e-4 });
  expectClose(trace(-12800, 3.751757813e-5), mobilenet, { rtol: 0, atol: 6e-4 });
});
