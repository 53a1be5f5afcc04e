import fc from "fast-check";
import { expect, test } from "vitest";
import { sizeClass } from "../../src/gpu/buffer_pool.ts";

const bytes = fc.oneof(
  fc.integer({ min: 1, max: 8192 }),
  fc.integer({ min: 1, max: 2 ** 32 }),
  // Powers of two and their neighbours, where a logarithm may round the wrong way.
  fc.tuple(fc.integer({ min: 8, max: 34 }), fc.integer({ min: -1, max: 1 })).map(([k, d]) => 2 ** k + d),
);

test("a class holds the request, on 256 bytes, and is its own class", () => {
  fc.assert(
    fc.property(bytes, (n) => {
      const size = sizeClass(n);
      expect(size).toBeGreaterThanOrEqual(n);
      expect(size % 256).toBe(0);
      expect(sizeClass(size)).toBe(size);
    }),
  );
});

test("at most an eighth is wasted, or 255 bytes", () => {
  fc.assert(
    fc.property(bytes, (n) => {
      expect(sizeClass(n) - n).toBeLessThanOrEqual(Math.max(255, n / 8));
    }),
  );
});

test("a larger request never gets a smaller class", () => {
  fc.assert(
    fc.property(bytes, bytes, (a, b) => {
      expect(Math.sign(sizeClass(a) - sizeClass(b)) * Math.sign(a - b)).toBeGreaterThanOrEqual(0);
    }),
  );
});

test("there are few classes: eight to an octave", () => {
  const classes = new Set<number>();
  for (let n = 2 ** 20 + 1; n <= 2 ** 21; n += 1024) classes.add(sizeClass(n));
  expect(classes.size).toBe(8);
});
