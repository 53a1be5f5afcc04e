import fc from "fast-check";
import { expect, test } from "vitest";
import { PhiloxStream, philox4x32, streams, uniform01 } from "../../src/tensor/philox.ts";

const u32 = fc.integer({ min: 0, max: 0xffffffff });
const place = fc.tuple(u32, u32, u32);

test("known answers published with Random123", () => {
  expect(philox4x32([0, 0, 0, 0], [0, 0])).toEqual([0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8]);
  const ones = 0xffffffff;
  expect(philox4x32([ones, ones, ones, ones], [ones, ones])).toEqual([0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd]);
  expect(philox4x32([0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344], [0xa4093822, 0x299f31d0])).toEqual([
    0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1,
  ]);
});

test("agrees with 64-bit arithmetic for any counter and key", () => {
  const big = (counter: readonly number[], key: readonly number[]) => {
    const mask = 0xffffffffn;
    let [a, b, c, d] = counter.map(BigInt) as [bigint, bigint, bigint, bigint];
    let [k0, k1] = key.map(BigInt) as [bigint, bigint];
    for (let round = 0; round < 10; round++) {
      const p = a * 0xd2511f53n;
      const q = c * 0xcd9e8d57n;
      [a, b, c, d] = [(q >> 32n) ^ b ^ k0, q & mask, (p >> 32n) ^ d ^ k1, p & mask];
      k0 = (k0 + 0x9e3779b9n) & mask;
      k1 = (k1 + 0xbb67ae85n) & mask;
    }
    return [a, b, c, d].map(Number);
  };
  fc.assert(
    fc.property(fc.tuple(u32, u32, u32, u32), fc.tuple(u32, u32), (counter, key) => {
      expect(philox4x32(counter, key)).toEqual(big(counter, key));
    }),
  );
});

test("uniform01 is in [0, 1) and exact in f32", () => {
  expect(uniform01(0)).toBe(0);
  expect(uniform01(0xffffffff)).toBe(1 - 2 ** -24);
  fc.assert(
    fc.property(u32, (u) => {
      const x = uniform01(u);
      expect(x >= 0 && x < 1 && Math.fround(x) === x).toBe(true);
    }),
  );
});

test("a stream is its blocks in order, and resumes at any position", () => {
  fc.assert(
    fc.property(u32, place, fc.nat(40), (seed, at, skip) => {
      const want = [0, 1, 2].flatMap((index) => philox4x32([index, ...at], [seed, streams.augment]));
      const stream = new PhiloxStream(seed, "augment", at);
      expect(want.map(() => stream.nextU32())).toEqual(want);
      expect(stream.position).toBe(12);
      stream.position = skip % 12;
      expect(stream.nextU32()).toBe(want[skip % 12]);
      expect(stream.moveTo(at).nextU32()).toBe(want[0]);
      expect(stream.moveTo([at[0] ^ 1 ? 1 : 2, 7, 9]).position).toBe(0);
    }),
  );
});

test("streams of one seed differ", () => {
  const first = (Object.keys(streams) as (keyof typeof streams)[]).map((name) => new PhiloxStream(5, name).nextU32());
  expect(new Set(first).size).toBe(first.length);
});

test("nextBelow stays below n and reaches all of it", () => {
  fc.assert(
    fc.property(u32, fc.integer({ min: 1, max: 2 ** 32 }), (seed, n) => {
      const stream = new PhiloxStream(seed, "shuffle");
      for (let i = 0; i < 8; i++) expect(stream.nextBelow(n)).toBeLessThan(n);
    }),
  );
  const stream = new PhiloxStream(1, "shuffle");
  const counts = new Array<number>(7).fill(0);
  for (let i = 0; i < 70_000; i++) counts[stream.nextBelow(7)]! += 1;
  // Standard deviation of a count is 93: five of them.
  for (const count of counts) expect(Math.abs(count - 10_000)).toBeLessThan(465);
});

test("normal has mean 0, variance 1 and the tails of a normal", () => {
  const stream = new PhiloxStream(11, "init");
  const n = 100_000;
  let sum = 0;
  let squares = 0;
  let beyond = 0;
  for (let i = 0; i < n; i++) {
    const z = stream.normal();
    sum += z;
    squares += z * z;
    if (Math.abs(z) > 1.959964) beyond++;
  }
  expect(stream.position).toBe(2 * n);
  expect(Math.abs(sum / n)).toBeLessThan(5 / Math.sqrt(n));
  expect(Math.abs(squares / n - 1)).toBeLessThan(5 * Math.sqrt(2 / n));
  expect(Math.abs(beyond / n - 0.05)).toBeLessThan(5 * Math.sqrt(0.0475 / n));
});

test("words that are not u32 are refused by name", () => {
  expect(() => philox4x32([0, 0, 0, 2 ** 32], [0, 0])).toThrow("counter word: expected an integer in 0..4294967295");
  expect(() => philox4x32([0, 0, 0, 0], [0.5, 0])).toThrow("key word");
  expect(() => new PhiloxStream(-1, "init")).toThrow("seed: expected an integer in 0..4294967295, got -1");
  expect(() => new PhiloxStream(0, "toString" as "init")).toThrow("got toString");
  expect(() => new PhiloxStream(0, "init").nextBelow(0)).toThrow("nextBelow: expected an integer");
  expect(() => {
    new PhiloxStream(0, "init").position = -1;
  }).toThrow("position: expected an integer");
});
