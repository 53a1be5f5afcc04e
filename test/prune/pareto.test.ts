// The front of a cloud of points, against its definition.
import fc from "fast-check";
import { expect, test } from "vitest";
import { paretoFront, type SparsityPoint } from "../../src/prune/pareto.ts";

// Few distinct values, so that ties are common.
const share = fc.integer({ min: 0, max: 6 }).map((n) => n / 6);
const cloud = fc.array(fc.record({ sparsity: share, accuracy: share }), { maxLength: 14 });

const beats = (a: SparsityPoint, b: SparsityPoint) =>
  a.sparsity >= b.sparsity && a.accuracy >= b.accuracy && (a.sparsity > b.sparsity || a.accuracy > b.accuracy);
const equal = (a: SparsityPoint, b: SparsityPoint) => a.sparsity === b.sparsity && a.accuracy === b.accuracy;

test("a point is on the front unless another beats it or an earlier one equals it", () => {
  fc.assert(
    fc.property(cloud, (points) => {
      const want = points.flatMap((p, i) => (points.some((q, j) => beats(q, p) || (j < i && equal(q, p))) ? [] : [i]));
      expect([...paretoFront(points)].sort((a, b) => a - b)).toEqual(want);
    }),
  );
});

test("along the front sparsity rises and accuracy falls, strictly", () => {
  fc.assert(
    fc.property(cloud, (points) => {
      const front = paretoFront(points).map((i) => points[i] as SparsityPoint);
      for (let i = 1; i < front.length; i++) {
        const [before, now] = [front[i - 1]!, front[i]!];
        expect(now.sparsity).toBeGreaterThan(before.sparsity);
        expect(now.accuracy).toBeLessThan(before.accuracy);
      }
    }),
  );
});

test("the front of the front is the front, and beaten points do not change it", () => {
  fc.assert(
    fc.property(cloud, (points) => {
      const kept = paretoFront(points).map((i) => points[i] as SparsityPoint);
      expect(paretoFront(kept)).toEqual(kept.map((_, i) => i));
      for (const p of points) expect(kept.some((q) => beats(q, p) || equal(q, p))).toBe(true);
    }),
  );
});

test("handles no points and equal points, and refuses NaN", () => {
  expect(paretoFront([])).toEqual([]);
  const twice = { sparsity: 0.9, accuracy: 0.98 };
  expect(paretoFront([{ sparsity: 0.9, accuracy: 0.97 }, twice, twice, { sparsity: 0.5, accuracy: 0.99 }])).toEqual([
    3, 1,
  ]);
  expect(() => paretoFront([twice, { sparsity: Number.NaN, accuracy: 1 }])).toThrow(
    "paretoFront: point 1: expected finite numbers, got NaN and 1",
  );
});
