import fc from "fast-check";
import { expect, test } from "vitest";
import { filterMap, type LayerMap, matrixMap } from "../../../demo/ui/layer_map.ts";

function showsEachOnce({ width, height, indices }: LayerMap, weights: number): void {
  expect(indices.length).toBe(width * height);
  const seen = [...indices].filter((i) => i >= 0).sort((a, b) => a - b);
  expect(seen).toEqual(Array.from({ length: weights }, (_, i) => i));
}

test("a matrix shows every weight once, in a picture of bounded aspect ratio", () => {
  const size = fc.integer({ min: 1, max: 40 });
  fc.assert(
    fc.property(fc.array(size, { minLength: 1, maxLength: 3 }), (shape) => {
      const map = matrixMap(shape);
      const weights = shape.reduce((a, b) => a * b, 1);
      showsEachOnce(map, weights);
      if (weights > 64) expect(Math.max(map.width / map.height, map.height / map.width)).toBeLessThan(10);
    }),
  );
});

test("filter tiles show every weight once", () => {
  const size = fc.integer({ min: 1, max: 6 });
  fc.assert(
    fc.property(size, size, fc.integer({ min: 2, max: 5 }), (outputs, inputs, side) => {
      const map = filterMap([outputs, inputs, side, side])!;
      showsEachOnce(map, outputs * inputs * side * side);
    }),
  );
});

test("filter tiles are one pixel apart", () => {
  const map = filterMap([2, 1, 2, 2], 2)!;
  expect([map.width, map.height]).toEqual([5, 2]);
  expect([...map.indices]).toEqual([0, 1, -1, 4, 5, 2, 3, -1, 6, 7]);
});

test("shapes without filters have no tiles", () => {
  expect(filterMap([10, 128])).toBeNull();
  expect(filterMap([16, 8, 1, 1])).toBeNull();
});
