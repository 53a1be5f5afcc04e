import fc from "fast-check";
import { expect, test } from "vitest";
import { FITTED, fitInk } from "../../../demo/ui/ink.ts";
import { accuracyFloor, linearRange, logRange } from "../../../demo/ui/ranges.ts";

const SIZE = 60;

/** A filled box on an empty pad. */
function box(left: number, top: number, width: number, height: number): Uint8Array {
  const ink = new Uint8Array(SIZE * SIZE);
  for (let y = top; y < top + height; y++) ink.fill(255, y * SIZE + left, y * SIZE + left + width);
  return ink;
}

function extent(picture: Uint8Array): { wide: number; high: number; x: number; y: number } {
  let [mass, x, y] = [0, 0, 0];
  const columns = new Set<number>();
  const rows = new Set<number>();
  picture.forEach((value, i) => {
    const column = i % FITTED;
    const row = Math.floor(i / FITTED);
    mass += value;
    x += value * (column + 0.5);
    y += value * (row + 0.5);
    if (value > 127) {
      columns.add(column);
      rows.add(row);
    }
  });
  return { wide: columns.size, high: rows.size, x: x / mass, y: y / mass };
}

test("a drawing is fitted wherever and however large it is", () => {
  const place = fc.integer({ min: 0, max: 29 });
  const side = fc.integer({ min: 6, max: 30 });
  fc.assert(
    fc.property(place, place, side, side, (left, top, width, height) => {
      const picture = fitInk(box(left, top, width, height), SIZE) as Uint8Array;
      const { wide, high, x, y } = extent(picture);
      expect(Math.abs(Math.max(wide, high) - 20)).toBeLessThanOrEqual(1);
      expect(Math.abs(wide / high - width / height)).toBeLessThan(0.25 * (width / height) + 0.1);
      expect(x).toBeCloseTo(FITTED / 2, 0);
      expect(y).toBeCloseTo(FITTED / 2, 0);
    }),
  );
});

test("an empty pad is no picture", () => {
  expect(fitInk(new Uint8Array(SIZE * SIZE), SIZE)).toBeNull();
});

test("axes have two ends, whatever the values", () => {
  const value = fc.option(fc.double({ min: -1e6, max: 1e6, noNaN: true }));
  fc.assert(
    fc.property(value, value, (a, b) => {
      const [min, max] = a === null || b === null ? [null, null] : [Math.min(a, b), Math.max(a, b)];
      for (const [low, high] of [linearRange(min, max), linearRange(min, max, [0, 1]), logRange(min, max)]) {
        expect(high).toBeGreaterThan(low);
        expect(Number.isFinite(low) && Number.isFinite(high)).toBe(true);
      }
    }),
  );
  expect(linearRange(0.2, 0.9, [0, 1])).toEqual([0, 1]);
  expect(logRange(0.0028, 0.0028)).toEqual([0.001, 0.01]);
});

test("the axis of accuracies closes in on what is reached", () => {
  expect(accuracyFloor([])).toBe(0);
  expect(accuracyFloor([[0.1, 0.4]])).toBe(0);
  expect(accuracyFloor([[0.1, 0.97], [0.9]])).toBe(0.8);
  expect(accuracyFloor([[0.1, 0.99]])).toBe(0.98);
});
