import fc from "fast-check";
import { expect, test } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";
import { cutSmallest } from "../../src/prune/cut.ts";
import { MagnitudeSelect } from "../../src/prune/magnitude_select.ts";
import { captureStep, persistent, readAll } from "../../src/tensor/index.ts";
import { withBindings } from "../support/bindings.ts";
import { differingWords } from "../support/close.ts";
import { arenaOf, joined, packLayers, sortedMagnitude, unpackLayers } from "../support/magnitude_arena.ts";
import { randomArray } from "../support/random.ts";

/** n weights of distinct magnitudes in no order, signs mixed. */
function distinct(n: number, seed: number): Float32Array {
  const order = Array.from(randomArray(n, seed).entries()).sort(([, a], [, b]) => a - b);
  return Float32Array.from(order, ([k]) => ((k % 2 === 0 ? 1 : -1) * (k + 1)) / 1024);
}
const zeros = (values: Float32Array) => values.filter((x) => x === 0).length;
const bitsOf = (values: Float32Array) => [...new Uint32Array(values.slice().buffer)];
const sizes = fc.array(fc.integer({ min: 1, max: 3000 }), { minLength: 1, maxLength: 4 });

test("each layer has exactly floor(p n) zeros, and all other entries keep their bits", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(sizes, { minLength: 1, maxLength: 2 }),
      fc.double({ min: 0, max: 1, noNaN: true }),
      fc.constantFrom(0, 1, 2),
      async (list, p, companions) => {
        const live = currentGpu().memory().live;
        const weights = list.map((ns, a) => ns.map((n, k) => distinct(n, 10 * a + k + 1)));
        const made = weights.map((layers) => {
          const arena = arenaOf(layers, 1e-9);
          const filled = (x: number) => persistent(new Float32Array(arena.values.numel).fill(x), [arena.values.numel]);
          return { arena, velocity: companions > 0 ? filled(-7) : null, copies: companions > 1 ? [filled(5)] : [] };
        });
        const select = new MagnitudeSelect(made.map((m) => m.arena));
        select.setRanks(select.elements.map((n) => Math.floor(p * n)));
        select.run();
        cutSmallest(
          select,
          made.map(({ arena, velocity, copies }) => ({ ...arena, velocity, copies })),
        );
        for (const [a, { arena, velocity, copies }] of made.entries()) {
          const after = (await arena.values.data()) as Float32Array;
          const expected = weights[a]!.map((layer) => {
            const threshold = sortedMagnitude(layer, Math.floor(p * layer.length));
            return layer.map((x) => (Math.abs(x) <= threshold ? 0 : x));
          });
          // The padding, poisoned with tiny numbers, is left alone as well.
          expect(bitsOf(after)).toEqual(bitsOf(packLayers(expected, 1e-9)));
          const layers = unpackLayers(after, arena.elements);
          expect(layers.map(zeros)).toEqual(arena.elements.map((n) => Math.floor(p * n)));
          for (const [t, x] of [[velocity, -7] as const, [copies[0], 5] as const]) {
            if (!t) continue;
            const companion = packLayers(
              expected.map((l) => l.map((w) => (w === 0 ? 0 : x))),
              x,
            );
            expect(bitsOf((await t.data()) as Float32Array)).toEqual(bitsOf(companion));
          }
        }
        select.dispose();
        for (const { arena, velocity, copies } of made) {
          arena[Symbol.dispose]();
          for (const t of [velocity, ...copies]) t?.dispose();
        }
        expect(currentGpu().memory().live).toBe(live);
      },
    ),
    { numRuns: 20 },
  );
});

test("one rank for all arenas cuts the smallest of all", async () => {
  using first = arenaOf([distinct(2000, 1), distinct(40, 2)]);
  using second = arenaOf([distinct(1500, 3).map((x) => x * 1.0001)]);
  const before = joined([distinct(2000, 1), distinct(40, 2), distinct(1500, 3).map((x) => x * 1.0001)]);
  const select = new MagnitudeSelect([first, second], { scope: "all" });
  const rank = 1771;
  select.setRanks([rank]);
  select.run();
  cutSmallest(select, [first, second]);
  const [a, b] = (await readAll(first.values, second.values)) as [Float32Array, Float32Array];
  const after = joined([...unpackLayers(a, first.elements), ...unpackLayers(b, second.elements)]);
  const threshold = sortedMagnitude(before, rank);
  expect(bitsOf(after)).toEqual(bitsOf(before.map((x) => (Math.abs(x) <= threshold ? 0 : x))));
  // Layers share magnitudes, so those equal to the threshold may exceed the rank.
  expect(zeros(after)).toBeGreaterThanOrEqual(rank);
  select.dispose();
});

