// Adam, AdamW and RMSProp: their steps against float64, the fixed point of the proximal step, phases, refusals and the loss scale.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";
import { Parameter } from "../../src/nn/parameter.ts";
import { Adam, AdamW, LossScale, type Optimizer, RMSProp } from "../../src/optim/index.ts";
import { readAll } from "../../src/tensor/index.ts";
import { type AdaptiveHyper, type AdaptiveName, adaptiveStep, adaptiveWeight } from "../reference/adaptive.ts";
import { withBindings } from "../support/bindings.ts";
import { differingWords, expectClose } from "../support/close.ts";
import { randomArray } from "../support/random.ts";

const NAMES: readonly AdaptiveName[] = ["adam", "adamw", "rmsprop"];

const parameter = (values: ArrayLike<number>) =>
  new Parameter([values.length], () => Float32Array.from(values), { prunable: true });

/** Set a gradient as backward does. */
function arrive(p: Parameter, g: ArrayLike<number>): void {
  p.grad!.set(Float32Array.from(g));
  p.gradArrived = true;
}

function make(params: readonly Parameter[], h: Partial<AdaptiveHyper> & Pick<AdaptiveHyper, "name">): Optimizer {
  const { name, betas, amsgrad, alpha, momentum, centered, ...common } = h;
  const own = <T extends object>(given: T) =>
    Object.fromEntries(Object.entries(given).filter(([, v]) => v !== undefined)) as Partial<T>;
  if (name === "rmsprop") return new RMSProp(params, { ...common, ...own({ alpha, momentum, centered }) } as never);
  const type = name === "adam" ? Adam : AdamW;
  return new type(params, { ...common, ...own({ betas, amsgrad }) } as never);
}

const hypers = fc.record({
  name: fc.constantFrom(...NAMES),
  mode: fc.constantFrom("none" as const, "latent" as const, "inplace" as const),
  lr: fc.constantFrom(0.01, 0.03),
  weightDecay: fc.constantFrom(0, 0.05),
  decayTarget: fc.constantFrom("latent" as const, "effective" as const),
  eps: fc.constantFrom(1e-8, 1e-3),
  betas: fc.constantFrom([0.9, 0.999] as const, [0.8, 0.95] as const, [0, 0.5] as const),
  amsgrad: fc.boolean(),
  alpha: fc.constantFrom(0.99, 0.9),
  momentum: fc.constantFrom(0, 0.9),
  centered: fc.boolean(),
});

test("twelve steps match float64 for any sizes and options, and the counts add up", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 2500 }), { minLength: 1, maxLength: 3 }),
      hypers,
      async (sizes, hyper) => {
        const live = currentGpu().memory().live;
        const params = sizes.map((n, k) => parameter(randomArray(n, k + 1, 0.3)));
        const optimizer = make(params, hyper);
        const weights = params.map((p) => [...p.initialValues()].map(adaptiveWeight));
        for (let t = 0; t < 12; t++) {
          const [now, next] = [0.01 * t, 0.01 * (t + 1)];
          if (hyper.mode !== "none") optimizer.set({ threshold: now, thresholdNext: next });
          params.forEach((p, k) => {
            const g = randomArray(p.numel, 100 * t + k);
            arrive(p, g);
            for (const [i, s] of weights[k]!.entries()) adaptiveStep(s, g[i]!, t + 1, now, next, hyper);
          });
          optimizer.step();
        }
        const counts = await optimizer.counts();
        for (const [k, p] of params.entries()) {
          const w = await p.data();
          expectClose(
            w,
            weights[k]!.map((s) => s.w),
            { rtol: 2e-5, atol: 5e-6 },
          );
          const { nonzero, pruned, regrown } = counts[k]!;
          expect(nonzero).toBe(w.filter((x) => x !== 0).length);
          expect(nonzero).toBe(p.numel - pruned + regrown);
        }
        optimizer.dispose();
        for (const p of params) p.dispose();
        expect(currentGpu().memory().live).toBe(live);
      },
    ),
    { numRuns: 24 },
  );
});

/** Coefficients a of a separable quadratic: the gradient at w is a (w - c). */
const [CURVES, CENTERS] = [randomArray(600, 3).map((v) => 0.5 + Math.abs(v)), randomArray(600, 4)];

