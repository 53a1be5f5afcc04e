// LTP against independent numbers: a published layer of five weights, float64 steps of random layers, finite
// differences, and invariance to the scale of a layer.
import fc from "fast-check";
import { expect, test } from "vitest";
import type { LtpOptimizerOptions, SGDOptions } from "../../src/optim/index.ts";
import { between, bitsOf, countZeros, Updates } from "../prune/invariants/updates.ts";
import {
  ltpGradient,
  ltpHard,
  ltpLayer,
  ltpLoss,
  ltpStep,
  ltpWeights,
  spread,
} from "../reference/learned_threshold.ts";
import { expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";
import { type LayerNumbers, layerNumbers, setLearned } from "./layer_numbers.ts";

/** A clip without effect, and a rate of tau from the test. */
const free: LtpOptimizerOptions = { clip: 1e30 };

async function opened(
  theta: readonly Float32Array[],
  tau: readonly number[],
  options: Partial<SGDOptions>,
): Promise<Updates> {
  const run = new Updates(theta, { lr: 0, ...options, mode: "ltp" });
  await setLearned(run.sgd, tau);
  return run;
}

const first = (numbers: readonly LayerNumbers[]): LayerNumbers => numbers[0]!;

// Five weights, T = 0.01, tau = 0.03.
const five = Float32Array.of(0.5, -0.2, 0.1, 0.02, -0.01);
const fiveGradient = Float32Array.of(0.3, -0.1, 0.5, 1, -2);
const fiveSpread = 0.032544;
const fiveWidth = 0.01 / fiveSpread;

test("five weights: gates, weights, their gradients, and those of tau", async () => {
  using run = await opened([five], [0.03], { lr: 1, ltp: { ...free, l0: 0, temperature: fiveWidth, lr: 1e3 } });
  const numbers = first(await layerNumbers(run.sgd));
  expectClose([numbers.next[1], numbers.spread], [0.01, fiveSpread], { rtol: 1e-6, atol: 0 });
  const [v] = (await run.weights()) as [Float32Array];
  const want = [0.49999999986, -0.146211715726, 0.0119202922022, 0.000985320121681, -0.000478796898499];
  want.forEach((x, i) => {
    expectClose([v[i]!], [x], { rtol: 3e-6, atol: 0 }, `weight ${i}`);
  });
  // The gradient that reaches the weights leaves the gate's own derivative out.
  run.step([fiveGradient], {});
  const [moved] = (await run.stored()) as [Float32Array];
  const kept = [0.299999999916, -0.073105857863, 0.059601461011, 0.049266006084, -0.0957593797];
  expectClose(
    moved.map((x, i) => five[i]! - x),
    kept,
    { rtol: 0, atol: 1e-7 },
  );
  const risen = (first(await layerNumbers(run.sgd)).raw - 0.03) / (1e3 * fiveSpread ** 2);
  expectClose([risen], [1.103043981441], { rtol: 5e-6, atol: 0 });
});

test("five weights: the cost of a weight raises tau by the sum of q, and two weights pass the hard rule", async () => {
  // With no gradient, and a cost of 1 for each weight left.
  using run = await opened([five], [0.03], { ltp: { ...free, l0: 5, temperature: fiveWidth, lr: 1e-4 } });
  run.step([new Float32Array(5)], {});
  expect((await run.sgd.counts())[0]).toMatchObject({ nonzero: 2, pruned: 0, regrown: 0 });
  const { raw } = first(await layerNumbers(run.sgd));
  const risen = raw - Math.fround(0.03);
  // The rise is some 4e-6, of which float32 near 0.03 sees 2e-9.
  expectClose([risen / (1e-4 * fiveSpread ** 2)], [39.403161080228], { rtol: 2e-3, atol: 0 });
  using far = await opened([five], [0.03], { ltp: { ...free, l0: 5, temperature: fiveWidth, lr: 100 } });
  far.step([new Float32Array(5)], {});
  const leap = first(await layerNumbers(far.sgd)).raw - 0.03;
  expectClose([leap / (100 * fiveSpread ** 2)], [39.403161080228], { rtol: 5e-6, atol: 0 });
});

test("harden gives the masks of evaluation, soften the bits of training", async () => {
  const theta = [randomArray(1300, 2, 0.2), five];
  using run = await opened(theta, [0.01, 0.03], { ltp: { temperature: 0.05 } });
  const soft = await run.weights();
  run.sgd.harden();
  const hard = await run.weights();
  hard.forEach((w, k) => {
    const tau = Math.fround([0.01, 0.03][k]!);
    const layer = theta[k]!;
    const want = layer.map((x) => (Math.fround(x * x) > tau ? x : 0));
    expect(bitsOf(w)).toEqual(bitsOf(want));
  });
  expect([...hard[1]!]).toEqual([0.5, Math.fround(-0.2), 0, 0, 0]);
  expect(countZeros(hard[0]!)).toBeGreaterThan(100);
  expect(soft.map(countZeros)).toEqual([0, 0]);
  run.sgd.soften();
  expect((await run.weights()).map(bitsOf)).toEqual(soft.map(bitsOf));
});

const anyLayers = fc.record({
  // Of very few weights |w| may hardly vary, and float32 cannot tell its variance.
  sizes: fc.array(fc.integer({ min: 16, max: 2500 }), { minLength: 1, maxLength: 4 }),
  seed: fc.nat(1e6),
  // Layers of different scales.
  scale: fc.constantFrom(0.02, 0.3, 4),
  temperature: between(0.02, 0.3),
});

// An unclipped tau multiplies any difference by ten or more per step, so each step starts from the engine's numbers.
test("each of twelve steps matches float64 for layers of any size and scale", async () => {
  const seen = { clipped: 0, free: 0, atZero: 0, above: 0 };
  await fc.assert(
    fc.asyncProperty(
      anyLayers,
      fc.record({
        momentum: fc.constantFrom(0, 0.9),
        nesterov: fc.boolean(),
        weightDecay: fc.constantFrom(0, 1e-2),
        l0: fc.constantFrom(0, 0.05, 0.5),
        rate: fc.constantFrom(0.2, 1),
        clip: fc.constantFrom(0.02, 1e6),
      }),
      async ({ sizes, seed, scale, temperature }, { nesterov, l0, rate, clip, ...options }) => {
        const scales = sizes.map((_, k) => scale * 0.5 ** k);
        const weights = sizes.reduce((a, b) => a + b, 0);
        const theta = sizes.map((n, k) => randomArray(n, seed + k, scales[k]));
        const lr = 0.02 * scale * scale;
        const all = { lr, ...options, nesterov: nesterov && options.momentum > 0 };
        using run = new Updates(theta, { ...all, mode: "ltp", ltp: { l0, temperature, lr: rate, clip } });
        const tau = scales.map((s, k) => Math.fround(k % 2 === 0 ? 0.1 * s * s : 0));
        await setLearned(run.sgd, tau);
        let layers = theta.map((t, k) => ltpLayer(t, tau[k]!, temperature));
        for (let t = 0; t < 12; t++) {
          const g = sizes.map((n, k) => randomArray(n, seed + 37 * t + k + 5, 1 / (scale * Math.sqrt(n))));
          // The learning rate halves half-way: that of tau goes with it.
          const share = t < 6 ? 1 : 0.5;
          run.step(g, { lr: lr * share });
          const h = { ...all, lr: lr * share, cost: l0 / weights, t0: temperature, rate: rate * share, clip };
          layers = layers.map((l, k) => {
            const wanted = h.rate * spread(l.theta) * ltpGradient(l, g[k]!, h.cost);
            seen[Math.abs(wanted) > clip ? "clipped" : "free"]++;
            const next = ltpStep(l, g[k]!, h);
            seen[next.tau === 0 ? "atZero" : "above"]++;
            return next;
          });
          const [w, stored, numbers] = [await run.weights(), await run.stored(), await layerNumbers(run.sgd)];
          layers.forEach((l, k) => {
            const place = `step ${t}, layer ${k}`;
            const unit = scales[k]! ** 2;
            const { raw, next } = numbers[k]!;
            expectClose([raw / unit], [l.tau / unit], { rtol: 1e-4, atol: 2e-5 }, `${place}: tau`);
            expectClose([next[1]], [l.temperature], { rtol: 1e-4, atol: 0 }, `${place}: T`);
            expectClose(stored[k]!, l.theta, { rtol: 1e-4, atol: 0 }, `${place}: theta`);
            expectClose(w[k]!, ltpWeights(l), { rtol: 3e-4, atol: 1e-30 }, `${place}: W`);
          });
          const velocities = options.momentum > 0 ? await run.velocities() : [];
          layers = layers.map(({ v, temperature: width }, k) => ({
            theta: Float64Array.from(stored[k]!),
            v: velocities[k] ? Float64Array.from(velocities[k]) : v,
            tau: numbers[k]!.raw,
            temperature: width,
          }));
        }
        // Counts and hardened weights follow the rule w² > tau, with the engine's numbers.
        const [stored, numbers, counts] = [await run.stored(), await layerNumbers(run.sgd), await run.sgd.counts()];
        run.sgd.harden();
        const hard = await run.weights();
        stored.forEach((layer, k) => {
          const { raw } = numbers[k]!;
          const want = ltpHard({ theta: Float64Array.from(layer, Math.fround), tau: raw, temperature: 1 });
          const near = layer.filter((x) => Math.abs(x * x - raw) <= 2e-7 * raw).length;
          if (near === 0) expect([...hard[k]!]).toEqual([...want]);
          expect(counts[k]?.nonzero).toBe(layer.length - countZeros(hard[k]!));
        });
        const learned = [...(await run.sgd.learnedThresholds()).values()].map((t) => t.threshold);
        expectClose(
          learned,
          numbers.map(({ raw }) => Math.sqrt(raw)),
          { rtol: 1e-6, atol: 0 },
        );
      },
    ),
    { numRuns: 15, endOnFailure: true },
  );
  for (const count of Object.values(seen)) expect(count).toBeGreaterThan(5);
});

test("thirty steps with a slow tau match float64", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(1e6), fc.constantFrom(0, 0.9), async (seed, momentum) => {
      const sizes = [1, 37, 1024, 2311];
      const theta = sizes.map((n, k) => randomArray(n, seed + k, 0.2));
      const options = { lr: 1e-3, momentum, weightDecay: 1e-2 };
      using run = new Updates(theta, {
        ...options,
        mode: "ltp",
        ltp: { l0: 1, temperature: 0.2, lr: 0.02, clip: 0.01 },
      });
      const h = { ...options, cost: 1 / sizes.reduce((a, b) => a + b, 0), t0: 0.2, rate: 0.02, clip: 0.01 };
      let layers = theta.map((t) => ltpLayer(t, 0, 0.2));
      // Of one weight |w| does not vary: its gate is as good as a step, and no fit for comparing.
      const compared = [1, 2, 3];
      for (let t = 0; t < 30; t++) {
        const g = sizes.map((n, k) => randomArray(n, seed + 43 * t + k + 5, 0.1));
        run.step(g, {});
        layers = layers.map((l, k) => (k === 0 ? l : ltpStep(l, g[k]!, h)));
      }
      const [w, numbers] = [await run.weights(), await layerNumbers(run.sgd)];
      for (const k of compared) {
        const l = layers[k]!;
        expectClose([numbers[k]?.raw as number], [l.tau], { rtol: 1e-4, atol: 1e-7 }, `layer ${k}: tau`);
        expectClose(w[k]!, ltpWeights(l), { rtol: 1e-4, atol: 0 }, `layer ${k}: W`);
      }
      expect(w[0]!.every(Number.isFinite)).toBe(true);
      expect(Math.max(...layers.map((l) => l.tau))).toBeGreaterThan(1e-4);
    }),
    { numRuns: 6, endOnFailure: true },
  );
});

