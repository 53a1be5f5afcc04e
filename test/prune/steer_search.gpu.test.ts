import { expect, test } from "vitest";
import { type Bindable, currentGpu } from "../../src/gpu/index.ts";
import { scheduledThreshold } from "../../src/optim/hyper.ts";
import { SearchedThreshold, type SearchOptions } from "../../src/prune/steer_search.ts";
import { captureStep, copyInto, persistent } from "../../src/tensor/index.ts";
import { arenaOf, joined, packLayers, sortedMagnitude } from "../support/magnitude_arena.ts";
import { randomArray } from "../support/random.ts";

const makeHyper = () => persistent(Float32Array.of(0.1, 0, 0, 0, 1, 0.9, 1e-4, 8), [8]);
const f32 = Math.fround;

const STEPS = 80;
/** Share of the rate spent: of a rate that falls linearly to 0. */
const spent = (n: number): number => 1 - (1 - n / STEPS) ** 2;
/** The same of the squared rate. */
const squared = (n: number): number => 1 - (1 - n / STEPS) ** 3;
const common: SearchOptions = { target: 0.9, start: 0, steps: STEPS, fraction: spent, spent, squared };

test("with constant weights D becomes the magnitude of the target's rank, and the threshold is D f at every step", async () => {
  const { live } = currentGpu().memory();
  const layers = [1500, 700, 33].map((n, k) => randomArray(n, k + 1, 0.1));
  const rank = sortedMagnitude(joined(layers), Math.round(0.9 * 2233));
  using first = arenaOf(layers.slice(1), Number.NaN);
  using second = arenaOf(layers.slice(0, 1), Number.NaN);
  const hypers = [makeHyper(), makeHyper()];
  const steer = new SearchedThreshold([first, second], hypers.map(scheduledThreshold), common);
  let before = 0;
  for (let n = 0; n < STEPS; n++) {
    steer.step(n);
    const { threshold: next, final } = await steer.read();
    expect(next).toBe(f32(final * f32(spent(n + 1))));
    const expected = [f32(0.1), before, next, f32(next - before), 1, f32(0.9), f32(1e-4), 8];
    for (const hyper of hypers) expect([...(await hyper.data())], `step ${n}`).toEqual(expected);
    // The first D is a guess.
    if (n < 3) expect(final / (rank * 0.1 ** -0.5)).toBeCloseTo(1, 5);
    before = next;
  }
  // The guess decays.
  expect(Math.abs((await steer.read()).final / rank - 1)).toBeLessThan(0.02);
  steer.dispose();
  for (const hyper of hypers) hyper.dispose();
  first[Symbol.dispose]();
  second[Symbol.dispose]();
  expect(currentGpu().memory().live).toBe(live);
});

/** Steer over weights that are multiplied by `scale(n)` before step n; return D after each step. */
async function searched(
  scale: (n: number) => number,
  options: Partial<SearchOptions> = {},
  from: { step: number; state: ArrayLike<number> } = { step: 0, state: [] },
): Promise<{ finals: number[]; states: Float32Array[]; rank: number; heldFrom: number }> {
  const weights = randomArray(1500, 3, 0.1);
  using arena = arenaOf([weights]);
  const hyper = makeHyper();
  const steer = new SearchedThreshold([arena], [scheduledThreshold(hyper)], { ...common, ...options });
  if (from.state.length > 0) steer.state.set(Float32Array.from(from.state));
  const finals: number[] = [];
  const states: Float32Array[] = [];
  for (let n = from.step; n < STEPS; n++) {
    arena.values.set(packLayers([weights.map((w) => w * scale(n))]));
    steer.step(n);
    finals.push((await steer.read()).final);
    states.push((await steer.state.data()) as Float32Array);
  }
  const heldFrom = (await steer.read()).heldFrom!;
  steer.dispose();
  hyper.dispose();
  return { finals, states, rank: sortedMagnitude(weights, 1350), heldFrom };
}

/** D of a search over weights whose magnitude of the target's rank is `q(n, threshold)` times the first, and the step of its end. */
async function searchedOver(
  q: (n: number, threshold: number) => number,
  options: Partial<SearchOptions> = {},
): Promise<{ d: number; heldFrom: number | null }> {
  const weights = randomArray(1500, 3, 0.1);
  using arena = arenaOf([weights]);
  const hyper = makeHyper();
  const steps = 400;
  const far = (n: number) => 1 - (1 - n / steps) ** 2;
  const schedule = { steps, fraction: far, spent: far, squared: (n: number) => 1 - (1 - n / steps) ** 3 };
  const steer = new SearchedThreshold([arena], [scheduledThreshold(hyper)], { ...common, ...schedule, ...options });
  const rank = sortedMagnitude(weights, Math.round((options.target ?? 0.9) * 1500));
  for (let n = 0; n < steps; n++) {
    // The true threshold, which moves the weights of the next step.
    const { threshold } = await steer.read();
    const scale = q(n, threshold / rank);
    arena.values.set(packLayers([weights.map((w) => w * scale)]));
    steer.step(n);
  }
  const { final, heldFrom } = await steer.read();
  steer.dispose();
  hyper.dispose();
  return { d: final / rank, heldFrom };
}

