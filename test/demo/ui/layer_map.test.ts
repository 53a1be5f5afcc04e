import fc from "fast-check";
import { expect, test } from "vitest";
import { filterMap, type LayerMap, matrixMap } from "../../../demo/ui/layer_map.ts";

function showsEachOnce({ width, height, places }: LayerMap, weights: number): void {
  expect(places.length).toBe(width * height);
  const seen = [...places].filter((i) => i >= 0).sort((a, b) => a - b);
  expect(seen).toEqual(Array.from({ length: weights }, (_, i) => i));
}

test("every weight is shown once, in a picture that is no thread", () => {
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

test("filters are tiles, shown once each", () => {
  const size = fc.integer({ min: 1, max: 6 });
  fc.assert(
    fc.property(size, size, fc.integer({ min: 2, max: 5 }), (outputs, inputs, side) => {
      const map = filterMap([outputs, inputs, side, side])!;
      showsEachOnce(map, outputs * inputs * side * side);
    }),
  );
});

test("filters lie apart by one pixel", () => {
  const map = filterMap([2, 1, 2, 2], 2)!;
  expect([map.width, map.height]).toEqual([5, 2]);
  expect([...map.places]).toEqual([0, 1, -1, 4, 5, 2, 3, -1, 6, 7]);
});

test("what has no filters has no tiles", () => {
  expect(filterMap([10, 128])).toBeNull();
  expect(filterMap([16, 8, 1, 1])).toBeNull();
});