test("the step of tau is the gradient of loss and cost, by finite differences", async () => {
  await fc.assert(
    fc.asyncProperty(anyLayers, between(0.02, 0.5), async ({ sizes, seed, scale, temperature }, height) => {
      const theta = sizes.map((n, k) => randomArray(n, seed + k, scale));
      const g = sizes.map((n, k) => randomArray(n, seed + k + 50, 1 / scale));
      const tau = Math.fround(height * scale * scale);
      const weights = sizes.reduce((a, b) => a + b, 0);
      // A cost of 0.3 a weight; tau moves by 1 % of a unit or so for each unit of slope.
      const ltp = { ...free, l0: 0.3 * weights, temperature, lr: 100 / weights };
      using run = await opened(
        theta,
        theta.map(() => tau),
        { ltp },
      );
      run.step(g, {});
      const numbers = await layerNumbers(run.sgd);
      theta.forEach((layer, k) => {
        const l = ltpLayer(layer, tau, temperature);
        const at = (x: number) => ltpLoss({ ...l, tau: x }, g[k]!, 0.3);
        const h = 1e-4 * l.temperature;
        const slope = (at(tau + h) - at(tau - h)) / (2 * h);
        const stepped = tau - (100 / weights) * spread(layer) ** 2 * slope;
        // Sizes of the terms that the sum cancels.
        const terms = layer.reduce((sum, w, i) => sum + Math.abs(w * (g[k]?.[i] as number)) + 0.3, 0);
        const unit = scale * scale;
        const rounding = ((100 / weights) * spread(layer) ** 2 * terms) / (4 * l.temperature * unit);
        expectClose(
          [(numbers[k]?.raw as number) / unit],
          [Math.max(0, stepped) / unit],
          { rtol: 1e-5, atol: 1e-6 + 2e-6 * rounding },
          `layer ${k}`,
        );
      });
    }),
    { numRuns: 15, endOnFailure: true },
  );
});

