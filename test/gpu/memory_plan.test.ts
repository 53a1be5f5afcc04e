import fc from "fast-check";
import { expect, test } from "vitest";
import { type Lifetime, livenessBound, packBlocks } from "../../src/gpu/memory_plan.ts";

const life = fc
  .record({ bytes: fc.integer({ min: 1, max: 50 }), at: fc.nat(30), length: fc.nat(12) })
  .map(({ bytes, at, length }) => ({ bytes: 256 * bytes, first: at, last: at + length }));

/** Values numbered by their place, of which some pairs may not share a buffer. */
const values: fc.Arbitrary<Lifetime<number>[]> = fc
  .tuple(fc.array(life, { maxLength: 50 }), fc.array(fc.tuple(fc.nat(49), fc.nat(49)), { maxLength: 40 }))
  .map(([lives, pairs]) =>
    lives.map((l, value) => ({
      ...l,
      value,
      apart: new Set(pairs.flatMap(([a, b]) => (a === value ? [b] : b === value ? [a] : []))),
    })),
  );

const overlap = (a: Lifetime<number>, b: Lifetime<number>) => a.first <= b.last && b.first <= a.last;

test("every value has its own bytes while it lives, apart from conflicting values, and little is wasted", () => {
  fc.assert(
    fc.property(values, (lives) => {
      const blocks = packBlocks(lives);
      const placed = blocks.flatMap((b) => b.tenants.map((t) => t.value));
      expect(placed.sort((a, b) => a - b)).toEqual(lives.map((l) => l.value));
      for (const { bytes, tenants } of blocks) {
        for (const t of tenants) {
          expect(t.offset % 256).toBe(0);
          expect(t.offset + t.bytes).toBeLessThanOrEqual(bytes);
        }
        for (const [i, a] of tenants.entries()) {
          for (const b of tenants.slice(i + 1)) {
            if (!overlap(a, b)) continue;
            expect(a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset).toBe(true);
            expect(a.apart.has(b.value)).toBe(false);
          }
        }
      }
      const total = blocks.reduce((sum, b) => sum + b.bytes, 0);
      expect(total).toBeGreaterThanOrEqual(livenessBound(lives));
      expect(total).toBeLessThanOrEqual(lives.reduce((sum, l) => sum + l.bytes, 0));
      expect(packBlocks(lives)).toEqual(blocks);
    }),
  );
});

test("the bound is the largest sum over the commands", () => {
  fc.assert(
    fc.property(fc.array(life, { maxLength: 40 }), (lives) => {
      const sums = Array.from({ length: 50 }, (_, t) =>
        lives.reduce((sum, l) => sum + (l.first <= t && t <= l.last ? l.bytes : 0), 0),
      );
      expect(livenessBound(lives)).toBe(Math.max(...sums));
    }),
  );
});

const free = new Set<string>();

test("a chain needs two buffers, by hand", () => {
  const chain = ["a", "b", "c", "d"].map((value, t) => ({ value, bytes: 256, first: t, last: t + 1, apart: free }));
  expect(livenessBound(chain)).toBe(512);
  expect(packBlocks(chain).map((b) => b.tenants.map((t) => t.value))).toEqual([
    ["a", "c"],
    ["b", "d"],
  ]);
});

test("two small values share one large buffer at once, unless a command reads one and writes the other", () => {
  const plan = (mayMeet: boolean) =>
    packBlocks([
      { value: "large", bytes: 1024, first: 0, last: 1, apart: free },
      { value: "x", bytes: 512, first: 2, last: 4, apart: mayMeet ? free : new Set(["y"]) },
      { value: "y", bytes: 512, first: 3, last: 5, apart: mayMeet ? free : new Set(["x"]) },
    ]).map((b) => b.tenants.map(({ value, offset }) => [value, offset]));
  const shared = [
    ["large", 0],
    ["x", 0],
  ];
  expect(plan(true)).toEqual([[...shared, ["y", 512]]]);
  expect(plan(false)).toEqual([shared, [["y", 0]]]);
});
