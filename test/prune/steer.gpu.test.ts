import fc from "fast-check";
import { expect, test } from "vitest";
import { type Bindable, currentGpu } from "../../src/gpu/index.ts";
import { scheduledThreshold } from "../../src/optim/hyper.ts";
import { SteeredThreshold } from "../../src/prune/steer.ts";
import { captureStep, copyInto, persistent, readAll } from "../../src/tensor/index.ts";
import { arenaOf, joined, packLayers, sortedMagnitude } from "../support/magnitude_arena.ts";
import { randomArray } from "../support/random.ts";

const makeHyper = () => persistent(Float32Array.of(0.1, 0, 0, 0, 1, 0.9, 1e-4, 8), [8]);
const f32 = Math.fround;

test("with constant weights it ends at the target's share, and it never falls", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: 2500 }), { minLength: 2, maxLength: 4 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.integer({ min: 1, max: 9 }),
      async (sizes, target, every) => {
        const live = currentGpu().memory().live;
        const layers = sizes.map((n, k) => randomArray(n, k + 1, 0.1));
        const all = joined(layers);
        using first = arenaOf(layers.slice(1), Number.NaN);
        using second = arenaOf(layers.slice(0, 1), Number.NaN);
        const hypers = [makeHyper(), makeHyper()];
        const steer = new SteeredThreshold([first, second], hypers.map(scheduledThreshold), { target, every });
        const steps = 12;
        for (let n = 0; n < steps; n++) steer.step(n, ((n + 1) / steps) ** 2);
        const rank = Math.round(target * all.length);
        const d = Math.max(0, sortedMagnitude(all, rank));
        const trace = await steer.thresholds(0, steps + 1);
        expect(trace[0]).toBe(0);
        expect(trace.at(-1)).toBe(d);
        trace.forEach((now, n) => {
          expect(now).toBeGreaterThanOrEqual(trace[n - 1] ?? 0);
          expect(now).toBe(f32(f32((n / steps) ** 2) * d));
        });
        expect(all.filter((x) => Math.abs(x) <= d && rank > 0).length).toBe(rank);
        const now = trace[steps - 1]!;
        const expected = [f32(0.1), now, d, f32(d - now), 1, f32(0.9), f32(1e-4), 8];
        for (const hyper of hypers) expect([...(await hyper.data())]).toEqual(expected);
        steer.dispose();
        for (const hyper of hypers) hyper.dispose();
        first[Symbol.dispose]();
        second[Symbol.dispose]();
        expect(currentGpu().memory().live).toBe(live);
      },
    ),
    { numRuns: 12 },
  );
});

/** Weights of step n: they move, and shrink in the end, so that the goal falls. */
const moved = (n: number) => randomArray(1500, 3).map((x, i) => x * (1 + 0.3 * Math.sin(n + i)) * (n < 20 ? 1 : 0.1));

async function steered(from: number, to: number, state: ArrayLike<number>): Promise<[number[], number[]]> {
  using arena = arenaOf([moved(0)]);
  const hyper = makeHyper();
  const steer = new SteeredThreshold([arena], [scheduledThreshold(hyper)], { target: 0.9, every: 4 });
  steer.state.set(Float32Array.from(state));
  const trace: number[] = [];
  for (let n = from; n < to; n++) {
    arena.values.set(packLayers([moved(n)]));
    steer.step(n, Math.min(1, (n + 1) / 25));
    const [, now, next, tau] = (await hyper.data()) as unknown as [number, number, number, number];
    expect(next).toBeGreaterThanOrEqual(now);
    expect(tau).toBe(f32(next - now));
    expect(await steer.thresholds(n, n + 2)).toEqual([now, next]);
    trace.push(now, next);
  }
  const end = [...(await steer.state.data())];
  steer.dispose();
  hyper.dispose();
  return [trace, end];
}

test("a run resumed from its state has the same bits", async () => {
  const [whole, end] = await steered(0, 30, [0, 0, 0, 0]);
  for (const stop of [8, 13, 21]) {
    const [head, state] = await steered(0, stop, [0, 0, 0, 0]);
    const [tail, last] = await steered(stop, 30, state);
    expect([...head, ...tail]).toEqual(whole);
    expect(last).toEqual(end);
  }
});

test("a falling goal does not lower the threshold", async () => {
  const [trace] = await steered(0, 30, [0, 0, 0, 0]);
  expect(trace.at(-1)).toBe(trace[2 * 20]);
  expect(trace.at(-1)).toBeGreaterThan(0);
});