test("cuts all ties at the threshold; zeros of both signs count and become +0", async () => {
  using arena = arenaOf([Float32Array.of(-0, 0.5, -0.5, 2, 0.5, 1e-44, -1e-45)]);
  const select = new MagnitudeSelect([arena]);
  const cut = async (rank: number) => {
    select.setRanks([rank]);
    select.run();
    cutSmallest(select, [arena]);
    return bitsOf(unpackLayers((await arena.values.data()) as Float32Array, arena.elements)[0]!);
  };
  const half = 0x3f000000;
  expect(await cut(0)).toEqual([0x80000000, half, half + 0x80000000, 0x40000000, half, 7, 0x80000001]);
  expect(await cut(1)).toEqual([0, half, half + 0x80000000, 0x40000000, half, 7, 0x80000001]);
  expect(await cut(2)).toEqual([0, half, half + 0x80000000, 0x40000000, half, 7, 0]);
  expect(await cut(4)).toEqual([0, 0, 0, 0x40000000, 0, 0, 0]);
  expect(await cut(7)).toEqual([0, 0, 0, 0, 0, 0, 0]);
  select.dispose();
});

test("replays with new ranks cut further", async () => {
  using arena = arenaOf([distinct(3000, 1), distinct(100, 2)]);
  const velocity = persistent(new Float32Array(arena.values.numel).fill(1), [arena.values.numel]);
  const select = new MagnitudeSelect([arena]);
  const step = captureStep(() => {
    select.run();
    cutSmallest(select, [{ ...arena, velocity }]);
    return { values: arena.values };
  });
  for (const p of [0.1, 0.5, 0.5, 0.99]) {
    const ranks = select.elements.map((n) => Math.floor(p * n));
    select.setRanks(ranks);
    step.run({});
    for (const t of [arena.values, velocity]) {
      expect(unpackLayers((await t.data()) as Float32Array, arena.elements).map(zeros)).toEqual(ranks);
    }
  }
  step.dispose();
  select.dispose();
  velocity.dispose();
});

test("searches and cuts arenas larger than one binding in parts, with equal results", async () => {
  // Layers of 70, 3 and 67 segments; 64 fit a binding, so parts end within layers.
  const layers = [randomArray(71_000, 1), randomArray(3000, 2), randomArray(68_300, 3)];
  const ranks = [35_000, 2999, 400];
  for (const scope of ["layer", "all"] as const) {
    const wanted = scope === "layer" ? ranks : [100_000];
    const run = async () => {
      using arena = arenaOf(layers, 1e-9);
      const velocity = persistent(new Float32Array(arena.values.numel).fill(2), [arena.values.numel]);
      const select = new MagnitudeSelect([arena], { scope });
      select.setRanks(wanted);
      select.run();
      cutSmallest(select, [{ ...arena, velocity }]);
      const read = await readAll(select.thresholds, arena.values, velocity);
      select.dispose();
      velocity.dispose();
      return read;
    };
    const whole = await run();
    const parts = await withBindings(64 * 4096, run);
    expect(parts.map((values, i) => differingWords(values, whole[i]!))).toEqual([0, 0, 0]);
    const sorted = scope === "layer" ? layers : [joined(layers)];
    expect([...whole[0]!]).toEqual(sorted.map((values, row) => sortedMagnitude(values, wanted[row]!)));
  }
});

test("refuses arenas that differ from the selection's", () => {
  using arena = arenaOf([distinct(10, 1)]);
  using other = arenaOf([distinct(11, 1)]);
  using large = arenaOf([distinct(1100, 1)]);
  const select = new MagnitudeSelect([arena]);
  expect(() => cutSmallest(select, [])).toThrow(/arenas: expected 1, as in the selection, got 0/);
  expect(() => cutSmallest(select, [other])).toThrow(/layers of arena 0: expected \[10\], got \[11\]/);
  expect(() => cutSmallest(select, [{ ...arena, velocity: large.values }])).toThrow(
    /memory of arena 0: expected 1024 f32/,
  );
  const copies = [other.values, other.values];
  expect(() => cutSmallest(select, [{ ...arena, copies }])).toThrow(/copies of arena 0: expected at most one, got 2/);
  select.dispose();
});
