import { expect, test } from "vitest";
import { type Bindable, currentGpu } from "../../src/gpu/index.ts";
import { scheduledThreshold } from "../../src/optim/hyper.ts";
import { type SearchedChunk, SearchedThreshold, type SearchOptions } from "../../src/prune/steer_search.ts";
import { captureStep, copyInto, persistent, type Tensor } from "../../src/tensor/index.ts";
import { arenaOf, joined, packLayers, sortedMagnitude } from "../support/magnitude_arena.ts";
import { randomArray } from "../support/random.ts";

const makeHyper = () => persistent(Float32Array.of(0.1, 0, 0, 0, 1, 0.9, 1e-4, 8), [8]);
const f32 = Math.fround;

type Arena = ReturnType<typeof arenaOf>;

/** Return chunks with one count of live weights each: at first none, with which the search has no line. */
function chunksOf(...arenas: Arena[]): { chunks: SearchedChunk[]; counts: Tensor[]; [Symbol.dispose](): void } {
  const counts = arenas.map(() => persistent(new Uint32Array(3), [3]));
  return {
    chunks: arenas.map((arena, i) => ({ arena, counts: counts[i]!, from: 1, layers: 1 })),
    counts,
    [Symbol.dispose]() {
      for (const t of counts) t.dispose();
    },
  };
}

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
  const given = chunksOf(first, second);
  const steer = new SearchedThreshold(given.chunks, hypers.map(scheduledThreshold), common);
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
  given[Symbol.dispose]();
  first[Symbol.dispose]();
  second[Symbol.dispose]();
  expect(currentGpu().memory().live).toBe(live);
});

/** Steer over weights that are multiplied by `scale(n)` before step n; return D after each step. */
async function searched(
  scale: (n: number) => number,
  options: Partial<SearchOptions> = {},
  from: { step: number; state: ArrayLike<number> } = { step: 0, state: [] },
  live: (n: number) => number = () => 0,
): Promise<{ finals: number[]; states: Float32Array[]; rank: number; heldFrom: number }> {
  const weights = randomArray(1500, 3, 0.1);
  using arena = arenaOf([weights]);
  const hyper = makeHyper();
  using given = chunksOf(arena);
  const steer = new SearchedThreshold(given.chunks, [scheduledThreshold(hyper)], { ...common, ...options });
  if (from.state.length > 0) steer.state.set(Float32Array.from(from.state));
  const finals: number[] = [];
  const states: Float32Array[] = [];
  for (let n = from.step; n < STEPS; n++) {
    arena.values.set(packLayers([weights.map((w) => w * scale(n))]));
    given.counts[0]!.set(Uint32Array.of(0, live(n), 0));
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
  using given = chunksOf(arena);
  const steer = new SearchedThreshold(given.chunks, [scheduledThreshold(hyper)], {
    ...common,
    ...schedule,
    ...options,
  });
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
  expect(d * (1 - c)).toBeGreaterThan(0.92);
  expect(d * (1 - c)).toBeLessThan(1.001);
});

test("magnitudes that weight decay shrinks: D is the magnitude of the end", async () => {
  const spent = (n: number) => 1 - (1 - n / 400) ** 2;
  const { d: known } = await searchedOver((n) => Math.exp(-0.4 * spent(n)), { decay: 0.4 });
  expect(Math.abs(known / Math.exp(-0.4) - 1)).toBeLessThan(0.03);
  const { d: unknown } = await searchedOver((n) => Math.exp(-0.4 * spent(n)));
  expect(unknown / Math.exp(-0.4)).toBeGreaterThan(1.05);
});

/** D of a search whose counts follow logit(share) = k ln(d / solution), and the D of its first part. The magnitudes' D is 1 in both. */
async function searchedByLine(k: number, solution: number, options: Partial<SearchOptions> = {}) {
  const weights = randomArray(4000, 3, 0.1);
  const rank = sortedMagnitude(weights, 3600);
  const parts = [weights.slice(0, 1000), weights.slice(1000)];
  using first = arenaOf(parts.slice(0, 1));
  using second = arenaOf(parts.slice(1));
  using given = chunksOf(first, second);
  const hyper = makeHyper();
  const steps = 400;
  const far = (n: number) => 1 - (1 - n / steps) ** 2;
  const schedule = { steps, fraction: far, spent: far, squared: (n: number) => 1 - (1 - n / steps) ** 3 };
  const steer = new SearchedThreshold(given.chunks, [scheduledThreshold(hyper)], {
    ...common,
    ...schedule,
    ...options,
  });
  let before = 0;
  for (let n = 0; n < 280; n++) {
    const { threshold, final } = await steer.read();
    if (n === 200) before = final / rank;
    const live = Math.round(4000 / (1 + 9 * (threshold / rank / solution) ** k));
    given.counts[0]!.set(Uint32Array.of(7, live >> 2, 7));
    given.counts[1]!.set(Uint32Array.of(7, live - (live >> 2), 7));
    steer.step(n);
  }
  const { final, heldFrom } = await steer.read();
  for (const t of [steer, hyper]) t.dispose();
  return { before, d: final / rank, heldFrom };
}

