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
import { PRESET_NAMES, PRESETS } from "../../../demo/story/presets.ts";
import { addressOf, settingsOf } from "../../../demo/ui/address.ts";
import { checkSettings } from "../../../demo/worker/run_config.ts";

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
      expect(settingsOf(addressOf(given))).toEqual({ settings: given, moves: [], ends: [], ignored: [] });
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

test("a link holds the moves of D and the ends of a run", () => {
  const moves = [
    { step: 0, threshold: 0.3 },
    { step: 12, threshold: 0.5 },
    { step: 40, threshold: 0.02 },
  ];
  const ends = [{ accuracy: 0.97512, sparsity: 0.9264 }];
  const hash = addressOf(DEFAULTS, moves, ends);
  // A move before the first step is the threshold of the start.
  expect(hash).toBe("#threshold=0.3&moves=12:0.5,40:0.02&end=0.9751:0.9264");
  expect(settingsOf(hash)).toEqual({
    settings: { ...DEFAULTS, threshold: 0.3 },
    moves: moves.slice(1),
    ends: [{ accuracy: 0.9751, sparsity: 0.9264 }],
    ignored: [],
  });
  for (const wrong of ["moves=1:2", "moves=a:0.1", "moves=1.5:0.1", "moves=1:-0.1", "end=2:0", "end=0.1:0.1,0:0,0:0"])
    expect(settingsOf(`#${wrong}`)).toMatchObject({ moves: [], ends: [], ignored: [wrong] });
});

test("a preset gives settings, and others override them", () => {
  for (const name of PRESET_NAMES) {
    const { settings: read, ignored } = settingsOf(`#preset=${name}`);
    expect([read, ignored]).toEqual([{ ...DEFAULTS, ...PRESETS[name] }, []]);
    expect(() => checkSettings(read)).not.toThrow();
  }
  expect(settingsOf("#preset=far&seed=4").settings).toEqual({ ...DEFAULTS, ...PRESETS.far, seed: 4 });
  expect(settingsOf("#preset=toString").ignored).toEqual(["preset=toString"]);
});