test.each<[string, Parameters<typeof make>[1], number]>([
  ["adam", { name: "adam" }, 1],
  ["amsgrad", { name: "adam", amsgrad: true }, 1],
  ["adamw", { name: "adamw", weightDecay: 0 }, 1],
  ["rmsprop", { name: "rmsprop" }, 1],
  // The steps add up to 1 / (1 - momentum), the shrinkage is one: as for SGD.
  ["rmsprop with momentum", { name: "rmsprop", momentum: 0.5, eps: 1e-3 }, 0.5],
])(
  "inplace, %s: at a constant L1 coefficient the weights go to the minimum of the quadratic with L1",
  async (_, options, factor) => {
    const lambda = 0.3;
    // Not at the centers: divisors of weights without a gradient are eps, and the first shrinkage takes such weights to 0.
    const p = parameter(CENTERS.map((c) => c + 0.3));
    const optimizer = make([p], { ...options, mode: "inplace", lr: 0 });
    for (let t = 0; t < 900; t++) {
      // The rate falls to 0, since a step of about lr does not shrink with the gradient.
      const lr = 0.05 * 0.99 ** t;
      optimizer.set({ lr, tau: lr * lambda });
      const w = await p.data();
      arrive(
        p,
        CURVES.map((a, i) => a * (w[i]! - CENTERS[i]!)),
      );
      optimizer.step();
    }
    const w = await p.data();
    const limit = factor * lambda;
    CURVES.forEach((a, i) => {
      const c = CENTERS[i]!;
      const best = Math.sign(c) * Math.max(0, Math.abs(c) - limit / a);
      expect(Math.abs(w[i]! - best), `${i}: ${w[i]}, not ${best}`).toBeLessThan(2e-3);
      if (Math.abs(c) < 0.95 * (limit / a)) expect(w[i]).toBe(0);
    });
    optimizer.dispose();
    p.dispose();
  },
);

describe.each(NAMES)("%s", (name) => {
  test.each(["none", "latent", "inplace"] as const)(
    "mode %s: a threshold of zero is dense training, bit for bit",
    async (mode) => {
      const runs = [];
      for (const one of ["none", mode] as const) {
        const p = parameter(randomArray(3000, 5));
        const optimizer = make([p], { name, mode: one, lr: 0.01, weightDecay: 1e-3, decayTarget: "latent" });
        if (one !== "none") optimizer.set({ threshold: 0 });
        for (let t = 0; t < 5; t++) {
          arrive(p, randomArray(3000, 50 + t));
          optimizer.step();
        }
        runs.push(await p.data());
        optimizer.dispose();
        p.dispose();
      }
      expect(runs[1]).toEqual(runs[0]);
    },
  );

  test.each(["latent", "inplace"] as const)(
    "mode %s: a bake keeps the bits, and later steps keep the zeros and end their moments",
    async (mode) => {
      const p = parameter(randomArray(3000, 6, 0.3));
      const optimizer = make([p], { name, mode, lr: 0.01 });
      for (let t = 0; t < 3; t++) {
        optimizer.set({ threshold: 0.03 * t, thresholdNext: 0.03 * (t + 1) });
        arrive(p, randomArray(3000, 70 + t));
        optimizer.step();
      }
      const before = await p.data();
      optimizer.bake();
      expect(differingWords(await p.data(), before)).toBe(0);
      for (let t = 0; t < 3; t++) {
        arrive(p, randomArray(3000, 80 + t));
        optimizer.step();
      }
      const after = await p.data();
      expect(before.filter((x) => x === 0).length).toBeGreaterThan(100);
      expect([...after].map((x) => x === 0)).toEqual([...before].map((x) => x === 0));
      const moments = optimizer.momentsOf(p)!;
      const [, planes] = moments.shape as [number, number];
      const values = await moments.data();
      after.forEach((w: number, i: number) => {
        if (w !== 0) return;
        for (let k = 0; k < planes; k++)
          expect(values[(Math.floor(i / 1024) * planes + k) * 1024 + (i % 1024)]).toBe(0);
      });
      moments.dispose();
      optimizer.dispose();
      p.dispose();
    },
  );

  test("a weight larger than one binding is updated in parts, with the same bits", async () => {
    const run = async () => {
      const params = [5000, 131 * 1024 - 500].map((n, k) => parameter(randomArray(n, k + 1, 0.05)));
      const optimizer = make(params, { name, mode: "latent", lr: 0.01 });
      for (let t = 0; t < 3; t++) {
        optimizer.set({ threshold: 0.01 * t, thresholdNext: 0.01 * (t + 1) });
        for (const [k, p] of params.entries()) arrive(p, randomArray(p.numel, 10 * t + k, 0.1));
        optimizer.step();
      }
      const parts = optimizer.chunks.flatMap((c) => c.parts).length;
      const values = await readAll(...params.flatMap((p) => [p, p.latent!]));
      optimizer.dispose();
      for (const p of params) p.dispose();
      return { values, parts };
    };
    const whole = await run();
    const split = await withBindings(64 * 4096 * (name === "rmsprop" ? 1 : 2), run);
    expect([whole.parts, split.parts > 2]).toEqual([1, true]);
    for (const [i, v] of split.values.entries()) expect(differingWords(v, whole.values[i]!)).toBe(0);
  });

  test("under a loss scale, steps that overflow leave no trace, also not in the bias correction", async () => {
    const open = () => {
      const p = parameter(randomArray(1500, 1, 0.3));
      const optimizer = make([p], { name, mode: "latent", lr: 0.01 });
      optimizer.set({ threshold: 0.01, thresholdNext: 0.01 });
      return { p, optimizer };
    };
    const [plain, scaled] = [open(), open()];
    const scale = new LossScale(scaled.optimizer, { initial: 4 });
    const step = ({ p, optimizer }: typeof plain, seed: number, factor: number, bad = false) => {
      const g = randomArray(p.numel, seed).map((v) => v * factor);
      if (bad) g[7] = Number.POSITIVE_INFINITY;
      arrive(p, g);
      optimizer.step();
    };
    step(scaled, 9, 4, true);
    for (let t = 0; t < 12; t++) {
      if (t === 5) step(scaled, 9, 2, true);
      step(plain, t, 1);
      step(scaled, t, t < 5 ? 2 : 1);
    }
    expect(await scale.read()).toMatchObject({ skippedSteps: 2 });
    // The GPU corrects the bias in f32, the host in float64.
    expectClose(await scaled.p.data(), (await plain.p.data()) as Float32Array, { rtol: 1e-5, atol: 1e-6 });
    for (const { p, optimizer } of [plain, scaled]) {
      optimizer.dispose();
      p.dispose();
    }
  });

  test("refuses the modes of SGD, and numbers out of range, by its own name", () => {
    const p = parameter([1]);
    const title = { adam: "Adam", adamw: "AdamW", rmsprop: "RMSProp" }[name];
    const build = (more: object) => () => make([p], { name, ...more });
    for (const mode of ["fista", "str", "ltp"] as const)
      expect(build({ mode })).toThrow(`${title}: mode: expected latent, inplace or none, got ${mode}, which`);
    expect(build({ eps: 0 })).toThrow(`${title}: eps: expected a number >= 1.2e-38, got 0`);
    expect(build({ lr: -1 })).toThrow(`${title}: lr: expected a number >= 0, got -1`);
    expect(build({ dampening: 0.5 })).toThrow(
      `${title}: unknown option dampening, expected lr, threshold, weightDecay`,
    );
    p.dispose();
  });
});

