import fc from "fast-check";
import { expect, test } from "vitest";
import { DEFAULTS, METHODS } from "../../../demo/shared/settings.ts";
import { t } from "../../../demo/texts/text.ts";
import { applies, parseNumber, SLIDER_END, sliderOfThreshold, thresholdOfSlider } from "../../../demo/ui/fields.ts";

test("only settings with an effect apply", () => {
  const plain = { ...DEFAULTS, method: "lats", against: "none" } as const;
  const shown = (settings: typeof DEFAULTS) =>
    (["timeSteps", "threshold", "sparsity", "strDecay", "ltpL0"] as const).filter((key) => applies(key, settings));
  expect(shown(plain)).toEqual(["threshold"]);
  expect(shown({ ...plain, method: "gmp" })).toEqual(["sparsity"]);
  expect(shown({ ...plain, method: "dense" })).toEqual([]);
  expect(shown({ ...plain, method: "str", against: "ltp" })).toEqual(["strDecay", "ltpL0"]);
  expect(shown({ ...plain, model: "spiking-cnn", against: "gmp" })).toEqual(["timeSteps", "threshold", "sparsity"]);
  expect(applies("seed", plain)).toBe(true);
});

test("every method has a name and a note", () => {
  for (const method of METHODS) {
    expect(t(`method.${method}`).length).toBeGreaterThan(1);
    expect(t(`method-note.${method}`)).toMatch(/\.$/);
  }
});

test("parses decimal commas, exponents and spaces", () => {
  expect(parseNumber("lr", " 0.05 ")).toEqual({ value: 0.05 });
  expect(parseNumber("lr", "0,05")).toEqual({ value: 0.05 });
  expect(parseNumber("lr", "5e-2")).toEqual({ value: 0.05 });
  expect(parseNumber("threshold", "-0")).toEqual({ value: 0 });
  expect(parseNumber("seed", "4294967295")).toEqual({ value: 4294967295 });
});

test("refuses an invalid number and names the range", () => {
  for (const text of ["", "much", "0x10", "Infinity", "NaN", "0", "101", "2.5", "1 2"])
    expect(parseNumber("epochs", text)).toEqual({ error: "Give a whole number from 1 to 100." });
  expect(parseNumber("momentum", "1")).toEqual({ error: "Give a number from 0 to 0.99." });
});

test("the slider keeps its position, and D grows with it", () => {
  fc.assert(
    fc.property(fc.integer({ min: 0, max: SLIDER_END }), (position) => {
      // Three digits of D are a little coarser than the slider far up.
      expect(Math.abs(sliderOfThreshold(thresholdOfSlider(position)) - position)).toBeLessThanOrEqual(2);
      if (position > 0) expect(thresholdOfSlider(position)).toBeGreaterThanOrEqual(thresholdOfSlider(position - 1));
    }),
  );
  expect(sliderOfThreshold(1)).toBe(SLIDER_END);
  expect(sliderOfThreshold(0)).toBe(0);
});
