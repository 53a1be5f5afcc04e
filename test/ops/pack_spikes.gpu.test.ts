import fc from "fast-check";
import { expect, test } from "vitest";
import { packSpikes, unpackSpikes } from "../../src/ops/pack_spikes.ts";
import { metaTensor, numel, Scope, tensor } from "../../src/tensor/index.ts";
import { anyShape } from "../support/arbitrary_shapes.ts";

/** Words of a list of spikes, the first in the lowest bit. */
function packed(spikes: readonly number[]): number[] {
  const words = new Uint32Array(Math.ceil(spikes.length / 32));
  spikes.forEach((s, i) => {
    const at = Math.floor(i / 32);
    if (s !== 0) words[at] = (words[at]! | (1 << (i % 32))) >>> 0;
  });
  return [...words];
}

test("words as packed by hand, and back, for any shape and any spikes", async () => {
  const cases = anyShape(5).chain((shape) =>
    fc.record({
      shape: fc.constant(shape),
      spikes: fc.array(fc.constantFrom(0, 1), { minLength: numel(shape), maxLength: numel(shape) }),
    }),
  );
  await fc.assert(
    fc.asyncProperty(cases, async ({ shape, spikes }) => {
      using _scope = new Scope();
      const words = packSpikes(tensor(spikes, shape));
      expect(words.dtype).toBe("u32");
      expect([...(await words.data())]).toEqual(packed(spikes));
      const back = unpackSpikes(words, { shape });
      expect(back.shape).toEqual(shape);
      expect([...(await back.data())]).toEqual(spikes);
    }),
    { numRuns: 60, seed: 1 },
  );
});

// One word short, full, and more; several workgroups of each kernel, none of them full.
test.each([1, 31, 32, 33, 1023, 2048, 70_001])("%i spikes, every third set", async (n) => {
  using _scope = new Scope();
  const spikes = Array.from({ length: n }, (_, i) => (i % 3 === 0 ? 1 : 0));
  const words = packSpikes(tensor(spikes));
  expect([...(await words.data())]).toEqual(packed(spikes));
  expect([...(await unpackSpikes(words, { shape: [n] }).data())]).toEqual(spikes);
});

test("what is not 0 counts as a spike", async () => {
  using _scope = new Scope();
  const words = packSpikes(tensor([0, -0, 2, -1, 1e-40, Number.POSITIVE_INFINITY, Number.NaN]));
  expect([...(await words.data())]).toEqual([0b1111100]);
});

test("bits behind the last number are not read", async () => {
  using _scope = new Scope();
  const words = tensor(Uint32Array.of(0xffffffff, 0xffffffff));
  expect([...(await unpackSpikes(words, { shape: [3, 11] }).data())]).toEqual(new Array(33).fill(1));
});

test("shapes and errors", () => {
  expect(packSpikes(metaTensor([4, 2, 5])).shape).toEqual([2]);
  expect(unpackSpikes(metaTensor([2], "u32"), { shape: [4, 2, 5] }).shape).toEqual([4, 2, 5]);
  expect(() => packSpikes(metaTensor([3], "i32"))).toThrow("packSpikes: s: expected f32 or f16, got i32");
  expect(() => unpackSpikes(metaTensor([2]), { shape: [64] })).toThrow("unpackSpikes: words: expected u32, got f32");
  expect(() => unpackSpikes(metaTensor([2], "u32"), { shape: [65] })).toThrow(
    "unpackSpikes: expected 3 words for shape [65]",
  );
  expect(() => unpackSpikes(metaTensor([1], "u32"), { shape: [-4, -2] })).toThrow(
    "unpackSpikes: expected 1 words for shape [-4,-2]",
  );
});