test.each([
  [0.6, 0.9],
  [0.9, 0.9],
  [0.6, 0.5],
  [0.9, 0.5],
])("magnitudes that follow the threshold by %d: D is the solution of D = a + c D, target %d", async (c, target) => {
  const { d } = await searchedOver((_n, threshold) => 1 + c * threshold, { target });
  // Half of the rest is expected to be calmer, which costs a few percent of D here, where nothing is random.
  expect(d * (1 - c)).toBeGreaterThan(0.93);
  expect(d * (1 - c)).toBeLessThan(1.001);
});

test("magnitudes that weight decay shrinks: D is the magnitude of the end", async () => {
  const spent = (n: number) => 1 - (1 - n / 400) ** 2;
  const { d: known } = await searchedOver((n) => Math.exp(-0.4 * spent(n)), { decay: 0.4 });
  expect(Math.abs(known / Math.exp(-0.4) - 1)).toBeLessThan(0.03);
  const { d: unknown } = await searchedOver((n) => Math.exp(-0.4 * spent(n)));
  expect(unknown / Math.exp(-0.4)).toBeGreaterThan(1.05);
});

test.each([
  [0.2, 200],
  [0.6, 267],
  [0.9, 267],
])("magnitudes that follow the threshold by %d: of 400 steps, the search takes %d", async (c, end) => {
  const { heldFrom } = await searchedOver((_n, threshold) => 1 + c * threshold);
  expect(heldFrom).toBe(end);
});

test("magnitudes of groups are expected to follow with less randomness", async () => {
  // A slope at which the search ends in the middle.
  const of = async (members?: number) => {
    const { d, heldFrom } = await searchedOver((_n, threshold) => 1 + 0.35 * threshold, { members });
    expect(heldFrom).toBe(200);
    return d * 0.65;
  };
  const [single, block, filter] = [await of(), await of(8), await of(1e6)];
  expect(single).toBeGreaterThan(0.94);
  expect(block).toBeGreaterThan(single);
  expect(filter).toBeGreaterThan(block);
  expect(filter).toBeLessThan(1.001);
});

test("after the search D has the same bits whatever the weights do", async () => {
  const { finals, heldFrom } = await searched((n) => (n < STEPS / 2 ? 1 + 0.1 * Math.sin(n) : 3));
  const held = finals.slice(heldFrom - 1);
  expect(new Set(held).size).toBe(1);
  expect(new Set(finals.slice(0, heldFrom)).size).toBeGreaterThan(3);
});

test("a measurement moves D to at most 1.5 times its value, and the last by 30 % of the way", async () => {
  const up = await searched((n) => (n < 38 ? 0.01 : 1));
  const before = up.heldFrom - 2;
  expect(up.finals.at(-1)! / up.finals[before]!).toBeLessThanOrEqual(1.1501);
  expect(up.finals.at(-1)! / up.finals[before]!).toBeGreaterThan(1.1);
  const down = await searched((n) => (n < 38 ? 10 : 1));
  expect(down.finals.at(-1)! / down.finals[before]!).toBeGreaterThanOrEqual(0.8999);
});

test("a search that the middle of the window does not end moves D until two thirds, and then never", async () => {
  // Half of the rate is left in the middle.
  const even = (n: number) => n / STEPS;
  const options = { fraction: even, spent: even, squared: even };
  const { finals, heldFrom } = await searched((n) => (n < 53 ? 1 + 2 * even(n) : 9), options);
  expect(heldFrom).toBe(53);
  expect(new Set(finals.slice(40, 53)).size).toBeGreaterThan(3);
  expect(new Set(finals.slice(52)).size).toBe(1);
});

test("a window that begins late is searched in its first half, and the threshold is 0 before", async () => {
  const share = (n: number) => Math.min(1, Math.max(0, (n - 12) / 64));
  const options = { start: 12, steps: 64, fraction: share, spent: share, squared: share };
  const { finals, states, heldFrom, rank } = await searched(() => 1, options);
  expect(heldFrom).toBe(44);
  expect(finals.slice(0, 12)).toEqual(new Array(12).fill(0));
  expect(states[11]![0]).toBe(0);
  expect(finals[12]! / (rank * 0.1 ** -0.5)).toBeCloseTo(1, 5);
  expect(states.at(-1)![0]).toBe(finals.at(-1));
});

