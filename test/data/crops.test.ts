// Crops: the fixed ones against numbers of torchvision 0.14, the random ones by their distributions.
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import {
  type CropBox,
  centerCrop,
  centralCropOfRatio,
  checkColorJitter,
  colorJitter,
  randomResizedCrop,
  resizedShorterSide,
  roundHalfEven,
} from "../../src/data/crops.ts";
import { PhiloxStream } from "../../src/tensor/philox.ts";

const at = (index: number, step = 0) => new PhiloxStream(7, "augment", [0, index, step]);
const values = ({ top, left, height, width }: CropBox) => [top, left, height, width];

test("halves round to even", () => {
  expect([0.5, 1.5, 2.5, -0.5, -1.5, 2.4, 2.6].map(roundHalfEven)).toEqual([0, 2, 2, 0, -2, 2, 3]);
});

test("resizes the shorter side as torchvision does: height, width, then both for 256", () => {
  const rows = [
    [375, 500, 256, 341],
    [500, 333, 384, 256],
    [240, 320, 256, 341],
    [32, 32, 256, 256],
    [1000, 100, 2560, 256],
    [99, 1001, 256, 2588],
    [257, 255, 258, 256],
    [768, 1025, 256, 341],
    [256, 301, 256, 301],
    [3, 7, 256, 597],
  ];
  for (const [h, w, ...expected] of rows) expect(resizedShorterSide(h!, w!, 256)).toEqual(expected);
});

test("crops the centre as torchvision does: height, width, then top and left for 224", () => {
  const rows = [
    [256, 341, 16, 58],
    [256, 225, 16, 0],
    [227, 229, 2, 2],
    [224, 226, 0, 1],
    [301, 256, 38, 16],
  ];
  for (const [h, w, top, left] of rows) {
    expect(centerCrop(h!, w!, [224, 224])).toEqual({ top, left, height: 224, width: 224 });
  }
});

test("pads a centre larger than the image, the odd pixel last", () => {
  expect(values(centerCrop(200, 201, [205, 204]))).toEqual([-2, -1, 205, 204]);
});

test("the crop after ten tries is torchvision's: height, width, then top, left, height, width", () => {
  const rows = [
    [375, 500, 0, 0, 375, 500],
    [500, 333, 28, 0, 444, 333],
    [240, 320, 0, 0, 240, 320],
    [32, 32, 0, 0, 32, 32],
    [1000, 100, 433, 0, 133, 100],
    [99, 1001, 0, 434, 99, 132],
    [257, 255, 0, 0, 257, 255],
    [768, 1025, 0, 0, 768, 1024],
    [256, 301, 0, 0, 256, 301],
    [3, 7, 0, 1, 3, 4],
  ];
  for (const [h, w, ...expected] of rows) {
    expect(values(centralCropOfRatio(h!, w!, [3 / 4, 4 / 3]))).toEqual(expected);
  }
});

describe("randomResizedCrop", () => {
  test("is inside the image, with the drawn area and ratio up to rounding", () => {
    fc.assert(
      fc.property(fc.integer({ min: 40, max: 900 }), fc.integer({ min: 40, max: 900 }), fc.nat(), (h, w, index) => {
        const { top, left, height, width } = randomResizedCrop(h, w, at(index));
        expect(Math.min(top, left, height - 1, width - 1)).toBeGreaterThanOrEqual(0);
        expect(top + height).toBeLessThanOrEqual(h);
        expect(left + width).toBeLessThanOrEqual(w);
        // Half a pixel on each side.
        expect((width - 0.5) / (height + 0.5)).toBeLessThanOrEqual(4 / 3);
        expect((width + 0.5) / (height - 0.5)).toBeGreaterThanOrEqual(3 / 4);
      }),
    );
  });

  test("draws areas uniformly between the bounds", () => {
    const shares = Array.from({ length: 4000 }, (_, i) => {
      const { height, width } = randomResizedCrop(1000, 1000, at(i), { scale: [0.2, 0.6] });
      return (height * width) / 1e6;
    });
    expect(Math.min(...shares)).toBeGreaterThan(0.19);
    expect(Math.max(...shares)).toBeLessThan(0.61);
    // Of 4000 even draws the mean is off by 0.115 / sqrt(4000) = 0.0018.
    expect(shares.reduce((a, b) => a + b) / 4000).toBeCloseTo(0.4, 1.9);
  });

  test("gives the same box at the same counter, and another box at another", () => {
    expect(randomResizedCrop(300, 400, at(3))).toEqual(randomResizedCrop(300, 400, at(3)));
    expect(randomResizedCrop(300, 400, at(3))).not.toEqual(randomResizedCrop(300, 400, at(4)));
  });

  test("handles one pixel and slivers", () => {
    expect(values(randomResizedCrop(1, 1, at(0)))).toEqual([0, 0, 1, 1]);
    expect(randomResizedCrop(1, 500, at(0)).height).toBe(1);
  });

  test("names options out of range", () => {
    expect(() => randomResizedCrop(0, 5, at(0))).toThrow(/height: expected an integer >= 1, got 0/);
    expect(() => randomResizedCrop(5, 5, at(0), { scale: [0, 1] })).toThrow(
      /scale: expected 0 < low <= high, got \[0, 1\]/,
    );
    expect(() => randomResizedCrop(5, 5, at(0), { scale: [0.5, 2] })).toThrow(/at most 1/);
    expect(() => randomResizedCrop(5, 5, at(0), { ratio: [2, 1] })).toThrow(/ratio: expected/);
  });
});

describe("colorJitter", () => {
  const all = { brightness: 0.4, contrast: 0.4, saturation: [0.5, 0.8], hue: 0.1 } as const;

  test("uses each change once, with factors within their bounds, in every order", () => {
    const orders = new Set<string>();
    for (let i = 0; i < 500; i++) {
      const steps = colorJitter(at(i, 2), all);
      orders.add(steps.map(({ change }) => change).join());
      const factor = Object.fromEntries(steps.map((s) => [s.change, s.factor]));
      for (const [change, low, high] of [
        ["brightness", 0.6, 1.4],
        ["contrast", 0.6, 1.4],
        ["saturation", 0.5, 0.8],
        ["hue", -0.1, 0.1],
      ] as const) {
        expect(factor[change]).toBeGreaterThanOrEqual(low);
        expect(factor[change]).toBeLessThanOrEqual(high);
      }
      expect(steps).toHaveLength(4);
    }
    expect(orders.size).toBe(24);
  });

  test("skips absent and neutral changes; strong brightness does not go below 0", () => {
    expect(colorJitter(at(0), {})).toEqual([]);
    expect(colorJitter(at(0), { brightness: 0, hue: 0, contrast: [1, 1] })).toEqual([]);
    for (let i = 0; i < 50; i++) {
      expect(colorJitter(at(i), { brightness: 3 })[0]?.factor).toBeGreaterThanOrEqual(0);
    }
  });

  test("names strengths out of range", () => {
    expect(() => checkColorJitter({ brightness: -1 })).toThrow(/brightness: expected a number >= 0, got -1/);
    expect(() => checkColorJitter({ hue: 0.6 })).toThrow(/hue: expected -0.5 <= low <= high <= 0.5/);
    expect(() => checkColorJitter({ contrast: [1.2, 0.3] })).toThrow(/contrast: expected 0 <= low <= high/);
  });
});
