import fc from "fast-check";
import { expect, test } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";
import { constantInit } from "../../src/nn/init.ts";
import { Parameter } from "../../src/nn/parameter.ts";
import { SGD } from "../../src/optim/sgd.ts";
import { MagnitudeSelect, magnitudeArena } from "../../src/prune/magnitude_select.ts";
import { captureStep } from "../../src/tensor/index.ts";
import { arenaOf, joined, sortedMagnitude } from "../support/magnitude_arena.ts";
import { randomArray } from "../support/random.ts";

/** Weights of several kinds: distinct, tied, mostly zero, of every exponent a float has. */
const kinds = {
  normal: (n: number, seed: number) => randomArray(n, seed, 0.05),
  ties: (n: number, seed: number) => randomArray(n, seed).map((x) => Math.round(2 * x) / 4),
  sparse: (n: number, seed: number) => randomArray(n, seed).map((x) => (Math.abs(x) < 2 ? (x < 0 ? -0 : 0) : x)),
  same: (n: number) => new Float32Array(n).fill(-0.3),
  wide: (n: number, seed: number) => randomArray(n, seed).map((x) => Math.sign(x) * 10 ** (16 * x)),
};

const layer = fc
  .tuple(
    fc.constantFrom(...Object.values(kinds)),
    fc.oneof(fc.integer({ min: 1, max: 6000 }), fc.constantFrom(1, 1024, 2048, 1025)),
    fc.integer({ min: 1, max: 1000 }),
  )
  .map(([make, n, seed]) => make(n, seed));
const arenas = fc.array(fc.array(layer, { minLength: 1, maxLength: 5 }), { minLength: 1, maxLength: 3 });
const share = fc.oneof(fc.double({ min: 0, max: 1, noNaN: true }), fc.constantFrom(0, 1));

/** Padding of NaN or zeros, which would show if it were counted. */
const padding = fc.constantFrom(0, Number.NaN, 1e-3);

async function select(
  list: readonly (readonly Float32Array[])[],
  scope: "layer" | "all",
  ranks: readonly number[],
  pad = 0,
): Promise<number[]> {
  const made = list.map((layers) => arenaOf(layers, pad));
  const selection = new MagnitudeSelect(made, { scope });
  selection.setRanks(ranks);
  selection.run();
  const found = [...(await selection.thresholds.data())];
  selection.dispose();
  for (const arena of made) arena[Symbol.dispose]();
  return found;
}

test("each layer's k-th smallest magnitude is what sorting finds", async () => {
  await fc.assert(
    fc.asyncProperty(arenas, fc.infiniteStream(share), padding, async (list, shares, pad) => {
      const layers = list.flat();
      const ranks = layers.map((l) => Math.floor(shares.next().value * l.length));
      const live = currentGpu().memory().live;
      const found = await select(list, "layer", ranks, pad);
      expect(found).toEqual(layers.map((l, i) => sortedMagnitude(l, ranks[i]!)));
      expect(currentGpu().memory().live).toBe(live);
    }),
    { numRuns: 25 },
  );
});

test("and so is the k-th smallest of all layers together", async () => {
  await fc.assert(
    fc.asyncProperty(arenas, share, padding, async (list, p, pad) => {
      const all = joined(list.flat());
      const rank = Math.floor(p * all.length);
      expect(await select(list, "all", [rank], pad)).toEqual([sortedMagnitude(all, rank)]);
    }),
    { numRuns: 25 },
  );
});

test("the first, the last, and a neighbour that differs in one bit", async () => {
  const bits = Uint32Array.of(0x3f800001, 0xbf800000, 0x3f800002, 0x00000001, 0x7f800000, 0x80000000);
  const values = new Float32Array(bits.buffer);
  const found: number[] = [];
  for (let rank = 0; rank <= 6; rank++) found.push(...(await select([[values]], "layer", [rank])));
  const up = 2 ** -23;
  expect(found).toEqual([-1, 0, 2 ** -149, 1, 1 + up, 1 + 2 * up, Number.POSITIVE_INFINITY]);
});

test("runs repeat, and a captured run sees new ranks and new weights", async () => {
  const layers = [randomArray(5000, 1), randomArray(300, 2)];
  using arena = arenaOf(layers);
  const selection = new MagnitudeSelect([arena]);
  const step = captureStep(() => {
    selection.run();
    return { thresholds: selection.thresholds };
  });
  for (const ranks of [
    [2500, 299],
    [2500, 299],
    [0, 300],
    [5000, 0],
    [1, 1],
  ]) {
    selection.setRanks(ranks);
    step.run({});
    expect([...(await selection.thresholds.data())]).toEqual(layers.map((l, i) => sortedMagnitude(l, ranks[i] ?? 0)));
  }
  arena.values.set(new Float32Array(arena.values.numel).fill(0.5));
  step.run({});
  expect([...(await selection.thresholds.data())]).toEqual([0.5, 0.5]);
  step.dispose();
  selection.dispose();
});

test("a rank that the GPU set too high means all", async () => {
  using arena = arenaOf([Float32Array.of(1, -3, 2)]);
  const selection = new MagnitudeSelect([arena]);
  selection.ranks.set(Uint32Array.of(4_000_000_000));
  selection.run();
  expect(await selection.thresholds.item()).toBe(3);
  selection.dispose();
});

test("an optimiser's chunk is an arena", async () => {
  const params = [new Parameter([2, 700], constantInit(0.25)), new Parameter([3], constantInit(-2))];
  const sgd = new SGD(params, { lr: 0.1, mode: "latent" });
  const selection = new MagnitudeSelect(sgd.groups[0]!.chunks.map((c) => magnitudeArena(c)));
  expect(selection.elements).toEqual([1400, 3]);
  selection.setRanks([1400, 1]);
  selection.run();
  expect([...(await selection.thresholds.data())]).toEqual([0.25, 2]);
  selection.dispose();
  sgd.dispose();
  for (const p of params) p.dispose();
});

test("wrong ranks and arenas are named", () => {
  using arena = arenaOf([randomArray(2000, 1), randomArray(10, 2)]);
  const selection = new MagnitudeSelect([arena]);
  expect(() => selection.setRanks([1])).toThrow(/ranks: expected 2, one per row, got 1/);
  expect(() => selection.setRanks([1, 11])).toThrow(/rank of row 1: expected an integer from 0 to 10, got 11/);
  expect(() => selection.setRanks([0.5, 1])).toThrow(/row 0: .* got 0.5/);
  expect(() => selection.setRanks([-1, 1])).toThrow(/row 0: .* got -1/);
  selection.dispose();
  expect(() => new MagnitudeSelect([])).toThrow(/arenas: expected at least one/);
  expect(() => new MagnitudeSelect([{ ...arena, elements: [2000] }])).toThrow(
    /segments of arena 0: expected 2 .* got 3/,
  );
  expect(() => new MagnitudeSelect([{ ...arena, elements: [] }])).toThrow(/elements of arena 0/);
  expect(() => new MagnitudeSelect([{ ...arena, values: arena.segmentTable }])).toThrow(
    /values of arena 0: expected 3072 f32/,
  );
  expect(() => new MagnitudeSelect([arena], { scope: "row" as "all" })).toThrow(
    /scope: expected "layer" or "all", got row/,
  );
});