/** Steps of a layer with weights c theta, tau c² tau, gradients g / c and learning rate c² lr. */
async function scaled(c: number, seed: number) {
  const theta = randomArray(1700, seed, 0.2).map((x) => x * c);
  const lr = 0.01 * c * c;
  const tau = Math.fround(0.01) * c * c;
  const ltp = { l0: 2, temperature: 0.05, lr: 1 };
  using run = await opened([theta], [tau], { lr, momentum: 0.9, ltp });
  for (let t = 0; t < 15; t++) {
    run.step([randomArray(1700, seed + t + 1, 0.05).map((x) => x / c)], {});
  }
  const { raw } = first(await layerNumbers(run.sgd));
  const [stored] = (await run.stored()) as [Float32Array];
  run.sgd.harden();
  const [hard] = (await run.weights()) as [Float32Array];
  return { tau: raw / (c * c), theta: stored.map((x) => x / c), hard: hard.map((x) => x / c), start: tau / (c * c) };
}

test("the mask does not depend on the scale of a layer", async () => {
  for (const seed of [1, 2, 3]) {
    const one = await scaled(1, seed);
    expect(one.tau).not.toBe(one.start);
    expect(countZeros(one.hard)).toBeGreaterThan(200);
    // Powers of two change exponents only: all bits are equal.
    for (const c of [2 ** -7, 2, 64]) expect(await scaled(c, seed)).toEqual(one);
    for (const c of [0.3, 3, 100]) {
      const other = await scaled(c, seed);
      expectClose([other.tau], [one.tau], { rtol: 1e-5, atol: 0 });
      expectClose(other.theta, one.theta, { rtol: 1e-5, atol: 0 });
      const sameMask = (x: number, i: number) =>
        (x === 0) === (one.hard[i] === 0) || Math.abs(one.theta[i]! ** 2 - one.tau) < 1e-5 * one.tau;
      expect(other.hard.every(sameMask)).toBe(true);
    }
  }
});

