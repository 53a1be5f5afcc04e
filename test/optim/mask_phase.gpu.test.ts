// The end of pruning: `bake` preserves the effective weights, and after it zeros stay zero.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { SGDOptions, ThresholdMode } from "../../src/optim/index.ts";
import { bitsOf, countZeros, Updates } from "../prune/invariants/updates.ts";
import { ownLearned } from "../support/own_settings.ts";
import { randomArray } from "../support/random.ts";
import { layerNumbers, setLearned } from "./layer_numbers.ts";

const modes = ["latent", "inplace", "fista", "str", "ltp"] as const;
type Mode = (typeof modes)[number];

/** The smallest normal number, which replaces a zero of a live weight. */
const smallest = 2 ** -126;

const random = (sizes: readonly number[], seed: number, scale = 1) =>
  sizes.map((n, k) => randomArray(n, seed + k, scale));

/** Run a few steps in which some weights become zero. */
async function pruned(mode: Mode, sizes: readonly number[], seed: number, options: Partial<SGDOptions> = {}) {
  const own = mode === "fista" ? { ...options, nesterov: false } : options;
  const run = new Updates(random(sizes, seed, 0.3), {
    lr: 0.05,
    ...own,
    mode,
    ...ownLearned(mode, { str: { start: -2.5 }, ltp: { temperature: 0.05, l0: 2 } }),
  });
  if (mode === "ltp")
    await setLearned(
      run.sgd,
      sizes.map(() => 0.01),
    );
  for (let t = 0; t < 6; t++) {
    const threshold = { threshold: 0.02 * t, thresholdNext: 0.02 * (t + 1) };
    // FISTA ends on a proximal step, as its schedule does.
    run.step(random(sizes, seed + 31 * t + 7), {
      ...threshold,
      ...(mode === "fista" && t === 5 ? { momentum: 0 } : {}),
    });
  }
  return run;
}

const anyRun = fc.record({
  sizes: fc.array(fc.integer({ min: 1, max: 1800 }), { minLength: 1, maxLength: 3 }),
  seed: fc.nat(1e6),
  options: fc
    .record({
      momentum: fc.constantFrom(0, 0.9),
      nesterov: fc.boolean(),
      weightDecay: fc.constantFrom(0, 1e-2),
    })
    .map((o) => ({ ...o, nesterov: o.nesterov && o.momentum > 0 })),
});