test("measures at multiples of `every` and on request, and at no other step", async () => {
  using arena = arenaOf([Float32Array.of(1, 2, 3, 4)]);
  const hyper = makeHyper();
  const steer = new SteeredThreshold([arena], [scheduledThreshold(hyper)], { target: 0.5 });
  const state = async () => [...(await steer.state.data())].slice(0, 2);
  steer.step(1, 1);
  expect(await state()).toEqual([0, 0]);
  steer.step(2, 0, { measure: true });
  expect(await state()).toEqual([0, 2]);
  steer.step(3, 0.25);
  expect(await state()).toEqual([0.5, 2]);
  arena.values.set(packLayers([Float32Array.of(5, 6, 7, 8)]));
  steer.step(8, 0.25, { measure: false });
  expect(await state()).toEqual([0.5, 2]);
  steer.step(16, 0.5);
  expect(await state()).toEqual([3, 6]);
  arena.values.set(packLayers([Float32Array.of(5, Number.NaN, Number.POSITIVE_INFINITY, Number.NaN)]));
  steer.step(24, 1);
  expect((await state())[0]).toBe(3);
  steer.dispose();
  hyper.dispose();
});

test("a captured step reads the thresholds of the last call", async () => {
  using arena = arenaOf([Float32Array.of(1, 2, 3, 4)]);
  const hyper = makeHyper();
  const seen = persistent(new Float32Array(8), [8]);
  const steer = new SteeredThreshold([arena], [scheduledThreshold(hyper)], { target: 1, every: 1 });
  const step = captureStep(() => {
    copyInto(seen, hyper);
    return { seen };
  });
  const got: number[][] = [];
  for (let n = 0; n < 4; n++) {
    steer.step(n, (n + 1) / 4);
    step.run({});
    got.push([...(await seen.data())].slice(1, 4));
  }
  expect(got).toEqual([
    [0, 1, 1],
    [1, 2, 1],
    [2, 3, 1],
    [3, 4, 1],
  ]);
  const inside = captureStep(() => {
    steer.step(4, 1);
    return { seen };
  });
  expect(() => inside.run({})).toThrow(/uploading inside a captured step/);
  for (const t of [steer, step, inside, hyper, seen]) t.dispose();
});

test("the ring holds the last 256 steps", async () => {
  using arena = arenaOf([Float32Array.of(1, 2)]);
  const hyper = makeHyper();
  const steer = new SteeredThreshold([arena], [scheduledThreshold(hyper)], { target: 1, every: 1000 });
  for (let n = 0; n < 300; n++) steer.step(n, n / 512);
  const thresholds = await steer.thresholds(45, 301);
  // d(n + 1) = 2 n / 512.
  expect(thresholds).toEqual(Array.from({ length: 256 }, (_, i) => (45 + i - 1) / 256));
  await expect(steer.thresholds(44, 50)).rejects.toThrow(/steps from 45 until 301, got 44 until 50/);
  await expect(steer.thresholds(290, 302)).rejects.toThrow(/got 290 until 302/);
  steer.step(400, 1);
  await expect(steer.thresholds(300, 402)).rejects.toThrow(/steps from 400 until 402/);
  const [ring] = (await readAll(steer.trace)) as [Float32Array];
  expect(ring[401 % 256]).toBe(2);
  steer.dispose();
  hyper.dispose();
});

test("refuses wrong options by name", () => {
  using arena = arenaOf([Float32Array.of(1, 2)]);
  const hyper = makeHyper();
  const short = persistent(new Float32Array(2), [2]);
  const make = (target: number, every?: number, targets: Bindable[] = [scheduledThreshold(hyper)]) =>
    new SteeredThreshold([arena], targets, { target, every });
  expect(() => make(1.01)).toThrow(/target: expected a share from 0 to 1, got 1.01/);
  expect(() => make(Number.NaN)).toThrow(/target/);
  expect(() => make(0.5, 0)).toThrow(/every: expected an integer >= 1, got 0/);
  expect(() => make(0.5, 8, [])).toThrow(/targets: expected at least one/);
  expect(() => make(0.5, 8, [short])).toThrow(/a target: expected 3 f32, got 8 bytes/);
  const steer = make(0.5);
  expect(() => steer.step(-1, 0)).toThrow(/step: expected an integer >= 0, got -1/);
  expect(() => steer.step(0, 1.5)).toThrow(/fraction: expected a number from 0 to 1, got 1.5/);
  for (const t of [steer, hyper, short]) t.dispose();
});
