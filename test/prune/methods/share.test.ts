// A target counts all prunable weights, so with dense layers the others are pruned more.
import fc from "fast-check";
import { expect, test } from "vitest";
import { Linear, Sequential } from "../../../src/nn/index.ts";
import { shareOfPruned } from "../../../src/prune/methods/pruned.ts";

type Arena = Parameters<typeof shareOfPruned>[2][number];
const arena = (elements: readonly number[]) => ({ elements }) as Arena;
const chain = (widths: readonly number[]) => new Sequential(widths.slice(1).map((n, i) => new Linear(widths[i]!, n)));
const weightsOf = (widths: readonly number[]) => widths.slice(1).map((n, i) => n * widths[i]!);
const sum = (values: readonly number[]) => values.reduce((a, b) => a + b, 0);

const widths = fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 3, maxLength: 6 });
const target = fc.oneof(
  fc.integer({ min: 1, max: 99 }).map((percent) => percent / 100),
  fc.double({ min: 1e-3, max: 0.999, noNaN: true }),
);

test("is the target itself, to the bit, without dense layers", () => {
  fc.assert(
    fc.property(widths, target, (w, p) => {
      const layers = weightsOf(w);
      expect(shareOfPruned(p, chain(w), [arena(layers)])).toBe(p);
      expect(shareOfPruned(p, chain(w), [arena(layers.slice(1)), arena(layers.slice(0, 1))])).toBe(p);
    }),
    { numRuns: 300 },
  );
});

test("is larger with dense layers, and is refused if above 1", () => {
  fc.assert(
    fc.property(widths, target, fc.nat(4), (w, p, left) => {
      const layers = weightsOf(w);
      const pruned = layers.filter((_, i) => i !== left % layers.length);
      const total = sum(layers);
      const share = () => shareOfPruned(p, chain(w), [arena(pruned)]);
      if (p * total > sum(pruned)) {
        expect(share).toThrow(RangeError);
        expect(share).toThrow(/sparsity: expected at most [\d.]+ %, the share of weights outside dense layers, got/);
      } else {
        expect(share()).toBeGreaterThan(p);
        expect(share()).toBeLessThanOrEqual(1);
        expect(share() * sum(pruned)).toBeCloseTo(p * total, 6);
      }
    }),
  );
});

test("refuses a share just above the limit, and names the limit", () => {
  // 30 of 40 weights are left to prune.
  const model = chain([5, 2, 15]);
  expect(shareOfPruned(0.75, model, [arena([30])])).toBe(1);
  expect(() => shareOfPruned(0.76, model, [arena([30])])).toThrow("sparsity: expected at most 75 %");
});