describe.each(modes)("%s", (mode) => {
  test("bake stores the effective weights with their bits, and clears the velocity of zeros", async () => {
    let zeros = 0;
    await fc.assert(
      fc.asyncProperty(anyRun, async ({ sizes, seed, options }) => {
        using run = await pruned(mode, sizes, seed, options);
        run.sgd.harden();
        const before = await run.weights();
        run.sgd.soften();
        run.sgd.bake();
        const after = await run.weights();
        expect(after.map(bitsOf)).toEqual(before.map(bitsOf));
        expect((await run.stored()).map(bitsOf)).toEqual(after.map(bitsOf));
        zeros += after.reduce((n, w) => n + countZeros(w), 0);
        if (options.momentum > 0 && mode !== "fista") {
          const velocities = await run.velocities();
          after.forEach((w, k) => {
            const v = velocities[k]!;
            expect(w.every((x, i) => x !== 0 || Object.is(v[i], 0))).toBe(true);
            if (countZeros(w) < w.length) expect(v.some((x) => x !== 0)).toBe(true);
          });
        }
        // Twice is once.
        run.sgd.bake();
        expect((await run.weights()).map(bitsOf)).toEqual(after.map(bitsOf));
      }),
      { numRuns: 6, endOnFailure: true },
    );
    expect(zeros).toBeGreaterThan(100);
  });

  test("later training keeps all zeros and adds none", async () => {
    let moved = 0;
    await fc.assert(
      fc.asyncProperty(anyRun, async ({ sizes, seed, options }) => {
        using run = await pruned(mode, sizes, seed, options);
        run.sgd.bake();
        const baked = await run.weights();
        const known = await run.sgd.counts();
        const learned = await layerNumbers(run.sgd);
        for (let t = 0; t < 25; t++) {
          // The thresholds of the schedule are no business of this phase any more.
          const values = { lr: 0.05, threshold: 0.3, thresholdNext: 0.5 };
          run.step(random(sizes, seed + 17 * t + 500), values);
          if (t % 6 !== 0) continue;
          const [weights, stored] = [await run.weights(), await run.stored()];
          for (const [k, c] of (await run.sgd.counts()).entries()) {
            const was = baked[k]!;
            const zero = (w: Float32Array) => w.every((x, i) => (was[i] === 0 ? Object.is(x, 0) : x !== 0));
            expect(zero(stored[k]!), `step ${t}, layer ${k}: stored`).toBe(true);
            expect(zero(weights[k]!), `step ${t}, layer ${k}: read`).toBe(true);
            expect(c.nonzero).toBe(was.length - countZeros(was));
            expect([c.pruned, c.regrown]).toEqual([known[k]?.pruned, known[k]?.regrown]);
          }
          if (options.momentum > 0 && mode !== "fista") {
            const velocities = await run.velocities();
            baked.forEach((w, k) => {
              expect(w.every((x, i) => x !== 0 || Object.is(velocities[k]?.[i], 0))).toBe(true);
            });
          }
        }
        expect((await layerNumbers(run.sgd)).map((l) => l.raw)).toEqual(learned.map((l) => l.raw));
        const last = await run.weights();
        moved += last.reduce((n, w, k) => n + w.filter((x, i) => x !== baked[k]?.[i]).length, 0);
      }),
      { numRuns: 5, endOnFailure: true },
    );
    expect(moved).toBeGreaterThan(100);
  });

  test("live weights train as with plain SGD, bit for bit", async () => {
    const options = mode === "fista" ? { weightDecay: 1e-2 } : { momentum: 0.9, weightDecay: 1e-2 };
    using run = await pruned(mode, [700], 5, options);
    run.sgd.bake();
    const [start] = (await run.weights()) as [Float32Array];
    using plain = new Updates([start], { lr: 0.05, ...options, mode: "none" });
    if (mode !== "fista") {
      using v = plain.sgd.velocityOf(plain.params[0]!);
      v?.set((await run.velocities())[0]!);
      plain.sgd.stepsDone = 1;
    }
    for (let t = 0; t < 10; t++) {
      const g = randomArray(700, 900 + t);
      run.step([g], mode === "fista" ? { momentum: 0 } : {});
      plain.step([g], {});
    }
    const [w] = (await run.weights()) as [Float32Array];
    const [all] = (await plain.weights()) as [Float32Array];
    expect(bitsOf(w)).toEqual(bitsOf(all.map((x, i) => (start[i] === 0 ? 0 : x))));
  });
});

describe.each(modes)("%s, zeros and guards", (mode) => {
  test("a weight that would become zero or subnormal stays non-zero", async () => {
    // w - lr g is exactly 0, then exactly a subnormal number of either sign; lr is a power of two.
    const start = Float32Array.of(0.5, -0.25, 2 ** -100, 1.5 * smallest, -1.5 * smallest, 0.375);
    const lr = 0.5;
    using run = new Updates([start.map(() => 1)], { lr, mode, ...ownLearned(mode, { str: { start: -200 } }) });
    run.sgd.bake();
    // Put there afterwards: LTP, which squares, would have pruned the small ones.
    const p = run.params[0]!;
    for (const values of [p, p.latent]) values?.set(start);
    expect(bitsOf((await run.weights())[0]!)).toEqual(bitsOf(start));
    const g = Float32Array.of(1, -0.5, 2 ** -99, 2 * smallest, -2 * smallest, 0);
    run.step([g], {});
    for (const values of [await run.weights(), await run.stored()]) {
      const [w] = values as [Float32Array];
      expect([...w]).toEqual([...new Array(5).fill(smallest), 0.375]);
    }
    expect((await run.sgd.counts())[0]).toMatchObject({ nonzero: 6, pruned: 0, regrown: 0 });
    // It is no more than a mark: the next step moves it as any other.
    run.step([Float32Array.of(-1, -1, -1, -1, -1, 0)], {});
    expect([...(await run.weights())[0]!]).toEqual([0.5, 0.5, 0.5, 0.5, 0.5, 0.375]);
  });

  test("zeros with momentum stay zero if the phase starts without a bake", async () => {
    const start = randomArray(600, 4, 0.3).map((x, i) => (i % 3 === 0 ? 0 : x));
    const momentum = mode === "fista" ? 0 : 0.9;
    using run = new Updates([start], { lr: 0.1, momentum, mode });
    const p = run.params[0]!;
    for (const values of [p, p.latent]) values?.set(start);
    using v = run.sgd.velocityOf(p);
    v?.set(randomArray(600, 5));
    run.sgd.setPhase("mask");
    for (let t = 0; t < 5; t++) run.step([randomArray(600, 10 + t)], {});
    for (const values of [await run.weights(), await run.stored()]) {
      const [w] = values as [Float32Array];
      expect(w.every((x, i) => (start[i] === 0 ? Object.is(x, 0) : x !== 0))).toBe(true);
    }
    expect((await run.sgd.counts())[0]).toMatchObject({ nonzero: 400, pruned: 0, regrown: 0 });
  });

  test.each(["prune", "mask", "dense"] as const)("a set guard freezes everything in phase %s", async (phase) => {
    const sizes = [1100, 37];
    using run = await pruned(mode, sizes, 3, { momentum: 0.9, weightDecay: 1e-2 });
    if (phase === "mask") run.sgd.bake();
    run.sgd.setPhase(phase);
    run.sgd.refresh();
    run.step(random(sizes, 77), { threshold: 0.12, thresholdNext: 0.12 });
    const all = async () => ({
      weights: (await run.weights()).map(bitsOf),
      stored: (await run.stored()).map(bitsOf),
      velocities: mode === "fista" ? [] : (await run.velocities()).map(bitsOf),
      learned: (await layerNumbers(run.sgd)).map(({ next, raw, velocity }) => [...next, raw, velocity]),
      counts: (await run.sgd.counts()).map(({ nonzero, pruned: gone, regrown }) => [nonzero, gone, regrown]),
    });
    const before = await all();
    run.sgd.guard.set(Uint32Array.of(12, 0, 0, 0));
    const bad = [new Float32Array(1100).fill(Number.NaN), new Float32Array(37).fill(Number.POSITIVE_INFINITY)];
    for (let t = 0; t < 3; t++) run.step(bad, { threshold: 0.12, thresholdNext: 0.4 });
    expect(await all()).toEqual(before);
    // And lets go again.
    run.sgd.guard.set(Uint32Array.of(0xffffffff, 0, 0, 0));
    run.step(random(sizes, 78), { threshold: 0.12, thresholdNext: 0.12 });
    expect((await all()).stored).not.toEqual(before.stored);
  });
});