test("refuses bad shares of old moments, switches, and a momentum of Adam", () => {
  const p = parameter([1]);
  expect(() => new Adam([p], { betas: [0.9, 1] })).toThrow("Adam: betas: expected a number in [0, 1), got 1");
  expect(() => new Adam([p], { betas: [0.9] as never })).toThrow("Adam: betas: expected two numbers in [0, 1)");
  expect(() => new Adam([p], { amsgrad: 1 as never })).toThrow("Adam: amsgrad: expected true or false, got 1");
  expect(() => new RMSProp([p], { alpha: 1 })).toThrow("RMSProp: alpha: expected a number in [0, 1), got 1");
  expect(() => new RMSProp([p], { centered: "yes" as never })).toThrow("RMSProp: centered: expected true or false");
  expect(() => new RMSProp([p], { momentum: 1 })).toThrow("RMSProp: momentum: expected a number in [0, 1), got 1");
  const adam = new Adam([p]);
  expect(() => adam.set({ momentum: 0.5 })).toThrow("Adam: momentum: expected nothing, since betas takes its place");
  adam.dispose();
  p.dispose();
});

test("groups have their own options, such as no decay", async () => {
  const [a, b] = [parameter([1]), parameter([1])];
  const optimizer = new AdamW([{ params: [a] }, { params: [b], weightDecay: 0, betas: [0.5, 0.9] }], {
    lr: 0.1,
    weightDecay: 0.5,
  });
  for (const p of [a, b]) arrive(p, [0]);
  optimizer.step();
  expectClose(await a.data(), [0.95], { rtol: 1e-6, atol: 0 });
  expect([...(await b.data())]).toEqual([1]);
  optimizer.dispose();
  a.dispose();
  b.dispose();
});

test("defaults are PyTorch's", () => {
  const p = parameter([1]);
  const settings = [new Adam([p]), new AdamW([p]), new RMSProp([p])].map((o) => {
    const { lr, momentum, weightDecay } = o.groups[0]!.options;
    o.dispose();
    return [lr, momentum, weightDecay];
  });
  expect(settings).toEqual([
    [0.001, 0, 0],
    [0.001, 0, 0.01],
    [0.01, 0, 0],
  ]);
  p.dispose();
});
