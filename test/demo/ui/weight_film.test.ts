import fc from "fast-check";
import { expect, test } from "vitest";
import { DARK, LIGHT, mix, pixelOf, ramp, strengthOf, topOf } from "../../../demo/ui/colors.ts";
import { FADE_MS, WeightFilm } from "../../../demo/ui/weight_film.ts";

const paint = (film: WeightFilm, now: number, palette = LIGHT): number[] => {
  const pixels = new Uint32Array(film.length);
  film.paint(pixels, palette, now, null);
  return [...pixels];
};

test("only zero has strength 0, and strength grows with the weight", () => {
  fc.assert(
    fc.property(
      fc.float({ min: Math.fround(1e-6), max: 10, noNaN: true }),
      fc.float({ noNaN: true }),
      (top, weight) => {
        const strength = strengthOf(weight, top);
        expect(strength > 0).toBe(weight !== 0);
        expect(strength).toBeLessThanOrEqual(1);
        expect(strengthOf(weight * 2, top)).toBeGreaterThanOrEqual(strength);
        expect(strengthOf(-weight, top)).toBe(strength);
      },
    ),
  );
});

test("full colour starts at three times the root mean square of the non-zero weights", () => {
  expect(topOf(Float32Array.of(0, 3, -4, 0))).toBeCloseTo(3 * Math.sqrt(12.5), 5);
  expect(topOf(new Float32Array(4))).toBe(0);
});

test("the hue shows the sign, zero is the background", () => {
  for (const palette of [LIGHT, DARK]) {
    const film = new WeightFilm();
    film.show(Float32Array.of(0, 5, -5, -0), 0, true);
    const paper = pixelOf(palette.paper);
    const [zero, plus, minus, minusZero] = paint(film, 0, palette);
    expect(zero).toBe(paper);
    expect(minusZero).toBe(paper);
    expect(plus).not.toBe(minus);
    const table = ramp(palette);
    expect([...table]).toContain(plus);
    expect(table.indexOf(minus!)).toBeLessThan(table.length >> 1);
    expect(pixelOf(mix(palette.paper, palette.positive, 1))).toBe(table.at(-1));
  }
});

test("a weight that becomes zero fades from its full hue within a second; one that returns flashes", () => {
  const film = new WeightFilm();
  film.show(Float32Array.of(0.01, -0.01, 0, 1), 0, true);
  expect(film.moving(0)).toBe(false);
  film.show(Float32Array.of(0, 0, 1, 1), 100, true);
  const [plus, minus, back] = paint(film, 100);
  expect(plus).toBe(pixelOf(LIGHT.positive));
  expect(minus).toBe(pixelOf(LIGHT.negative));
  expect(back).toBe(pixelOf(LIGHT.flash));
  expect(film.moving(100 + FADE_MS - 1)).toBe(true);
  const half = paint(film, 100 + FADE_MS / 2)[0]!;
  expect(half & 255).toBeGreaterThan(LIGHT.positive[0]);
  expect(half & 255).toBeLessThan(LIGHT.paper[0]);
  expect(film.moving(100 + FADE_MS)).toBe(false);
  const end = paint(film, 100 + FADE_MS);
  expect(end.slice(0, 2)).toEqual([pixelOf(LIGHT.paper), pixelOf(LIGHT.paper)]);
  expect(end[2]).toBe(end[3]);
});

test("nothing moves without animation or after a change of layer", () => {
  const film = new WeightFilm();
  film.show(Float32Array.of(1, 1), 0, false);
  film.show(Float32Array.of(0, 1), 10, false);
  expect(film.moving(10)).toBe(false);
  film.show(Float32Array.of(0, 1, 2), 20, true);
  expect(film.moving(20)).toBe(false);
});

test("indices select the weight of each pixel", () => {
  const film = new WeightFilm();
  film.show(Float32Array.of(0, 5), 0, true);
  const pixels = new Uint32Array(3);
  film.paint(pixels, LIGHT, 0, Int32Array.of(1, -1, 0), 7);
  expect(pixels[1]).toBe(7);
  expect(pixels[2]).toBe(pixelOf(LIGHT.paper));
  expect(pixels[0]).not.toBe(pixels[2]);
});
