import { expect, test } from "vitest";
import { currentGpu } from "../../src/gpu/index.ts";
import { type KnobOptions, SteeredKnob } from "../../src/prune/steer_knob.ts";
import { persistent, stretch, type Tensor } from "../../src/tensor/index.ts";

/** A chunk whose layers have these counts, and its number in the middle of a buffer. */
function chunkOf(live: readonly number[]): { counts: Tensor; layers: number; hyper: Tensor } {
  // A tally has further rows.
  const counts = persistent(Uint32Array.from([...live, 999, 999]), [live.length + 2]);
  return { counts, layers: live.length, hyper: persistent(Float32Array.of(7, 7, 7, 7, 7, 7, 7, 7), [8]) };
}
type Chunk = ReturnType<typeof chunkOf>;

const make = (chunks: readonly Chunk[], options: KnobOptions) =>
  new SteeredKnob(
    chunks.map(({ counts, layers, hyper }) => ({ counts, layers, target: stretch(hyper, 4, 1) })),
    options,
  );

test("moves the number as the formula does, from the counts of all chunks, and writes it to each", async () => {
  const { live: memory } = currentGpu().memory();
  const chunks = [chunkOf([10, 20]), chunkOf([30])];
  const start = 0.02;
  const knob = make(chunks, { start, unit: 0.5 });
  knob.step(60, 0, false);
  expect((await chunks[0]!.hyper.data())[4]).toBeCloseTo(0.5 * start, 9);
  let bias = 0;
  for (const [live, aim] of [
    [60, 55],
    [58, 40],
    [39, 39],
    [20, 30],
    [0, 25],
  ] as const) {
    chunks[0]!.counts.set(Uint32Array.of(Math.floor(live / 2), 0, 999, 999));
    chunks[1]!.counts.set(Uint32Array.of(Math.ceil(live / 2), 999, 999));
    knob.step(aim, 0.01);
    const e = Math.log(Math.max(1, live) / aim);
    bias += 20 * 0.01 * e;
    const expected = start * Math.exp(Math.max(-9.2, Math.min(9.2, bias + 8 * e)));
    for (const { hyper } of chunks) {
      const numbers = [...(await hyper.data())];
      expect(numbers[4]! / (0.5 * expected)).toBeCloseTo(1, 4);
      expect(numbers.filter((_, i) => i !== 4)).toEqual([7, 7, 7, 7, 7, 7, 7]);
    }
    expect((await knob.state.data())[1]! / expected).toBeCloseTo(1, 4);
  }
  knob.dispose();
  for (const { counts, hyper } of chunks) for (const t of [counts, hyper]) t.dispose();
  expect(currentGpu().memory().live).toBe(memory);
});

test("stays below its largest value, also at first, and moves by at most a factor of 10000", async () => {
  const chunk = chunkOf([1_000_000]);
  const capped = make([chunk], { start: 3, most: 0.5 });
  capped.step(1, 0, false);
  expect((await chunk.hyper.data())[4]).toBe(0.5);
  for (let n = 0; n < 10; n++) capped.step(1, 1);
  expect((await chunk.hyper.data())[4]).toBe(0.5);
  const free = make([chunk], { start: 1 });
  for (let n = 0; n < 10; n++) free.step(1, 1);
  expect((await chunk.hyper.data())[4]! / Math.exp(9.2)).toBeCloseTo(1, 4);
  for (const t of [capped, free, chunk.counts, chunk.hyper]) t.dispose();
});

test("refuses wrong options by name", () => {
  const chunk = chunkOf([1]);
  expect(() => new SteeredKnob([], { start: 1 })).toThrow(/chunks: expected at least one/);
  for (const key of ["start", "most", "unit"] as const)
    for (const value of [0, -1, Number.NaN, Number.POSITIVE_INFINITY])
      expect(() => make([chunk], { start: 1, [key]: value }), key).toThrow(`${key}: expected a finite number > 0`);
  const { counts, layers, hyper } = chunk;
  const wide = { counts, layers, target: stretch(hyper, 0, 2) };
  expect(() => new SteeredKnob([wide], { start: 1 })).toThrow(/a target: expected 1 f32, got 8 bytes/);
  const knob = make([chunk], { start: 1 });
  expect(() => knob.step(0, 0.1)).toThrow(/aim: expected a number > 0, got 0/);
  expect(() => knob.step(1, 2)).toThrow(/dx: expected a number from 0 to 1, got 2/);
  for (const t of [knob, counts, hyper]) t.dispose();
});