test.each([
  [0.6, 1.2],
  [1, 0.85],
  [1.6, 1.15],
])("shares along a line of slope %d: D becomes the solution, %d", async (k, solution) => {
  const { before, d, heldFrom } = await searchedByLine(k, solution);
  expect(Math.abs(before - 1)).toBeLessThan(0.02);
  expect(Math.abs(d / solution - 1)).toBeLessThan(0.3 * Math.abs(1 / solution - 1));
  expect(heldFrom).toBe(267);
});

test("a line that reaches far does not move D", async () => {
  const even = (n: number) => n / 400;
  const { before, d } = await searchedByLine(1, 1.3, { fraction: even, spent: even, squared: even });
  // The measurements go on, and the first D decays.
  expect(Math.abs(before - 1)).toBeLessThan(0.06);
  expect(Math.abs(d - 1)).toBeLessThan(0.02);
});

test.each([0.2, 0.9])("magnitudes that follow the threshold by %d: of 400 steps, the search takes 267", async (c) => {
  const { heldFrom } = await searchedOver((_n, threshold) => 1 + c * threshold);
  expect(heldFrom).toBe(267);
});

test("magnitudes of groups are expected to follow with less randomness", async () => {
  const of = async (members?: number) => {
    const { d, heldFrom } = await searchedOver((_n, threshold) => 1 + 0.35 * threshold, { members });
    expect(heldFrom).toBe(267);
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

test("D moves by a factor of at most 1.5 in a step", async () => {
  for (const jump of [0.01, 10]) {
    const { finals } = await searched((n) => (n < 30 ? jump : 1));
    for (let n = 1; n < STEPS; n++) {
      expect(finals[n]! / finals[n - 1]!).toBeLessThanOrEqual(1.5001);
      expect(finals[n]! / finals[n - 1]!).toBeGreaterThanOrEqual(1 / 1.5001);
    }
  }
});

test("a window that begins late is searched in its first two thirds, and the threshold is 0 before", async () => {
  const share = (n: number) => Math.min(1, Math.max(0, (n - 12) / 64));
  const options = { start: 12, steps: 64, fraction: share, spent: share, squared: share };
  const { finals, states, heldFrom, rank } = await searched(() => 1, options);
  expect(heldFrom).toBe(55);
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

test("a long search takes at most 171 measurements", async () => {
  using arena = arenaOf([randomArray(50, 1)]);
  const hyper = makeHyper();
  const steps = 2000;
  const share = (n: number) => n / steps;
  const options = { target: 0.5, start: 0, steps, fraction: share, spent: share, squared: share };
  using given = chunksOf(arena);
  const steer = new SearchedThreshold(given.chunks, [scheduledThreshold(hyper)], options);
  for (let n = 0; n < 1334; n++) steer.step(n);
  const points = (await steer.state.data())[2]!;
  expect(points).toBeGreaterThan(100);
  expect(points).toBeLessThanOrEqual(171);
  steer.dispose();
  hyper.dispose();
});

test("a run resumed from its state has the same bits", async () => {
  const scale = (n: number) => 1 + 0.3 * Math.sin(n) + 0.2 * spent(n);
  const live = (n: number) => 1400 - 15 * n;
  const { finals, states, heldFrom } = await searched(scale, {}, undefined, live);
  expect(heldFrom).toBe(53);
  expect(new Set(finals.slice(40, 53)).size).toBe(13);
  for (const stop of [8, 33, 40, 47, 53, 63]) {
    const rest = await searched(scale, {}, { step: stop, state: states[stop - 1]! }, live);
    expect(rest.finals, `from step ${stop}`).toEqual(finals.slice(stop));
    expect(rest.states.at(-1)).toEqual(states.at(-1));
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
  using given = chunksOf(arena);
  const steer = new SearchedThreshold(given.chunks, [scheduledThreshold(hyper)], options);
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
  using given = chunksOf(arena);
  const hyper = makeHyper();
  const short = persistent(new Float32Array(2), [2]);
  const make = (options: Partial<SearchOptions>, targets: Bindable[] = [scheduledThreshold(hyper)]) =>
    new SearchedThreshold(given.chunks, targets, { ...common, ...options });
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