test("a narrow gate equals the hard mask away from w² = tau", async () => {
  await fc.assert(
    fc.asyncProperty(fc.nat(1e6), between(0.05, 1), async (seed, height) => {
      const theta = randomArray(2000, seed, 0.3);
      const tau = Math.fround(0.09 * height);
      using run = await opened([theta], [tau], { ltp: { temperature: 1e-5 } });
      const { next } = first(await layerNumbers(run.sgd));
      const [soft] = (await run.weights()) as [Float32Array];
      run.sgd.harden();
      const [hard] = (await run.weights()) as [Float32Array];
      let away = 0;
      theta.forEach((w, i) => {
        if (Math.abs(w * w - tau) < 100 * next[1]) return;
        away++;
        expect(hard[i]).toBe(w * w > tau ? w : 0);
        expect(Math.abs(soft[i]! - hard[i]!)).toBeLessThanOrEqual(1e-30);
      });
      expect(away).toBeGreaterThan(1800);
    }),
    { numRuns: 6, endOnFailure: true },
  );
});

test("the step limit is a share of the threshold: a high price prunes nearly all weights in 120 steps", async () => {
  const theta = randomArray(4000, 3, 0.2);
  // 0.05 Var |w| a step would reach 6 Var |w| in 120 steps, where one weight in 70 is larger.
  using run = await opened([theta], [0], { ltp: { l0: 1e6, temperature: 0.1 } });
  const rise = async () => {
    const { raw, limited } = first(await layerNumbers(run.sgd));
    return [raw / spread(theta), limited] as const;
  };
  const zero = [new Float32Array(4000)];
  for (let t = 0; t < 20; t++) run.step(zero, {});
  const [linear] = await rise();
  expect(linear).toBeCloseTo(1, 4);
  for (let t = 0; t < 20; t++) run.step(zero, {});
  const [geometric, limited] = await rise();
  expect(geometric).toBeCloseTo(1.05 ** 20, 3);
  expect(limited).toBeCloseTo(1 - 0.98 ** 40, 4);
  for (let t = 0; t < 80; t++) run.step(zero, {});
  run.sgd.harden();
  expect(countZeros((await run.weights())[0]!)).toBeGreaterThan(3990);
  const [learned] = [...(await run.sgd.learnedThresholds()).values()];
  expect(learned!.limited).toBeGreaterThan(0);
});

test("a layer of equal weights, with a spread of zero, stays finite", async () => {
  const theta = new Float32Array(70).fill(0.25);
  using run = new Updates([theta, Float32Array.of(-3)], { lr: 0.1, momentum: 0.9, mode: "ltp" });
  for (let t = 0; t < 5; t++) run.step([randomArray(70, t + 1, 0), Float32Array.of(0.1)], {});
  const values = [...(await run.weights()), ...(await run.stored())].flatMap((w) => [...w]);
  expect(values.every(Number.isFinite)).toBe(true);
  for (const { raw, next } of await layerNumbers(run.sgd)) expect([raw, ...next].every(Number.isFinite)).toBe(true);
  expect([...(await run.weights())[0]!]).toEqual([...theta]);
});
