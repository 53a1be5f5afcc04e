import fc from "fast-check";
import { expect, test } from "vitest";
import { halfBits, halfValues } from "../../src/tensor/half.ts";

const all = Uint16Array.from({ length: 65536 }, (_, i) => i);

/** Value of f16 bits, by the definition of IEEE 754. */
function valueByDefinition(half: number): number {
  const sign = half & 0x8000 ? -1 : 1;
  const exponent = (half >> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  return exponent === 0 ? sign * fraction * 2 ** -24 : sign * (1 + fraction / 1024) * 2 ** (exponent - 15);
}

test("each of the 65536 halves has its value by definition, and comes back", () => {
  const values = halfValues(all);
  const wrong = [...all].filter((half) => !Object.is(values[half], valueByDefinition(half)));
  expect(wrong).toEqual([]);
  const back = halfBits(values);
  expect([...all].filter((half) => back[half] !== half && !Number.isNaN(values[half]))).toEqual([]);
  expect([...all].every((half) => !Number.isNaN(values[half]) || Number.isNaN(valueByDefinition(back[half]!)))).toBe(
    true,
  );
});

test("a value rounds to the nearest half, ties to the even one", () => {
  const positive = [...all.subarray(0, 0x7c00)].map(valueByDefinition);
  for (let i = 0; i + 1 < positive.length; i++) {
    const [low, high] = [positive[i]!, positive[i + 1]!];
    const middle = (low + high) / 2; // exact in f32, which has 13 more bits
    const [below, above] = [middle * (1 - 2 ** -20), middle * (1 + 2 ** -20)];
    const expected = [i, i + (i % 2), i + 1];
    const got = [...halfBits([below, middle, above])].slice(0, 3);
    const negative = [...halfBits([-below, -middle, -above])].slice(0, 3).map((half) => half & 0x7fff);
    if (String(got) !== String(expected) || String(negative) !== String(expected))
      throw new Error(`near ${middle}: expected ${expected}, got ${got} and ${negative}`);
  }
});

test("values from 65520 on become infinite, signs and NaN stay", () => {
  const values = [65519.996, 65520, 1e30, Number.POSITIVE_INFINITY, -0, -65520, Number.NaN];
  const back = halfValues(halfBits(Float32Array.from(values)), values.length);
  const infinity = Number.POSITIVE_INFINITY;
  expect([...back]).toEqual([65504, infinity, infinity, infinity, -0, -infinity, Number.NaN]);
});

test("an odd count is padded with a zero to whole words", () => {
  fc.assert(
    fc.property(fc.float32Array({ maxLength: 9, noNaN: true }), (values) => {
      const bits = halfBits(values);
      expect(bits.byteLength).toBe(4 * Math.ceil(values.length / 2));
      if (values.length % 2 === 1) expect(bits.at(-1)).toBe(0);
      expect(halfValues(bits, values.length)).toHaveLength(values.length);
    }),
  );
});