test.each(["str", "ltp"] as const)(
  "phase dense: %s is plain SGD bit for bit, and its thresholds do not move",
  async (mode) => {
    await fc.assert(
      fc.asyncProperty(anyRun, async ({ sizes, seed, options }) => {
        const start = random(sizes, seed, 0.3);
        const learned = ownLearned(mode, { str: { start: -2, decay: 0.1 }, ltp: { l0: 5, temperature: 0.05 } });
        using run = new Updates(start, { lr: 0.05, ...options, mode, ...learned });
        using plain = new Updates(start, { lr: 0.05, ...options, mode: "none" });
        run.sgd.setPhase("dense");
        run.sgd.refresh();
        const raw = (await layerNumbers(run.sgd)).map((l) => l.raw);
        expect((await run.weights()).map(bitsOf)).toEqual(start.map(bitsOf));
        for (let t = 0; t < 6; t++) {
          const g = random(sizes, seed + 13 * t + 5);
          run.step(g, {});
          plain.step(g, {});
        }
        const want = (await plain.weights()).map(bitsOf);
        expect((await run.weights()).map(bitsOf)).toEqual(want);
        expect((await run.stored()).map(bitsOf)).toEqual(want);
        expect((await layerNumbers(run.sgd)).map((l) => l.raw)).toEqual(raw);
        // Pruning sets in where the forward pass comes next.
        run.sgd.setPhase("prune");
        const thresholds = [...(await run.sgd.learnedThresholds()).values()].map((t) => t.threshold);
        const weights = await run.weights();
        if (mode === "str") {
          weights.forEach((w, k) => {
            const d = thresholds[k]!;
            const stored = new Float32Array(want[k]!.buffer);
            expect(w.every((x, i) => (x === 0) === Math.abs(stored[i]!) <= d)).toBe(true);
          });
        } else {
          expect(weights.flatMap((w) => [...w]).every(Number.isFinite)).toBe(true);
        }
      }),
      { numRuns: 6, endOnFailure: true },
    );
  },
);

test("phases do not change groups without a threshold", async () => {
  const start = [randomArray(100, 1)];
  const mode: ThresholdMode = "none";
  using run = new Updates(start, { lr: 0.1, mode });
  using other = new Updates(start, { lr: 0.1, mode });
  run.sgd.bake();
  for (const r of [run, other]) r.step([randomArray(100, 2)], {});
  expect((await run.weights()).map(bitsOf)).toEqual((await other.weights()).map(bitsOf));
});