test("a search of fewer than 32 steps begins at the measured magnitude itself", async () => {
  const share = (n: number) => Math.min(1, n / 20);
  const { finals, rank } = await searched(() => 1, { steps: 20, fraction: share, spent: share, squared: share });
  for (const final of finals) expect(final / rank).toBeCloseTo(1, 5);
});

test("a long search takes at most 173 measurements", async () => {
  using arena = arenaOf([randomArray(50, 1)]);
  const hyper = makeHyper();
  const steps = 2000;
  const share = (n: number) => n / steps;
  const options = { target: 0.5, start: 0, steps, fraction: share, spent: share, squared: share };
  const steer = new SearchedThreshold([arena], [scheduledThreshold(hyper)], options);
  for (let n = 0; n < 1334; n++) steer.step(n);
  const points = (await steer.state.data())[2]!;
  expect(points).toBeGreaterThan(100);
  expect(points).toBeLessThanOrEqual(173);
  steer.dispose();
  hyper.dispose();
});

test("a run resumed from its state has the same bits", async () => {
  const scale = (n: number) => 1 + 0.3 * Math.sin(n) + 0.2 * spent(n);
  const even = (n: number) => n / STEPS;
  const rising = (n: number) => scale(n) + 2 * even(n);
  for (const [scales, options, end] of [
    [scale, {}, 40],
    [rising, { fraction: even, spent: even, squared: even }, 53],
  ] as const) {
    const { finals, states, heldFrom } = await searched(scales, options);
    expect(heldFrom).toBe(end);
    for (const stop of [8, 33, 40, 47, 53, 63]) {
      const rest = await searched(scales, options, { step: stop, state: states[stop - 1]! });
      expect(rest.finals, `from step ${stop}`).toEqual(finals.slice(stop));
      expect(rest.states.at(-1)).toEqual(states.at(-1));
    }
  }
});

test("weights that are not finite leave D alone", async () => {
  const { finals } = await searched((n) => (n === 7 ? Number.NaN : n === 9 ? Number.POSITIVE_INFINITY : 1));
  expect(finals.every(Number.isFinite)).toBe(true);
  expect(finals[7]).toBe(finals[6]);
});

test("a captured step reads the thresholds of the last call", async () => {
  using arena = arenaOf([Float32Array.of(1, 2, 3, 4)]);
  const hyper = makeHyper();
  const seen = persistent(new Float32Array(8), [8]);
  const share = (n: number) => n / 4;
  const options = { target: 0.75, start: 0, steps: 4, fraction: share, spent: share, squared: share };
  const steer = new SearchedThreshold([arena], [scheduledThreshold(hyper)], options);
  const step = captureStep(() => {
    copyInto(seen, hyper);
    return { seen };
  });
  const got: number[][] = [];
  for (let n = 0; n < 4; n++) {
    steer.step(n);
    step.run({});
    got.push([...(await seen.data())].slice(1, 4));
  }
  expect(got).toEqual([
    [0, 0.75, 0.75],
    [0.75, 1.5, 0.75],
    [1.5, 2.25, 0.75],
    [2.25, 3, 0.75],
  ]);
  const inside = captureStep(() => {
    steer.step(4);
    return { seen };
  });
  expect(() => inside.run({})).toThrow(/uploading inside a captured step/);
  for (const t of [steer, step, inside, hyper, seen]) t.dispose();
});

test("refuses wrong options by name", () => {
  using arena = arenaOf([Float32Array.of(1, 2)]);
  const hyper = makeHyper();
  const short = persistent(new Float32Array(2), [2]);
  const make = (options: Partial<SearchOptions>, targets: Bindable[] = [scheduledThreshold(hyper)]) =>
    new SearchedThreshold([arena], targets, { ...common, ...options });
  expect(() => make({ target: 1.01 })).toThrow(/target: expected a share from 0 to 1, got 1.01/);
  expect(() => make({ target: Number.NaN })).toThrow(/target/);
  expect(() => make({ start: -1 })).toThrow(/start: expected an integer >= 0, got -1/);
  expect(() => make({ decay: -1 })).toThrow(/decay: expected a finite number >= 0, got -1/);
  expect(() => make({ members: 0.5 })).toThrow(/members: expected a finite number >= 1, got 0.5/);
  expect(() => make({ steps: 0 })).toThrow(/steps: expected an integer >= 1, got 0/);
  expect(() => make({}, [])).toThrow(/targets: expected at least one/);
  expect(() => make({}, [short])).toThrow(/a target: expected 3 f32, got 8 bytes/);
  const steer = make({});
  expect(() => steer.step(-1)).toThrow(/step: expected an integer >= 0, got -1/);
  for (const t of [steer, hyper, short]) t.dispose();
});
