import fc from "fast-check";
import { expect, test } from "vitest";
import {
  DEFAULTS,
  METHODS,
  MODELS,
  PRECISIONS,
  RANGES,
  type Settings,
  SOURCES,
} from "../../../demo/shared/settings.ts";
import { addressOf, settingsOf } from "../../../demo/ui/address.ts";

const number = ({ min, max, whole }: { min: number; max: number; whole: boolean }) =>
  whole ? fc.integer({ min, max }) : fc.double({ min, max, noNaN: true }).map((value) => value + 0);

const settings: fc.Arbitrary<Settings> = fc.record({
  model: fc.constantFrom(...MODELS),
  data: fc.constantFrom(...SOURCES),
  method: fc.constantFrom(...METHODS),
  against: fc.constantFrom("none" as const, ...METHODS),
  timeSteps: number(RANGES.timeSteps),
  threshold: number(RANGES.threshold),
  sparsity: number(RANGES.sparsity),
  strDecay: number(RANGES.strDecay),
  ltpL0: number(RANGES.ltpL0),
  epochs: number(RANGES.epochs),
  batchSize: number(RANGES.batchSize),
  lr: number(RANGES.lr),
  momentum: number(RANGES.momentum),
  seed: number(RANGES.seed),
  precision: fc.constantFrom(...PRECISIONS),
});

test("an address restores the settings it was made from", () => {
  fc.assert(
    fc.property(settings, (given) => {
      expect(settingsOf(addressOf(given))).toEqual({ settings: given, ignored: [] });
    }),
  );
});

test("defaults need no address", () => {
  expect(addressOf(DEFAULTS)).toBe("");
  expect(addressOf({ ...DEFAULTS, method: "gmp", sparsity: 0.95 })).toBe("#method=gmp&sparsity=0.95");
});

test("lists invalid settings and keeps the valid ones", () => {
  const { settings: read, ignored } = settingsOf("#method=magic&lr=-1&epochs=2.5&seed=7&constructor=1&__proto__=2");
  expect(read).toEqual({ ...DEFAULTS, seed: 7 });
  expect(ignored).toEqual(["method=magic", "lr=-1", "epochs=2.5", "constructor=1", "__proto__=2"]);
});

test("reads any text without an error, into settings within their ranges", () => {
  fc.assert(
    fc.property(fc.string(), (text) => {
      const { settings: read } = settingsOf(text);
      for (const [key, { min, max }] of Object.entries(RANGES)) {
        const value = read[key as keyof typeof RANGES];
        expect(value).toBeGreaterThanOrEqual(min);
        expect(value).toBeLessThanOrEqual(max);
      }
    }),
  );
});
